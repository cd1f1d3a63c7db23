"""Task: what a network learns, as tensors, and TASKS, the registry of them.

An entry is ``make(*, own parameters) -> Task``, or a Task itself. ``builtin_tasks.py``, ``image_tasks.py`` and
``text_task.py`` register those that ship.

>>> import dfa_lab as dfa
>>> list(dfa.TASKS)
['digits', 'moons', 'circles', 'spirals', 'linear', 'teacher', 'fashion_mnist', 'mnist', 'cifar10', 'text']
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, shown, whole_number
from dfa_lab.experiment.data.from_arrays import from_arrays
from dfa_lab.experiment.data.pixels import StoredInputs, network_inputs
from dfa_lab.experiment.data.samples_table import samples_table
from dfa_lab.learning.interface import all_tensors, described
from dfa_lab.learning.ops import CROSS_ENTROPY_OF_CLASSES, IGNORED, LOSSES, Loss
from dfa_lab.registry import Choice, Registry

#: What inputs may be; beside others, in a tuple or mapping, masks too.
_INPUTS = (torch.float32, torch.int64, torch.uint8)
_PARTS = (torch.float32, torch.int64, torch.int32, torch.bool)
#: Samples that the fingerprint takes at a time: of pixels it needs a copy.
SAMPLES = 1000


@dataclass(frozen=True, eq=False)
class Task:
    """Training and test data: inputs (N, …) float32, int64 for tokens or uint8 for pixels, and targets.

    Pixels are kept as bytes, 0–255, and become float32, x / 255, in each batch. ``train_inputs`` and ``test_inputs``
    read as float32 too, which of pixels is a new copy of all samples each time: take it before a loop, not in it.
    Inputs may be several tensors, in a tuple or a mapping of arguments' names, with the samples first in each. Targets
    are (N,) int64 class numbers, or (N, T) for sequences, or (N, n_out) float32 under a squared error, (N, T, n_out)
    for sequences; what has the class number −100 is left out of the loss and the accuracy. ``outputs`` is n_out,
    ``loss`` a name in LOSSES. An MLP takes the inputs flat, a module of your own as they are. ``image`` is (channels,
    height, width) where a sample is a picture, flat or not; inputs (N, 1 or 3, H, W) need none. ``class_names`` are the
    classes in words, in the order of their numbers. Raises ``DfaLabError`` where shapes do not fit or inputs are not
    finite.

    >>> import dfa_lab as dfa
    >>> dfa.Task.from_arrays([[0.0], [1.0], [2.0], [3.0]], ["cat", "dog", "cat", "dog"], test_share=0.5)
    Task('own', 2 + 2 samples)
    """

    name: str
    summary: str
    train_inputs: Any
    train_targets: Tensor
    test_inputs: Any
    test_targets: Tensor
    outputs: int
    loss: str = "cross_entropy"
    image: tuple[int, int, int] | None = None
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        LOSSES[self.loss]
        for split in ("train", "test"):
            here = f"task {shown(self.name)}: {split}"
            self._check_inputs(here, self.stored_inputs(split), len(getattr(self, f"{split}_targets")))
            self._check_targets(here, getattr(self, f"{split}_targets"))
        sample: tuple[int, ...] = tuple(self.stored_inputs("train").shape[1:]) if self.single else ()
        picture = len(sample) == 3 and sample[0] in (1, 3) and not self._tokens
        if self.image is None and picture:
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

    def _check_inputs(self, here: str, inputs: Any, count: int) -> None:
        parts, like = all_tensors(inputs), all_tensors(self.stored_inputs("train"))
        shapes = [tuple(one.shape[1:]) for one in like]
        if self.single:
            fits = inputs.dim() > 1 and inputs.dtype in _INPUTS
            sample = shapes[0]
            wanted = (
                f"(N, {', '.join(map(str, sample)) or 'n_in'}) float32 (uint8 for pixels, int64 for tokens), N at "
                "least 1, samples of the same shape for training and test: try tensor.float()"
            )
        else:
            fits = bool(parts) and all(one.dim() and one.dtype in _PARTS for one in parts)
            wanted = "tensors (N, …), float32, int64, int32 or bool, of the same names and shapes for training and test"
        lengths = {len(one) for one in parts if one.dim()}
        if not fits or [tuple(one.shape[1:]) for one in parts] != shapes or not all(lengths):
            raise DfaLabError(f"{here} inputs have shape {described(inputs)}; expected {wanted}.")
        if lengths != {count}:
            raise DfaLabError(f"{here} inputs have shape {described(inputs)}, for {count} targets; expected as many.")
        if not all(bool(torch.isfinite(one).all()) for one in parts if one.is_floating_point()):
            raise DfaLabError(f"{here} data hold NaN or infinity; expected finite numbers.")

    def _check_targets(self, here: str, targets: Tensor) -> None:
        classes, known = self.loss == "cross_entropy", self.train_targets.shape[1:]
        values = f"(N, {self.outputs}), or (N, T, {self.outputs}) for T positions, float32"
        wanted = "(N,) int64 class numbers, or (N, T) of them" if classes else values
        kind, least = (torch.int64, 1) if classes else (torch.float32, 2)
        column = classes and targets.shape[1:] == (1,)
        shaped = targets.dim() >= least and targets.shape[1:] == known and not column
        if not shaped or targets.dtype != kind or not (classes or targets.shape[-1] == self.outputs):
            places = not classes and targets.dim() > 2 and targets.shape[1:] == known
            counted = places and targets.shape[-1] != self.outputs
            advice = f" For values at each position, features last, give outputs={targets.shape[-1]}."
            raise DfaLabError(
                f"{here} targets have shape {tuple(targets.shape)}, {targets.dtype}; expected {wanted} for "
                f"N = {len(targets)} under loss {shown(self.loss)}."
                f"{advice if counted else ''}"
            )
        if not bool(torch.isfinite(targets).all()):
            raise DfaLabError(f"{here} data hold NaN or infinity; expected finite numbers.")
        if not classes:
            return
        numbers = targets[targets != IGNORED]
        if not len(numbers) or not (int(numbers.min()) >= 0 and int(numbers.max()) < self.outputs):
            run = f"run from {int(numbers.min())} to {int(numbers.max())}" if len(numbers) else f"are all {IGNORED}"
            raise DfaLabError(f"{here} targets {run}; expected class numbers from 0 to {self.outputs - 1}.")

    def __repr__(self) -> str:
        return f"Task({self.name!r}, {len(self.train_targets)} + {len(self.test_targets)} samples)"

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
        outputs: int | None = None,
    ) -> Task:
        """A task from arrays, tensors, lists or data frames: (N, …) inputs and N targets.

        Targets that are whole numbers, booleans or text are classes (whole numbers from 0; anything else is numbered in
        sorted order); floating ones, (N,) or (N, n_out), are values for a squared error. Inputs become float32 without
        scaling, or int64 with ``tokens``. Several inputs are a mapping of arguments' names to arrays, or a tuple of
        arrays; in these whole numbers stay as they are. Class numbers may be (N, T), a class a token, with −100 where
        nothing is to be learned; ``outputs`` says how many classes there are where not all occur. Values at each
        position are (N, T, n_out) with ``outputs`` = n_out. Without a test set, ``test_share`` of the samples becomes
        it, shuffled by ``seed`` and stratified by class where there are enough. Raises ``DfaLabError`` where that makes
        no task.
        """
        if (test_inputs is None) != (test_targets is None):
            raise DfaLabError("test_inputs and test_targets belong together; give both or neither.")
        counted, test = outputs is not None, (test_inputs, test_targets)
        fields = from_arrays(name, (inputs, targets), test, test_share, seed, tokens, counted)
        return Task(**fields if outputs is None else fields | {"outputs": whole_number("outputs", outputs, 1)})

    def flat(self) -> Task:
        """The same task with inputs (N, n_in), as an MLP takes them."""
        if not self.single or not self.per_sample:
            raise DfaLabError(
                f"task {shown(self.name)} has {'a target for each token' if self.single else 'several inputs'}; an MLP "
                "takes one vector and gives one answer: give Experiment a module."
            )
        if self._tokens:
            raise DfaLabError(
                f"task {shown(self.name)} has tokens as inputs; give Experiment a module that embeds them."
            )
        if self.stored_inputs("train").dim() == 2:
            return self
        inputs = {f"{split}_inputs": self.stored_inputs(split).flatten(1) for split in ("train", "test")}
        return replace(self, **inputs)

    def stored_inputs(self, split: str) -> Any:
        """The inputs of "train" or "test" as they are kept, not to be changed; pixels are bytes."""
        return vars(self)[f"{split}_inputs"]

    @property
    def classifies(self) -> bool:
        """Whether targets are classes, so that accuracy makes sense."""
        return not self.train_targets.is_floating_point()

    @property
    def inputs(self) -> int:
        """n_in, the entries of a sample."""
        return sum(one[0].numel() for one in all_tensors(self.stored_inputs("train")))

    @property
    def single(self) -> bool:
        """Whether a sample is one tensor."""
        return isinstance(self.stored_inputs("train"), Tensor)

    @property
    def _tokens(self) -> bool:
        """Whether a sample is one tensor of whole numbers."""
        return self.single and self.stored_inputs("train").dtype is torch.int64

    @property
    def per_sample(self) -> bool:
        """Whether a sample has one target, and not one for each of its tokens."""
        return self.train_targets.dim() == (1 if self.classifies else 2)

    @functools.cached_property
    def ignores(self) -> bool:
        """Whether some targets are −100, which is no class."""
        return self.classifies and any(bool((one == IGNORED).any()) for one in (self.train_targets, self.test_targets))

    @functools.cached_property
    def fingerprint(self) -> str:
        """64 hex digits over all samples and targets, the same whether samples are flat or not."""
        total = hashlib.sha256(f"{self.loss} {self.outputs}".encode())
        train, test = self.stored_inputs("train"), self.stored_inputs("test")
        for one in all_tensors((train, self.train_targets, test, self.test_targets)):
            total.update(f" {len(one)} {network_inputs(one[:1]).dtype} ".encode())
            for part in one.detach().cpu().split(SAMPLES):
                total.update(network_inputs(part).contiguous().reshape(-1).view(torch.uint8).numpy().data)
        return total.hexdigest()

    def counted(self, targets: Tensor) -> int:
        """How many of ``targets`` are in the loss."""
        if self.ignores:
            return int((targets != IGNORED).sum())
        return targets.numel() if self.classifies else targets.numel() // self.outputs

    @property
    def objective(self) -> Loss:
        """The loss itself."""
        return CROSS_ENTROPY_OF_CLASSES if self.ignores and self.loss == "cross_entropy" else LOSSES[self.loss]


for _name in ("train_inputs", "test_inputs"):
    setattr(Task, _name, StoredInputs(_name))

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
