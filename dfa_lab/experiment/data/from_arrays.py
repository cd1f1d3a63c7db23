"""A task's tensors from a user's own arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, shown

Pair = tuple[Any, Any]


def from_arrays(name: str, train: Pair, test: Pair, test_share: float, seed: int, tokens: bool) -> dict[str, Any]:
    """The fields of a Task from (inputs, targets) pairs; see ``Task.from_arrays``. ``test`` may be (None, None)."""
    inputs, targets = _array(train[0], "inputs"), _array(train[1], "targets")
    parts = [(inputs, targets)]
    if test[0] is not None:
        parts.append((_array(test[0], "test_inputs"), _array(test[1], "test_targets")))
    for part in parts:
        _check_lengths(*part)
    if len(parts) == 1:
        parts = _split(inputs, targets, test_share, seed)
    outputs, coded, loss = _coded([part[1] for part in parts])
    summary = f"data of one's own, {len(inputs)} samples"
    fields: dict[str, Any] = {"name": name, "summary": summary, "outputs": outputs, "loss": loss}
    for split, (given, _), numbers in zip(("train", "test"), parts, coded, strict=True):
        fields |= {f"{split}_inputs": _inputs(given, tokens), f"{split}_targets": numbers}
    return fields


def _array(given: Any, what: str) -> np.ndarray:
    try:
        return given.detach().cpu().numpy() if isinstance(given, Tensor) else np.asarray(given)
    except (TypeError, ValueError) as reason:
        raise DfaLabError(f"{what} cannot be read as an array: {reason}") from None


def _check_lengths(inputs: np.ndarray, targets: np.ndarray) -> None:
    if inputs.ndim < 2 or targets.ndim < 1 or len(inputs) != len(targets) or not len(inputs):
        raise DfaLabError(
            f"inputs have shape {inputs.shape}, targets {targets.shape}; expected (N, …) inputs, two dimensions at "
            "least, and as many targets."
        )


def _split(inputs: np.ndarray, targets: np.ndarray, share: float, seed: int) -> list[Pair]:
    from sklearn.model_selection import train_test_split

    classes = targets.ndim == 1 and targets.dtype.kind != "f"
    counts = np.unique(targets.astype(str), return_counts=True)[1] if classes else np.array([0])
    for stratify in [targets, None] if classes and counts.min() >= 2 else [None]:
        try:
            a, b, c, d = train_test_split(
                inputs, targets, test_size=share, random_state=seed, shuffle=True, stratify=stratify
            )
        except (TypeError, ValueError) as reason:
            problem = reason
            continue
        return [(a, c), (b, d)]
    raise DfaLabError(f"the samples cannot be split with test_share={shown(share)}: {problem}") from None


def _inputs(array: np.ndarray, tokens: bool) -> Tensor:
    kind = np.int64 if tokens else np.float32
    try:
        return torch.from_numpy(np.ascontiguousarray(array).astype(kind))
    except (TypeError, ValueError) as reason:
        raise DfaLabError(f"inputs cannot be numbers: {reason}") from None


def _coded(targets: list[np.ndarray]) -> tuple[int, list[Tensor], str]:
    """n_out, the targets as a task has them, and the loss that goes with them."""
    first = targets[0]
    if first.dtype.kind == "f":
        columns = [torch.from_numpy(one.astype(np.float32)) for one in targets]
        columns = [one.unsqueeze(1) if one.dim() == 1 else one for one in columns]
        return columns[0].shape[1], columns, "squared_error"
    if first.ndim != 1:
        raise DfaLabError(
            f"targets have shape {first.shape}, {first.dtype}; expected (N,) classes, or floating values."
        )
    try:
        known = np.unique(np.concatenate(targets))
    except TypeError as reason:
        raise DfaLabError(f"targets cannot be told apart: {reason}. Expected numbers or texts, not both.") from None
    numbers = known.dtype.kind in "iu" and int(known.min()) >= 0
    if numbers:
        return int(known.max()) + 1, [torch.from_numpy(one.astype(np.int64)) for one in targets], "cross_entropy"
    if known.dtype.kind in "iu":
        raise DfaLabError(f"targets run from {known.min()} to {known.max()}; expected class numbers from 0.")
    return len(known), [torch.from_numpy(np.searchsorted(known, one)) for one in targets], "cross_entropy"
