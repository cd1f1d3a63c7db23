"""Where the time of a whole ``Experiment.train`` goes.

python benchmarks/experiment/budget.py [--steps 2000] [--rounds 5]

A run at the settings' defaults, with the clock read around its parts; medians over the rounds, on one thread. The
clock itself costs about a microsecond a step and part.
"""

import argparse
import functools
import statistics
import time
from collections.abc import Callable
from typing import Any

import dfa_lab as dfa
from dfa_lab.experiment.history.history import History
from dfa_lab.experiment.measurement.probe import Probe
from dfa_lab.experiment.run.trainer import Trainer
from dfa_lab.experiment.training.batches import Batches
from dfa_lab.experiment.training.loss_mean import LossMean
from dfa_lab.experiment.training.mlp_learner import MLPLearner
from dfa_lab.learning.mlp.inplace_updates import Descent
from dfa_lab.learning.mlp.stepper import Stepper
from dfa_lab.learning.ops.losses import Loss

CASES: dict[str, dict[str, Any]] = {
    "64-128-128-10": {"task": "digits", "widths": (128, 128)},
    "784-1024³-10": {"task": "fashion_mnist", "widths": (1024, 1024, 1024)},
}
#: A part, the method that is it, and the part it lies in.
PARTS: list[tuple[str, type, str, str]] = [
    ("take the batch", Batches, "take", "train"),
    ("update", MLPLearner, "update", "train"),
    ("  forward", Stepper, "_forward", "update"),
    ("  loss and e", Loss, "value_and_error", "update"),
    ("  updates of W and b", Descent, "__call__", "update"),
    ("add up the loss", LossMean, "add", "train"),
    ("record throughput", Trainer, "record_rate", "train"),
    ("measure", Trainer, "measure", "train"),
    ("  alignment, chance bands", Probe, "alignment", "measure"),
    ("  test split", Probe, "evaluate", "measure"),
    ("  record", History, "record_layers", "measure"),
    ("  checkpoint", Trainer, "capture", "measure"),
    ("measure the last step", Trainer, "measure_at_end", "train"),
]


class Clock:
    """Seconds spent in each part so far; what a part does within another's time counts for both."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys((part for part, *_ in PARTS), 0.0)
        self.within: list[str] = []

    def around(self, part: str, parent: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method, timed where it is called from its parent's part."""

        @functools.wraps(method)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if (self.within[-1] if self.within else "train") != parent:
                return method(*args, **kwargs)
            self.within.append(part.strip())
            began = time.perf_counter()
            try:
                return method(*args, **kwargs)
            finally:
                self.seconds[part] += time.perf_counter() - began
                self.within.pop()

        return timed


def budget(settings: dict[str, Any], steps: int) -> tuple[float, dict[str, float]]:
    """Seconds of a run without the clock, and those of its parts in a run with it, scaled to that whole."""
    run = dfa.Experiment(**settings)
    began = time.perf_counter()
    run.train(steps)
    whole = time.perf_counter() - began
    clock, kept = Clock(), [(owner, name, getattr(owner, name)) for _, owner, name, _ in PARTS]
    try:
        for part, owner, name, parent in PARTS:
            setattr(owner, name, clock.around(part, parent, getattr(owner, name)))
        run = dfa.Experiment(**settings)
        began = time.perf_counter()
        run.train(steps)
        timed = time.perf_counter() - began
    finally:
        for owner, name, method in kept:
            setattr(owner, name, method)
    return whole, {part: seconds * whole / timed for part, seconds in clock.seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    columns = []
    for settings in CASES.values():
        dfa.Experiment(**settings).train(20)
        found = [budget(settings, arguments.steps) for _ in range(arguments.rounds)]
        whole = statistics.median(one for one, _ in found)
        parts = {part: statistics.median(one[part] for _, one in found) for part, *_ in PARTS}
        own = sum(seconds for part, seconds in parts.items() if not part.startswith(" "))
        columns.append({"all": whole, **parts, "the loop itself": whole - own})
    print(f"| part of train({arguments.steps:,}) | " + " | ".join(f"{name}: ms, share" for name in CASES) + " |")
    print("|---" * (1 + len(CASES)) + "|")
    for part in columns[0]:
        cells = [f"{column[part] * 1e3:,.1f}, {column[part] / column['all']:.1%}" for column in columns]
        print(f"| {part.replace('  ', '– ')} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
