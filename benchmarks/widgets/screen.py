"""What an open explorer costs the training: steps a second by the clock, with it and without it.

python benchmarks/widgets/screen.py [--pairs 7] [--steps 20000]

Each pair trains the same settings in the same kind of thread twice in one process, the order changing from pair to
pair: once by a bare ``Runner``, once by an ``Explorer`` that is shown, whose messages go to a page that swallows
them. Median of the ratios with quartiles, and the messages that were sent in a second.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import torch

import dfa_lab as dfa
from dfa_lab.experiment.runner.runner import Runner

SETTINGS: dict[str, Any] = {"task": "digits", "widths": (128, 128)}


def bare(steps: int) -> float:
    """Seconds that a Runner alone takes."""
    runner = Runner(dfa.Experiment(**SETTINGS), autosave=None)
    began = time.perf_counter()
    runner.play(steps)
    runner.wait()
    seconds = time.perf_counter() - began
    runner.close()
    return seconds


def shown(steps: int) -> tuple[float, int]:
    """Seconds that the same takes under an open Explorer, and how many messages it sent meanwhile."""
    sent = 0

    def count(*_: object, **__: object) -> None:
        nonlocal sent
        sent += 1

    explorer = dfa.Explorer(**SETTINGS, speed=None, autosave=None)
    explorer.send = count
    explorer.frames.receive({"type": "hello"})
    began = time.perf_counter()
    explorer.runner.play(steps)
    explorer.runner.wait()
    seconds = time.perf_counter() - began
    explorer.close()
    return seconds, sent


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--steps", type=int, default=20_000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    bare(200), shown(200)
    ratios, rates, plain = [], [], []
    for pair in range(arguments.pairs):
        seconds: dict[bool, float] = {}
        for screen in (True, False) if pair % 2 else (False, True):
            if screen:
                seconds[screen], sent = shown(arguments.steps)
                rates.append(sent / seconds[screen])
            else:
                seconds[screen] = bare(arguments.steps)
        ratios.append(seconds[False] / seconds[True])
        plain.append(arguments.steps / seconds[False])
    low, middle, high = statistics.quantiles(ratios, n=4)
    sign = "✓" if middle >= 0.9 else "✗"
    print("| steps/s without a screen | with it, of that (quartiles) | bound | messages/s, most |\n|---|---|---|---|")
    kept = f"{middle:.3f} ({low:.3f}–{high:.3f})"
    print(f"| {statistics.median(plain):,.0f} | {kept} | ≥ 0.90 {sign} | {max(rates):.1f} |")


if __name__ == "__main__":
    main()
