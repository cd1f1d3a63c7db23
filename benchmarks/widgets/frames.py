"""What a frame of the live chart costs the kernel, at step 1,000 and at step 1,000,000.

python benchmarks/widgets/frames.py [--frames 400] [--steps-a-frame 150]

Histories are filled as runs of 64-128-128-10 on the digits fill them: the training loss every 10 steps, angles and test
metrics every 1,000 and at 0, 1, 2, 4, 8 … before, throughput once a second, and 20 changes. Between two frames each run
goes on by 150 steps: 2,400 steps/s at 16 frames a second. Only ``ChartPart.show`` is timed, with nobody listening to
its messages. The frames of both runs take turns, so that a slower moment of the machine meets both. "ratio" is the
median at the later step over that at the earlier one; "snapshot" is what a page that is loaded anew, or a fork, costs
once.
"""

import argparse
import statistics
import time
from typing import Any

import numpy as np

from dfa_lab.experiment.history.history import History
from dfa_lab.experiment.history.series import Series
from dfa_lab.widgets.chart.chart_part import ChartPart, Shown

EARLY, LATE = 1_000, 1_000_000
LAYERS = (1, 2)
LOSS_EVERY, PROBE_EVERY, RATE_EVERY, CHANGES = 10, 1_000, 2_400, 20
OF_LAYERS = ("weight_alignment", "gradient_alignment", "signal_alignment", "gradient_norm_ratio", "bp_gradient_norm")
CHANCES = ("weight_alignment_chance", "gradient_alignment_chance", "gradient_alignment_chance_mean")
CASES = {"one run": (1, 0, 1), "one run, 8 replicas": (1, 0, 8), "4 lanes, 2 pinned runs": (4, 2, 1)}


class Silent(ChartPart):
    """A chart whose messages are counted and thrown away."""

    sent = 0

    def send(self, content: Any, buffers: Any = None) -> None:
        self.sent += sum(map(len, buffers or []))


def rows(history: History, start: int, stop: int) -> None:
    """Record what the steps from ``start`` to ``stop`` would leave in a history, a row at a time."""
    for metric, layer, every in series():
        for step in measured_steps(every, start, stop):
            history.record(metric, [1 / (1 + step)] * history.replicas, step=step, samples=64 * step, layer=layer)


def measured_steps(every: int, start: int, stop: int) -> list[int]:
    """The steps from ``start`` to ``stop`` that have a row of a series: every so many, and of probes the first ones."""
    first = [2**power for power in range(10)] if every == PROBE_EVERY else []
    return sorted({*range(-(-start // every) * every, stop, every), *(step for step in first if start <= step < stop)})


def series() -> list[tuple[str, int | None, int]]:
    """Every series of a run: metric, layer, and how many steps lie between two rows."""
    found: list[tuple[str, int | None, int]] = [("train_loss", None, LOSS_EVERY), ("samples_per_s", None, RATE_EVERY)]
    found += [(metric, None, PROBE_EVERY) for metric in ("test_loss", "test_accuracy")]
    return found + [(metric, layer, PROBE_EVERY) for metric in OF_LAYERS for layer in LAYERS]


def history(step: int, replicas: int) -> History:
    """The history of a run that has come to ``step``; its columns are filled at once."""
    made = History(replicas=replicas)
    for metric, layer, every in series():
        column = Series()
        steps = np.array(measured_steps(every, 0, step))
        column.steps.frombytes(steps.astype(np.int64).tobytes())
        column.samples.frombytes((64 * steps).astype(np.int64).tobytes())
        column.values.frombytes(np.repeat(np.sin(steps / 99) + 2, replicas).tobytes())
        made.series[metric, layer] = column
    for metric in CHANCES:
        for layer in LAYERS:
            made.record(metric, [1.0] * replicas, step=0, samples=0, layer=layer)
    made.record("bp_samples_per_s", [1e5] * replicas, step=0, samples=0)
    for number in range(CHANGES):
        made.add_change(number * step // CHANGES, {"lr": (0.1, 0.2)})
    return made


class Screen:
    """A chart with its runs, at a step of theirs."""

    def __init__(self, step: int, lanes: int, pinned: int, replicas: int, chart: type[Silent] = Silent) -> None:
        self.step = step
        self.histories = [history(step, replicas) for _ in range(lanes)]
        self.runs = [Shown(one, f"lane {place}") for place, one in enumerate(self.histories)]
        self.runs += [Shown(history(step, replicas), f"pinned {place}", faint=True) for place in range(pinned)]
        self.chart = chart()
        self.snapshot = self.show()
        self.snapshot_bytes, self.chart.sent = self.chart.sent, 0

    def show(self) -> float:
        """One frame; its seconds."""
        status = {"state": "training", "step": f"{self.step:,}"}
        began = time.perf_counter()
        self.chart.show(self.runs, status)
        return time.perf_counter() - began

    def frame(self, steps: int) -> float:
        """One frame after so many steps; its seconds."""
        for one in self.histories:
            rows(one, self.step, self.step + steps)
        self.step += steps
        return self.show()


def measured(case: tuple[int, int, int], frames: int, steps: int) -> dict[int, tuple[float, Screen]]:
    """Early and late: the median seconds of a frame, and the screen."""
    screens = {step: Screen(step, *case) for step in (EARLY, LATE)}
    seconds: dict[int, list[float]] = {step: [] for step in screens}
    for number in range(frames):
        for step in sorted(screens, reverse=bool(number % 2)):
            seconds[step].append(screens[step].frame(steps))
    return {step: (statistics.median(seconds[step]), screen) for step, screen in screens.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--steps-a-frame", type=int, default=150)
    arguments = parser.parse_args()
    head = ["shown", f"frame at {EARLY:,}", f"frame at {LATE:,}", "ratio", "bytes a frame"]
    head += [f"snapshot at {EARLY:,}", f"snapshot at {LATE:,}", "its bytes"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for name, case in CASES.items():
        found = measured(case, arguments.frames, arguments.steps_a_frame)
        (early, first), (late, last) = found[EARLY], found[LATE]
        cells = [name, f"{1e3 * early:.3f} ms", f"{1e3 * late:.3f} ms", f"{late / early:.2f}"]
        cells += [f"{last.chart.sent / arguments.frames:,.0f}"]
        cells += [f"{1e3 * first.snapshot:.1f} ms", f"{1e3 * last.snapshot:.1f} ms", f"{last.snapshot_bytes:,}"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
