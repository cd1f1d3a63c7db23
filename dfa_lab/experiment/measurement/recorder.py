"""Gauge: measures a run where it stands, by its cadence or by hand, and writes what it finds into its history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from dfa_lab.experiment.measurement.probe import Probe
from dfa_lab.experiment.measurement.schedule import PROBE_SHARE, TEST_SHARE
from dfa_lab.experiment.training import all_finite

if TYPE_CHECKING:
    from dfa_lab.experiment.run import Experiment

ALIGNMENT, TEST = "alignment", "test"


class Gauge:
    """Knows what of a run was measured since its weights or its angles last were others."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._known: set[str] = set()

    def forget(self) -> None:
        """The run is at another step."""
        self._known.clear()

    def forget_alignment(self) -> None:
        """The angles are others, at the same weights."""
        self._known.discard(ALIGNMENT)

    def stand_back(self, *, aligned: bool) -> None:
        """The run went back to a step that was measured there, ``aligned`` or not; of the test split nobody knows."""
        self._known = {ALIGNMENT} if aligned else set()

    def know(self, other: Gauge) -> None:
        """What ``other`` knows, of a run that this one stands where it stood."""
        self._known = set(other._known)

    def take(self, run: Experiment, *, chance: bool, evaluate: bool) -> list[int]:
        """What is due: alignment, with ``chance`` its bands, and where it says ``evaluate`` the test split.

        Returns the replicas whose test loss is no number; then no row tells of it.
        """
        if run.cadence.aligned:
            self._align(run, chance=chance, by_hand=False)
        return self._test(run, by_hand=False) if evaluate else []

    def take_by_hand(self, run: Experiment) -> None:
        """What is not known of the run as it stands, as far as it keeps nobody waiting."""
        self._take(run, align=run.cadence.aligned, test=self._probe.is_quick(run._updater, run.settings))

    def take_at_end(self, run: Experiment, steps: int) -> None:
        """What is not known of the run as it stands, as far as it costs a small share of ``steps`` just done."""
        work = self._probe.work(run._updater, run.settings)
        done = steps * work.step
        self._take(
            run,
            align=run.cadence.aligned and work.probe <= PROBE_SHARE * done,
            test=work.test <= TEST_SHARE * done,
        )

    def _take(self, run: Experiment, *, align: bool, test: bool) -> None:
        due = {name for name, wanted in ((ALIGNMENT, align), (TEST, test)) if wanted} - self._known
        if due:
            run._updater.check_net()
        if not due or not all_finite(run.net.parameters()):
            return
        if ALIGNMENT in due:
            self._align(run, chance=False, by_hand=True)
        if TEST in due:
            self._test(run, by_hand=True)

    def _align(self, run: Experiment, *, chance: bool, by_hand: bool) -> None:
        found = self._probe.alignment(run._updater, run.settings, chance=chance)
        run.history.record_layers(found, **run.here, by_hand=by_hand)
        self._known.add(ALIGNMENT)

    def _test(self, run: Experiment, *, by_hand: bool) -> list[int]:
        found = self._probe.evaluate(run._updater)
        lost = [k for k, one in enumerate(found["test_loss"]) if not torch.isfinite(one)]
        for metric, value in found.items() if not lost else ():
            run.history.record(metric, value.tolist(), **run.here, by_hand=by_hand)
        self._known.add(TEST)
        return lost
