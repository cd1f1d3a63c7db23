"""A task's tensors from a user's own arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.learning.ops import IGNORED

Pair = tuple[Any, Any]
#: What whole numbers are read as class numbers: a network has an output for each.
MOST_CLASSES = 1_000_000
#: Fewer are classes in any case; of more, one of so many at least is to occur, else they may well be prices.
FEW_CLASSES, SPARSE = 10_000, 10


def from_arrays(
    name: str, train: Pair, test: Pair, test_share: float, seed: int, tokens: bool, counted: bool
) -> dict[str, Any]:
    """The fields of a Task from (inputs, targets) pairs; see ``Task.from_arrays``. ``test`` may be (None, None).

    ``counted`` says that the number of classes was given.
    """
    parts = [_arrays(train, "")]
    if test[0] is not None:
        parts.append(_arrays(test, "test_"))
    for part in parts:
        _check_lengths(*part)
    count = len(parts[0][1])
    if len(parts) == 1:
        inputs, targets = parts[0]
        parts = [(_taken(inputs, chosen), targets[chosen]) for chosen in _split(targets, test_share, seed)]
    outputs, coded, loss = _coded([part[1] for part in parts], counted)
    summary = f"data of one's own, {count} samples"
    fields: dict[str, Any] = {"name": name, "summary": summary, "outputs": outputs, "loss": loss}
    for split, (given, _), numbers in zip(("train", "test"), parts, coded, strict=True):
        fields |= {f"{split}_inputs": _inputs(given, tokens), f"{split}_targets": numbers}
    return fields


def _arrays(given: Pair, prefix: str) -> Pair:
    """Inputs, one array or several in a mapping or tuple, and targets."""
    targets = _array(given[1], f"{prefix}targets")
    return _several(given[0], f"{prefix}inputs", len(targets) if targets.ndim else 0), targets


def _several(given: Any, what: str, count: int) -> Any:
    if isinstance(given, Mapping):
        return {str(name): _several(one, f"{what}[{name!r}]", count) for name, one in given.items()}
    if isinstance(given, tuple) and given and all(map(_is_several, given)) and len(given) != count:
        return tuple(_several(one, f"{what}[{place}]", count) for place, one in enumerate(given))
    return _array(given, what)


def _is_several(one: Any) -> bool:
    """Whether ``one`` is an array of samples, or holds such arrays; a number or a list of numbers is none."""
    if isinstance(one, Mapping | tuple):
        return bool(one) and all(map(_is_several, one.values() if isinstance(one, Mapping) else one))
    return len(getattr(one, "shape", ())) > 0


def _is_masked(given: Any) -> bool:
    """Whether entries of a masked array, or of such arrays in a list, are masked."""
    if isinstance(given, np.ma.MaskedArray):
        return bool(np.ma.is_masked(given))
    return isinstance(given, list | tuple) and any(map(_is_masked, given))


def _array(given: Any, what: str) -> np.ndarray:
    if _is_masked(given):
        raise DfaLabError(
            f"{what} have masked entries, which a task would take for numbers; leave those samples out, or say what to "
            "put there: array.filled(0.0)."
        )
    try:
        if isinstance(given, Tensor):
            given = given.detach().cpu()
            found = (given.float() if given.dtype is torch.bfloat16 else given).numpy()
        else:
            found = np.asarray(given)
    except Exception as reason:  # whatever an __array__ of somebody's own may raise
        raise DfaLabError(f"{what} cannot be read as an array: {reason}") from None
    if found.dtype.kind == "c":
        raise DfaLabError(f"{what} are complex; expected real numbers, such as real and imaginary parts side by side.")
    return found


def _leaves(inputs: Any) -> list[np.ndarray]:
    if isinstance(inputs, dict | tuple):
        parts = inputs.values() if isinstance(inputs, dict) else inputs
        return [leaf for part in parts for leaf in _leaves(part)]
    return [inputs]


def _taken(inputs: Any, chosen: np.ndarray) -> Any:
    """The samples at ``chosen``."""
    if isinstance(inputs, dict):
        return {name: _taken(one, chosen) for name, one in inputs.items()}
    return tuple(_taken(one, chosen) for one in inputs) if isinstance(inputs, tuple) else inputs[chosen]


def _check_lengths(inputs: Any, targets: np.ndarray) -> None:
    several, leaves = isinstance(inputs, dict | tuple), _leaves(inputs)
    least = 1 if several else 2
    wrong = [one.shape for one in leaves if one.ndim < least or len(one) != len(targets)] if targets.ndim else leaves
    if wrong or not leaves or targets.ndim < 1 or not len(targets):
        shapes = ", ".join(str(one.shape) for one in leaves) or "none"
        expected = "(N, …) arrays" if several else "(N, …) inputs, two dimensions at least,"
        raise DfaLabError(
            f"inputs have shape {shapes}, targets {targets.shape}; expected {expected} and as many targets."
        )


def _split(targets: np.ndarray, share: float, seed: int) -> list[np.ndarray]:
    """The numbers of the training and of the test samples."""
    from sklearn.model_selection import train_test_split

    classes = targets.ndim == 1 and targets.dtype.kind != "f"
    counts = np.unique(targets.astype(str), return_counts=True)[1] if classes else np.array([0])
    for stratify in [targets, None] if classes and counts.min() >= 2 else [None]:
        try:
            split: list[np.ndarray] = train_test_split(
                np.arange(len(targets)), test_size=share, random_state=seed, shuffle=True, stratify=stratify
            )
        except (TypeError, ValueError) as reason:
            problem = reason
            continue
        return split
    raise DfaLabError(f"the samples cannot be split with test_share={shown(share)}: {problem}") from None


def _inputs(given: Any, tokens: bool) -> Any:
    if isinstance(given, dict):
        return {name: _inputs(one, _whole(one)) for name, one in given.items()}
    if isinstance(given, tuple):
        return tuple(_inputs(one, _whole(one)) for one in given)
    kind: type = np.bool_ if tokens and given.dtype.kind == "b" else np.int64 if tokens else np.float32
    try:
        return torch.from_numpy(np.ascontiguousarray(given).astype(kind))
    except (TypeError, ValueError) as reason:
        raise DfaLabError(f"inputs cannot be numbers: {reason}") from None


def _whole(given: Any) -> bool:
    return isinstance(given, np.ndarray) and given.dtype.kind in "biu"


def _coded(targets: list[np.ndarray], given: bool) -> tuple[int, list[Tensor], str]:
    """n_out, the targets as a task has them, and the loss that goes with them."""
    first = targets[0]
    if first.dtype.kind == "f":
        columns = [torch.from_numpy(one.astype(np.float32)) for one in targets]
        columns = [one.unsqueeze(1) if one.dim() == 1 else one for one in columns]
        return columns[0].shape[1], columns, "squared_error"
    if any(one.shape[1:] != first.shape[1:] or one.shape[1:] == (1,) for one in targets):
        raise DfaLabError(
            f"targets have shape {first.shape}, {first.dtype}; expected (N,) classes, (N, T) of tokens, or floating "
            "values."
        )
    try:
        known = np.unique(np.concatenate([one.ravel() for one in targets]))
        known = known[known != IGNORED] if known.dtype.kind in "iu" else known
    except TypeError as reason:
        raise DfaLabError(f"targets cannot be distinguished: {reason}. Expected numbers or texts, not both.") from None
    if not len(known):
        raise DfaLabError(f"targets are all {IGNORED}, which is no class; expected class numbers from 0.")
    numbers = known.dtype.kind in "iu" and int(known.min()) >= 0
    if numbers and known.max() >= MOST_CLASSES:
        raise DfaLabError(
            f"targets are whole numbers up to {known.max():,}, and so classes; expected class numbers below "
            f"{MOST_CLASSES:,}, or values to predict as floating numbers: targets.float()."
        )
    if numbers and not given and first.ndim == 1 and known.max() >= max(FEW_CLASSES, SPARSE * len(known)):
        raise DfaLabError(
            f"targets are whole numbers up to {known.max():,}, of which {len(known):,} occur; for values to predict "
            "give floating numbers, targets.astype(float), for so many classes say outputs=."
        )
    if numbers:
        return int(known.max()) + 1, [torch.from_numpy(one.astype(np.int64)) for one in targets], "cross_entropy"
    if known.dtype.kind in "iu":
        raise DfaLabError(f"targets run from {known.min()} to {known.max()}; expected class numbers from 0.")
    return len(known), [torch.from_numpy(np.searchsorted(known, one)) for one in targets], "cross_entropy"
