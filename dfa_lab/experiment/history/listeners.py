"""Listeners of a history: functions that are given each row as it is recorded, for a tracker of experiments."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

from dfa_lab.errors import DfaLabError, in_words, shown


@dataclass(frozen=True)
class Row:
    """One metric that was recorded after ``step`` updates and ``samples`` samples: a value for each replica.

    ``layer`` counts hidden layers from 1; it is None where the metric is the whole network's.
    """

    metric: str
    layer: int | None
    step: int
    samples: int
    values: tuple[float, ...]

    @property
    def name(self) -> str:
        """A name for the metric of this layer, as trackers group them: "weight_alignment/2"."""
        return self.metric if self.layer is None else f"{self.metric}/{self.layer}"

    @property
    def value(self) -> float:
        """The mean over replicas."""
        return sum(self.values) / len(self.values)


Listener = Callable[[Row], object]


class Listeners:
    """The listeners of one history; ``all`` is empty where nobody listens."""

    def __init__(self) -> None:
        self.all: tuple[Listener, ...] = ()

    def __reduce__(self) -> tuple[type[Listeners], tuple[()]]:
        return Listeners, ()  # a copy has none

    def add(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with each row until the function that is returned is called."""
        if not callable(listener):
            raise DfaLabError(f"listen got {shown(listener)}; expected a function of one argument, the row.")

        def own(row: Row) -> object:  # so that the same function can be given twice
            return listener(row)

        def end() -> None:
            self._remove(own)

        self.all = (*self.all, own)
        return end

    def tell(self, row: Row) -> None:
        """Call each listener. One that raises is called no more, which a warning says; the run goes on."""
        for listener in self.all:
            try:
                listener(row)
            except Exception as error:
                self._remove(listener)
                text = f"a listener of a history failed and is called no more: {in_words(error)}"
                warnings.warn(text, RuntimeWarning, stacklevel=3)

    def _remove(self, listener: Listener) -> None:
        self.all = tuple(one for one in self.all if one is not listener)
