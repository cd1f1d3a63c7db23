"""What measuring alignment costs at the default schedule: runs of 2,000 steps with it and without it.

python benchmarks/experiment/probing.py [--pairs 5] [--steps 2000] [--case 64-128-128-10]

Each pair is the same run twice in one process, on one thread, the order changing from pair to pair: once as the
settings' defaults say, once with ``probe_every=0``. The column "probing" is the median of (with − without) / without:
alignment and chance bands. "all measuring" is the share of the clock that a run with probing spends in measurements of
any kind, snapshots and the test split included. "counted" is what ``cost_model.py`` expects of the first.
"""

import argparse
import statistics
import time
from typing import Any

import dfa_lab as dfa
from dfa_lab.experiment.measurement import Schedule
from dfa_lab.experiment.run import Experiment, Trainer

CASES: dict[str, dict[str, Any]] = {
    "64-128-128-10": {"task": "digits", "widths": (128, 128)},
    "784-1024³-10": {"task": "fashion_mnist", "widths": (1024, 1024, 1024)},
}
RULES = ("dfa", "fa", "bp")


class Timed(Trainer):
    """A trainer that knows how long its measurements took."""

    measuring = 0.0

    def measure(self) -> None:
        began = time.perf_counter()
        super().measure()
        self.measuring += time.perf_counter() - began


def trained(settings: dict[str, Any], steps: int, probe_every: int | None) -> tuple[float, float]:
    """Seconds that training took in all, and those of them that were measuring."""
    run = Experiment(probe_every=probe_every, **settings)
    run.trainer = timed = Timed(run.settings, (None, None), run.history.name, run.trainer.observers)
    began = time.perf_counter()
    run.train(steps)
    return time.perf_counter() - began, timed.measuring


def counted(settings: dict[str, Any], steps: int) -> tuple[Schedule, float]:
    """The schedule of a run, and the share that its probes should have by the operations counted."""
    run = dfa.Experiment(**settings)
    costs = run.trainer.costs
    places = range(steps + 1)
    probes = sum(run.cadence.alignment_is_due(step) for step in places)
    chances = 1 + sum(run.cadence.chance_is_due(step) for step in places)
    return run.cadence, (probes * costs.probe + chances * costs.chance) / (steps * costs.step)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--case", choices=list(CASES), action="append")
    arguments = parser.parse_args()
    print("| network | rule | every | steps/s | probing | all measuring | counted |\n|---|---|---|---|---|---|---|")
    for name, case in CASES.items():
        for rule in RULES if name in (arguments.case or CASES) else ():
            settings = {**case, "rule": rule}
            trained(settings, 20, None)
            ratios, shares, rates = [], [], []
            for pair in range(arguments.pairs):
                found: dict[bool, tuple[float, float]] = {}
                for probing in (True, False) if pair % 2 else (False, True):
                    found[probing] = trained(settings, arguments.steps, None if probing else 0)
                ratios.append((found[True][1] - found[False][1]) / (found[False][0] - found[False][1]))
                shares.append(found[True][1] / found[True][0])
                rates.append(arguments.steps / (found[False][0] - found[False][1]))
            cadence, expected = counted(settings, arguments.steps)
            middle = [statistics.median(column) for column in (rates, ratios, shares)]
            print(
                f"| {name} | `{rule}` | {cadence.every} | {middle[0]:,.0f} | {middle[1]:.1%} | {middle[2]:.1%} "
                f"| {expected:.1%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
