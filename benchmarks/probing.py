"""What measuring alignment at the default cadence costs: a run of 2,000 steps with it and without it.

python benchmarks/probing.py [--quick]

Pairs of runs from the same settings, interleaved in one process, one thread, the median of the ratios. "with" probes
as the settings' defaults say: alignment, chance bands and snapshots. "without" is the same run with ``probe_every=0``
and no early probe. Neither goes through the test split: that has a share of its own (``Cadence``), in the last column.
The counted share is what ``work.py`` expects of the same run.
"""

import argparse
import statistics
import time

import torch

import dfa_lab as dfa
from dfa_lab.experiment.cadence import HORIZON, Cadence

CASES = {
    "64-128-128-10": {"task": "digits", "widths": (128, 128)},
    "784-1024³-10": {"task": "fashion_mnist", "widths": (1024, 1024, 1024)},
}
RULES = ("dfa", "fa", "bp")


class Untested(Cadence):
    """The same cadence without the test split."""

    def evaluation_is_due(self, step: int) -> bool:
        return False


def trained(settings: dict[str, object], steps: int, *, probing: bool) -> float:
    """Seconds that ``steps`` steps take."""
    experiment = dfa.Experiment(**settings)
    experiment.train(0)
    cadence = experiment.cadence
    experiment.cadence = Untested(cadence.every if probing else 10**9, 10**9, False)
    if not probing:
        experiment.cadence = Untested(1, 1, False, False)
    began = time.perf_counter()
    experiment.train(steps)
    return time.perf_counter() - began
