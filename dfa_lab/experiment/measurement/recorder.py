"""Recorder: writes what a probe measures into a history, and knows what is measured already."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import torch
from torch import Tensor

from dfa_lab.experiment.history import Here, History

ALIGNMENT, TEST = "alignment", "test"


class Measures(Protocol):
    """What measures a network, as a ``Probe`` does."""

    def alignment(self, *, chance: bool) -> dict[str, list[list[float]]]:
        """Metric -> for each layer a number a replica; with ``chance`` the chance bands as well."""

    def evaluate(self) -> dict[str, Tensor]:
        """``test_loss`` and, for classes, ``test_accuracy``: (K,), (1,) without replicas."""


class Recorder:
    """Records ``ALIGNMENT`` and ``TEST``, and tracks which of them are known at the current weights.

    Rows are written at ``here``: the step and the samples seen.
    """

    def __init__(self, probe: Measures, history: History, known: Collection[str] = ()) -> None:
        self._probe, self._history, self._known = probe, history, set(known)

    def missing(self, wanted: set[str]) -> set[str]:
        """What is ``wanted`` and not known."""
        return wanted - self._known

    def forget(self, *names: str) -> None:
        """Nothing of these is known any more; of all, where none is named: the weights are others."""
        self._known.difference_update(names or tuple(self._known))

    def went_back(self, *, aligned: bool) -> None:
        """The run is at a checkpoint again, where alignment was recorded if ``aligned``."""
        self._known = {ALIGNMENT} if aligned else set()

    @property
    def known(self) -> frozenset[str]:
        """What is known at the current weights."""
        return frozenset(self._known)

    def record(self, here: Here, wanted: set[str], *, chance: bool = False, by_hand: bool = False) -> list[int]:
        """Measure what is ``wanted``, with ``chance`` the chance bands as well, whether it is known or not.

        Returns the replicas whose test loss is not finite; then it writes no row of the test split.
        """
        lost = []
        if ALIGNMENT in wanted:
            self._history.record_layers(self._probe.alignment(chance=chance), **here, by_hand=by_hand)
            self._known.add(ALIGNMENT)
        if TEST in wanted:
            found = self._probe.evaluate()
            lost = [k for k, one in enumerate(found["test_loss"]) if not torch.isfinite(one)]
            for metric, value in found.items() if not lost else ():
                self._history.record(metric, value.tolist(), **here, by_hand=by_hand)
            self._known.add(TEST)
        return lost
