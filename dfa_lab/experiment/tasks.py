"""TASKS: what a network is to learn, as tensors: a training and a test split, a loss, and what it is.

A task is ``make(*, own parameters) -> Task``, or a Task itself; nothing is downloaded.
"""

from __future__ import annotations

import functools
import gzip
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.arrays import from_arrays
from dfa_lab.learning.losses import LOSSES, Loss
from dfa_lab.registry import Choice, Registry

_INPUTS = (torch.float32, torch.int64)
FASHION_MNIST_FOLDER = "/usr/share/datasets/fashion-mnist"


@dataclass(frozen=True, eq=False)
class Task:
    """Inputs (N, …) float32, or int64 for tokens; targets (N,) int64 class numbers, or (N, n_out) float32 under a
    squared error.

    ``outputs`` is n_out, ``loss`` a name in LOSSES. An MLP takes the inputs flat, a module of one's own as they are.
    Raises ``DfaLabError`` where shapes do not fit or inputs are not finite.
    """

    name: str
    summary: str
    train_inputs: Tensor
    train_targets: Tensor
    test_inputs: Tensor
    test_targets: Tensor
    outputs: int
    loss: str = "cross_entropy"

    def __post_init__(self) -> None:
        LOSSES[self.loss]
        classes = self.loss == "cross_entropy"
        wanted = "(N,) int64 class numbers" if classes else f"(N, {self.outputs}) float32"
        sample = self.train_inputs.shape[1:]
        shaped = f"(N, {', '.join(map(str, sample)) or 'n_in'})"
        splits = {"train": (self.train_inputs, self.train_targets), "test": (self.test_inputs, self.test_targets)}
        for split, (inputs, targets) in splits.items():
            here = f"task {self.name!r}: {split}"
            shape = (len(inputs),) if classes else (len(inputs), self.outputs)
            kind = torch.int64 if classes else torch.float32
            if inputs.dim() < 2 or inputs.shape[1:] != sample or not len(inputs) or inputs.dtype not in _INPUTS:
                raise DfaLabError(
                    f"{here} inputs have shape {tuple(inputs.shape)}, {inputs.dtype}; expected {shaped} float32 (int64 "
                    "for tokens), N at least 1, samples of the same shape for training and test: try tensor.float()."
                )
            if tuple(targets.shape) != shape or targets.dtype != kind:
                raise DfaLabError(
                    f"{here} targets have shape {tuple(targets.shape)}, {targets.dtype}; expected {wanted} for "
                    f"N = {len(inputs)} under loss {self.loss!r}."
                )
            if not bool(torch.isfinite(inputs).all() and torch.isfinite(targets).all()):
                raise DfaLabError(f"{here} data hold NaN or infinity; expected finite numbers.")
            if classes and not (int(targets.min()) >= 0 and int(targets.max()) < self.outputs):
                raise DfaLabError(
                    f"{here} targets run from {int(targets.min())} to {int(targets.max())}; "
                    f"expected class numbers from 0 to {self.outputs - 1}."
                )

    def __repr__(self) -> str:
        return f"Task({self.name!r}, {len(self.train_inputs)} + {len(self.test_inputs)} samples)"

    @classmethod
    def from_arrays(
        cls,
        inputs: Any,
        targets: Any,
        test_inputs: Any = None,
        test_targets: Any = None,
        *,
        name: str = "own",
        test_share: float = 0.2,
        seed: int = 0,
        tokens: bool = False,
    ) -> Task:
        """A task from arrays, tensors, lists or data frames: (N, …) inputs and N targets.

        Targets that are whole numbers, booleans or text are classes (whole numbers from 0; anything else is numbered in
        sorted order), floating ones values for a squared error, (N,) or (N, n_out). Inputs become float32 as they are,
        not scaled; with ``tokens`` int64. Without a test set of its own, ``test_share`` of the samples, shuffled by
        ``seed`` and stratified by class where there are enough, is it. Raises ``DfaLabError`` where that makes no task.
        """
        if (test_inputs is None) != (test_targets is None):
            raise DfaLabError("test_inputs and test_targets belong together; give both or neither.")
        return Task(**from_arrays(name, (inputs, targets), (test_inputs, test_targets), test_share, seed, tokens))

    def flat(self) -> Task:
        """The same with inputs (N, n_in): what an MLP learns from."""
        if not self.train_inputs.is_floating_point():
            raise DfaLabError(f"task {self.name!r} has tokens as inputs; give Experiment a module that embeds them.")
        if self.train_inputs.dim() == 2:
            return self
        inputs = {name: getattr(self, name).flatten(1) for name in ("train_inputs", "test_inputs")}
        return replace(self, **inputs)

    @property
    def classifies(self) -> bool:
        """Whether targets are classes, so that accuracy makes sense."""
        return not self.train_targets.is_floating_point()

    @property
    def inputs(self) -> int:
        """n_in, the entries of a sample."""
        return self.train_inputs[0].numel()

    @property
    def objective(self) -> Loss:
        """The loss itself."""
        return LOSSES[self.loss]


