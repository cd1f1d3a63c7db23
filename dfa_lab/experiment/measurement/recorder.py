"""Recorder: writes what a probe measures into a history, and knows what is measured already."""

from __future__ import annotations

import torch

from dfa_lab.experiment.history import Here, History
from dfa_lab.experiment.measurement.probe import Probe
from dfa_lab.experiment.training import all_finite

ALIGNMENT, TEST = "alignment", "test"


class Recorder:
    """Tracks which quantities are up to date at the current weights: ``known`` holds ``ALIGNMENT``, ``TEST`` or both.

    Rows are written at ``here``: the step and the samples seen.
    """

    def __init__(self, probe: Probe, history: History, known: set[str] | None = None) -> None:
        self._probe, self._history = probe, history
        self.known = set(known or ())

    def record_due(self, here: Here, *, align: bool, chance: bool, evaluate: bool) -> list[int]:
        """Measure whatever is known: where asked for, alignment, with ``chance`` its bands, and the test split.

        Returns the replicas whose test loss is not finite; then it writes no row of the test split.
        """
        if align:
            self._align(here, chance=chance, by_hand=False)
        return self._evaluate(here, by_hand=False) if evaluate else []

    def record_by_hand(self, here: Here, *, align: bool, evaluate: bool) -> None:
        """Measure what is asked for and not known; nothing where the weights are not finite."""
        due = {name for name, wanted in ((ALIGNMENT, align), (TEST, evaluate)) if wanted} - self.known
        if due:
            self._probe.learner.check_net()
        if not due or not all_finite(self._probe.learner.net.parameters()):
            return
        if ALIGNMENT in due:
            self._align(here, chance=False, by_hand=True)
        if TEST in due:
            self._evaluate(here, by_hand=True)

    def _align(self, here: Here, *, chance: bool, by_hand: bool) -> None:
        self._history.record_layers(self._probe.alignment(chance=chance), **here, by_hand=by_hand)
        self.known.add(ALIGNMENT)

    def _evaluate(self, here: Here, *, by_hand: bool) -> list[int]:
        found = self._probe.evaluate()
        lost = [k for k, one in enumerate(found["test_loss"]) if not torch.isfinite(one)]
        for metric, value in found.items() if not lost else ():
            self._history.record(metric, value.tolist(), **here, by_hand=by_hand)
        self.known.add(TEST)
        return lost
