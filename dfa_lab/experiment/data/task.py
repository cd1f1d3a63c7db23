"""Task: what a network learns, as tensors, and TASKS, the registry of them.

An entry is ``make(*, own parameters) -> Task``, or a Task itself. ``builtin_tasks.py`` registers those that ship.

>>> import dfa_lab as dfa
>>> list(dfa.TASKS)
['digits', 'moons', 'linear', 'teacher', 'fashion_mnist']
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.data.from_arrays import from_arrays
from dfa_lab.experiment.data.samples_table import samples_table
from dfa_lab.learning.ops import LOSSES, Loss
from dfa_lab.registry import Choice, Registry

_INPUTS = (torch.float32, torch.int64)


@dataclass(frozen=True, eq=False)
class Task:
    """Training and test data: inputs (N, …) float32, or int64 for tokens, and targets.

    Targets are (N,) int64 class numbers, or (N, n_out) float32 under a squared error. ``outputs`` is n_out, ``loss`` a
    name in LOSSES. An MLP takes the inputs flat, a module of your own as they are. ``image`` is (channels, height,
    width) where a sample is a picture, flat or not; inputs (N, 1 or 3, H, W) need none. ``class_names`` are the classes
    in words, in the order of their numbers. Raises ``DfaLabError`` where shapes do not fit or inputs are not finite.

    >>> import dfa_lab as dfa
    >>> dfa.Task.from_arrays([[0.0], [1.0], [2.0], [3.0]], ["cat", "dog", "cat", "dog"], test_share=0.5)
    Task('own', 2 + 2 samples)
    """

    name: str
    summary: str
    train_inputs: Tensor
    train_targets: Tensor
    test_inputs: Tensor
    test_targets: Tensor
    outputs: int
    loss: str = "cross_entropy"
    image: tuple[int, int, int] | None = None
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        LOSSES[self.loss]
        classes = self.loss == "cross_entropy"
        wanted = "(N,) int64 class numbers" if classes else f"(N, {self.outputs}) float32"
        sample = self.train_inputs.shape[1:]
        shaped = f"(N, {', '.join(map(str, sample)) or 'n_in'})"
        splits = {"train": (self.train_inputs, self.train_targets), "test": (self.test_inputs, self.test_targets)}
        for split, (inputs, targets) in splits.items():
            here = f"task {shown(self.name)}: {split}"
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
                    f"N = {len(inputs)} under loss {shown(self.loss)}."
                )
            if not bool(torch.isfinite(inputs).all() and torch.isfinite(targets).all()):
                raise DfaLabError(f"{here} data hold NaN or infinity; expected finite numbers.")
            if classes and not (int(targets.min()) >= 0 and int(targets.max()) < self.outputs):
                raise DfaLabError(
                    f"{here} targets run from {int(targets.min())} to {int(targets.max())}; "
                    f"expected class numbers from 0 to {self.outputs - 1}."
                )

        if self.image is None and len(sample) == 3 and sample[0] in (1, 3) and self.train_inputs.is_floating_point():
            object.__setattr__(self, "image", tuple(sample))
        if self.image is not None and math.prod(self.image) != math.prod(sample):
            raise DfaLabError(
                f"task {shown(self.name)}: image was given as {shown(self.image)}; expected (channels, height, "
                f"width) with {math.prod(sample)} entries, as each sample has."
            )
        if self.class_names and len(self.class_names) != self.outputs:
            raise DfaLabError(
                f"task {shown(self.name)}: {len(self.class_names)} class_names were given for {self.outputs} outputs; "
                "give one for each, or none."
            )

    def __repr__(self) -> str:
        return f"Task({self.name!r}, {len(self.train_inputs)} + {len(self.test_inputs)} samples)"

    def _repr_html_(self) -> str:
        return samples_table(self)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes in words, or their numbers."""
        return self.class_names or tuple(str(number) for number in range(self.outputs))

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
        sorted order); floating ones, (N,) or (N, n_out), are values for a squared error. Inputs become float32 without
        scaling, or int64 with ``tokens``. Without a test set, ``test_share`` of the samples becomes it, shuffled by
        ``seed`` and stratified by class where there are enough. Raises ``DfaLabError`` where that makes no task.
        """
        if (test_inputs is None) != (test_targets is None):
            raise DfaLabError("test_inputs and test_targets belong together; give both or neither.")
        return Task(**from_arrays(name, (inputs, targets), (test_inputs, test_targets), test_share, seed, tokens))

    def flat(self) -> Task:
        """The same task with inputs (N, n_in), as an MLP takes them."""
        if not self.train_inputs.is_floating_point():
            raise DfaLabError(
                f"task {shown(self.name)} has tokens as inputs; give Experiment a module that embeds them."
            )
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


def make_task(choice: Choice | Task) -> Task:
    """The task a choice names, made once a process: all experiments on it share its tensors, which none may change."""
    if isinstance(choice, Task):
        return choice
    name, parameters = TASKS.split(choice)
    entry = TASKS[name]
    if isinstance(entry, Task):
        return entry
    try:
        written = json.dumps(parameters, sort_keys=True, default=str)
    except Exception as reason:  # a number of over 4,300 digits; an object that cannot be printed
        raise DfaLabError(
            f"task {shown(name)} was given parameters {shown(parameters)}, which cannot be written; expected numbers, "
            "texts and lists of them."
        ) from reason
    return _made(entry, name, written)


@functools.lru_cache(maxsize=8)
def _made(make: Callable[..., Task], name: str, parameters: str) -> Task:
    task = TASKS.call({"name": name, **json.loads(parameters)})
    if not isinstance(task, Task):
        raise DfaLabError(f"task {shown(name)} gave a {type(task).__name__}; expected a Task.")
    return task