TASKS: Registry[Callable[..., Task] | Task] = Registry("task")


@TASKS.register("digits")
def digits(*, flat: bool = True) -> Task:
    """1,797 handwritten digits, 8×8 (scikit-learn's own), inputs in 0–1; a fixed stratified split, a fifth for test.

    Not ``flat``: as images (N, 1, 8, 8).
    """
    from sklearn.datasets import load_digits

    pixels, digit = (np.asarray(column) for column in load_digits(return_X_y=True))
    pixels = pixels / 16.0 if flat else pixels.reshape(-1, 1, 8, 8) / 16.0
    return _split("digits", "handwritten digits, 8×8 pixels, 10 classes", pixels, digit, outputs=10)


@TASKS.register("moons")
def moons(*, samples: int = 2000, noise: float = 0.2) -> Task:
    """Two interleaved half circles in the plane (scikit-learn's make_moons), ``noise`` in units of their radius."""
    from sklearn.datasets import make_moons

    inputs, targets = make_moons(n_samples=samples, noise=noise, random_state=0)
    return _split("moons", "two interleaved half circles in the plane, 2 classes", inputs, targets, outputs=2)


@TASKS.register("fashion_mnist")
def fashion_mnist(*, folder: str = FASHION_MNIST_FOLDER, flat: bool = True) -> Task:
    """70,000 pictures of clothes, 28×28 (Xiao et al. 2017), inputs in 0–1, the set's own split of 60,000 and 10,000.

    Not ``flat``: as images (N, 1, 28, 28). ``folder`` holds the four IDX files, gzipped or not; by default where
    Debian's dataset-fashion-mnist puts them.
    """
    place = Path(folder)
    arrays = {}
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        path = next((place / (name + end) for end in ("-ubyte.gz", "-ubyte") if (place / (name + end)).exists()), None)
        if path is None:
            raise DfaLabError(
                f"task 'fashion_mnist' looked for {name}-ubyte.gz in {place} and did not find it. On Debian or Ubuntu: "
                "apt-get install dataset-fashion-mnist. Elsewhere: put the set's four IDX files in a folder and give "
                'it as task={"name": "fashion_mnist", "folder": "…"}.'
            )
        arrays[name] = torch.from_numpy(_read_idx(path))
    shape = (-1, 784) if flat else (-1, 1, 28, 28)
    return Task(
        name="fashion_mnist",
        summary="pictures of clothes, 28×28 pixels, 10 classes",
        train_inputs=arrays["train-images-idx3"].reshape(shape) / 255,
        train_targets=arrays["train-labels-idx1"].long(),
        test_inputs=arrays["t10k-images-idx3"].reshape(shape) / 255,
        test_targets=arrays["t10k-labels-idx1"].long(),
        outputs=10,
    )


def _read_idx(path: Path) -> np.ndarray:
    """The array of bytes in an IDX file: two zero bytes, type 8, the number of dimensions, their sizes, the data."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        zero, kind, dimensions = struct.unpack(">HBB", raw[:4])
        shape = struct.unpack(f">{dimensions}I", raw[4 : 4 + 4 * dimensions])
        if zero != 0 or kind != 8:
            raise ValueError(f"it begins with {raw[:4]!r}")
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions).reshape(shape).copy()
    except (OSError, EOFError, ValueError, struct.error) as reason:
        raise DfaLabError(f"{path} is no IDX file of bytes ({reason}); get the file again.") from None


def _split(name: str, summary: str, inputs: np.ndarray, targets: np.ndarray, outputs: int) -> Task:
    """A stratified, shuffled split that is always the same: a fifth is the test set."""
    from sklearn.model_selection import train_test_split

    parts = train_test_split(inputs, targets, test_size=0.2, stratify=targets, shuffle=True, random_state=0)
    train, test, train_targets, test_targets = (torch.from_numpy(np.ascontiguousarray(part)) for part in parts)
    return Task(name, summary, train.float(), train_targets.long(), test.float(), test_targets.long(), outputs)


def make_task(choice: Choice | Task) -> Task:
    """The task a choice names. Made once a process: all experiments on it share its tensors, which none may change."""
    if isinstance(choice, Task):
        return choice
    name, parameters = TASKS.split(choice)
    entry = TASKS[name]
    return entry if isinstance(entry, Task) else _made(entry, name, json.dumps(parameters, sort_keys=True, default=str))


@functools.lru_cache(maxsize=8)
def _made(make: Callable[..., Task], name: str, parameters: str) -> Task:
    task = TASKS.call({"name": name, **json.loads(parameters)})
    if not isinstance(task, Task):
        raise DfaLabError(f"task {name!r} gave a {type(task).__name__}; expected a Task.")
    return task
