"""Plan and Counts: how long an attack goes on, and what it met."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

#: Characters of what is kept of something that went wrong.
DETAIL = 600


@dataclass(frozen=True)
class Plan:
    """So many ``times``, or so many ``minutes`` where they are given, with numbers drawn from ``seed``.

    ``first`` is the number of the first round: to do one again that went wrong, give it and ``times=1``.
    """

    times: int
    minutes: float | None = None
    seed: int = 0
    first: int = 0

    def rounds(self) -> Iterator[tuple[int, random.Random]]:
        """The number of each round with a generator of its own, so that each can be done by itself."""
        end = None if self.minutes is None else time.monotonic() + 60 * self.minutes
        number = self.first
        while number < self.first + self.times if end is None else time.monotonic() < end:
            yield number, random.Random(f"{self.seed} {number}")
            number += 1


@dataclass
class Counts:
    """How often each thing went right, how often wrong with the first case of each, and figures that are neither."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    details: dict[str, str] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)

    def check(self, what: str, holds: object, detail: object = "") -> bool:
        """Count it as right where ``holds`` is true, else as wrong, with ``detail``."""
        if holds:
            self.right[what] += 1
        else:
            self.failed(what, detail)
        return bool(holds)

    def failed(self, what: str, detail: object = "") -> None:
        """Count it as wrong."""
        self.wrong[what] += 1
        self.details.setdefault(what, str(detail)[:DETAIL])

    def add(self, other: dict[str, Any]) -> None:
        """Count what ``values`` of another gave too."""
        self.right.update(other["right"])
        self.wrong.update(other["wrong"])
        self.details = {**other["details"], **self.details}
        self.figures |= other["figures"]

    def values(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {name: dict(one) for name, one in vars(self).items()}

    def rows(self, attack: str) -> Iterator[tuple[str, str, str, str]]:
        """Rows of a table: the attack, what was looked at, how often it was right and how often wrong."""
        for what in dict.fromkeys([*self.right, *self.wrong]):
            yield attack, what, f"{self.right[what]:,}", f"{self.wrong[what]:,}"
        for what, figure in self.figures.items():
            yield attack, what, f"{figure:,.6g}" if isinstance(figure, int | float) else str(figure), ""
