"""Reproduction: numbers that a paper printed, and the runs that give them here. REPRODUCTIONS is the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.registry import Registry

#: A quick reproduction trains for this share of the steps, and with two seeds.
QUICK_SHARE, QUICK_SEEDS = 0.02, 2


#: Training images of Fashion-MNIST and of MNIST.
IMAGES = 60_000


def steps_of(epochs: float, batch_size: int) -> int:
    """Steps that are so many times through the training images."""
    return round(epochs * IMAGES / batch_size)


@dataclass(frozen=True)
class Effort:
    """How much is trained: ``seeds`` runs of each case, on ``task``; ``quick`` for a fiftieth of the steps.

    ``folder`` keeps a sweep's runs, so that a reproduction that was stopped goes on; None keeps nothing.
    """

    task: str | Mapping[str, Any]
    seeds: int
    quick: bool = False
    folder: Path | None = None
    progress: bool = True

    def steps(self, full: int) -> int:
        """The steps to train in place of ``full``."""
        return max(10, round(full * QUICK_SHARE)) if self.quick else full


#: Case -> a value for each seed.
Measured = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Reproduction:
    """A paper's numbers and how they are found here.

    ``published`` maps the name of a task to case -> number, in ``unit``; a case of a task that the paper does not have
    is measured and not compared. ``tolerance`` is how far a mean here may be from a number there. ``measure(effort)``
    trains, and returns case -> a value for each seed. ``claims`` maps what the source says in words or in curves to a
    function of the means, case -> mean, that says whether it holds here. ``about`` says network, data and recipe, and
    what of it is not the paper's; ``why`` where ours differs and why we think so. ``minutes`` is about what a
    full run took on two slow cores.

    >>> import dfa_lab as dfa
    >>> dfa.REPRODUCTIONS["ccl"].published["fashion_mnist"]["bp"]
    89.58
    """

    title: str
    source: str
    about: str
    unit: str
    published: Mapping[str, Mapping[str, float]]
    tolerance: float
    minutes: float
    measure: Callable[[Effort], Measured]
    seeds: int = 3
    claims: Mapping[str, Callable[[Mapping[str, float]], bool]] = field(default_factory=dict)
    why: str = ""

    @property
    def meaning(self) -> str:
        """What a table of the registry says of it."""
        return f"{self.about} {self.source}."

    @property
    def tasks(self) -> list[str]:
        """The data that it can be made of, its own choice first."""
        return list(self.published)

    def numbers_for(self, task: str) -> Mapping[str, float]:
        """The paper's numbers on a task; ``DfaLabError`` for a task that it cannot be made with."""
        if not isinstance(task, str) or task not in self.published:
            name, folder = (task.get("name"), task.get("folder", "…")) if isinstance(task, Mapping) else ("", "")
            instead = f" Here: task={name!r}, images={shown(folder)}." if name in self.tasks else ""
            raise DfaLabError(
                f"task was given as {shown(task)} to the reproduction {shown(self.title)}; expected one of "
                f"{', '.join(self.published)}, and the folder of its files as images.{instead}"
            )
        return self.published[task]


REPRODUCTIONS: Registry[Reproduction] = Registry("reproduction")
