"""Recorder: writes what a probe measures into a history, and knows what is measured already."""

from __future__ import annotations

import torch

from dfa_lab.experiment.history import Here, History
from dfa_lab.experiment.measurement.probe import Probe

ALIGNMENT, TEST = "alignment", "test"


class Recorder:
    """Tracks which quantities are up to date at the current weights: ``known`` holds ``ALIGNMENT``, ``TEST`` or both.

    Rows are written at ``here``: the step and the samples seen.
    """

    def __init__(self, probe: Probe, history: History, known: set[str] | None = None) -> None:
        self._probe, self._history = probe, history
        self.known = set(known or ())

    def record(self, here: Here, wanted: set[str], *, chance: bool = False, by_hand: bool = False) -> list[int]:
        """Measure what is ``wanted``, with ``chance`` the chance bands as well, whether it is known or not.

        Returns the replicas whose test loss is not finite; then it writes no row of the test split.
        """
        lost = []
        if ALIGNMENT in wanted:
            self._history.record_layers(self._probe.alignment(chance=chance), **here, by_hand=by_hand)
            self.known.add(ALIGNMENT)
        if TEST in wanted:
            found = self._probe.evaluate()
            lost = [k for k, one in enumerate(found["test_loss"]) if not torch.isfinite(one)]
            for metric, value in found.items() if not lost else ():
                self._history.record(metric, value.tolist(), **here, by_hand=by_hand)
            self.known.add(TEST)
        return lost
