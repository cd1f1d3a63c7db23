"""One network, one batch, four angles between the same gradients: the table and the picture of docs/alignment.md.

python benchmarks/findings/conventions.py

digits, 64-128-128-10, tanh, DFA with kaiming feedback at the default settings, after 10 and 1,000 steps; then 256
samples of the test split. The right panel adds up the gradients of m samples, drawn without replacement 200 times: at
m = 1 the angle of a weight gradient δ hᵀ is that of δ itself.
"""

from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import dfa_lab as dfa
from dfa_lab.learning.alignment.angles import angle
from dfa_lab.views.base import palette

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "conventions.png"
SUMS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
LAYER, DRAWS, SAMPLES = 1, 200, 256
LINES = dict(zip(dfa.CONVENTIONS, palette.RUN_COLOURS, strict=False))


def measured(run: dfa.Experiment) -> dict[str, list[tuple[float, float]]]:
    """Convention -> (angle, chance sd) of each layer."""
    inputs, targets = run.trainer.probe.batch()
    found = {}
    for name in dfa.CONVENTIONS:
        rows = dfa.measure_alignment(
            run.net, inputs, targets, torch.nn.functional.cross_entropy, convention=name, draws=64
        )
        found[name] = [(row.gradient_alignment, row.gradient_alignment_chance) for row in rows]
    return found


def sums(deltas: np.ndarray, bp: np.ndarray, inputs: torch.Tensor, m: int) -> tuple[float, float]:
    """Mean angle between the sums over m samples: of δ hᵀ and of δ."""
    drawn = np.random.default_rng(m)
    ours, theirs = torch.from_numpy(deltas), torch.from_numpy(bp)
    found = []
    for _ in range(DRAWS):
        some = torch.from_numpy(drawn.permutation(len(deltas))[:m])
        products = [(side[some].T @ inputs[some].double()).flatten() for side in (ours, theirs)]
        found.append((angle(*products).item(), angle(ours[some].sum(0), theirs[some].sum(0)).item()))
    weight, bias = np.nanmean(found, axis=0)
    return float(weight), float(bias)


def bars(axes: Axes, found: dict[str, list[tuple[float, float]]]) -> None:
    names = list(found)
    for place, name in enumerate(names):
        value, chance = found[name][LAYER - 1]
        axes.fill_between([place - 0.4, place + 0.4], 90 - 2 * chance, 90 + 2 * chance, color="0.85", lw=0)
        axes.plot(place, value, "o", color=LINES[name], ms=8)
        axes.annotate(f"{value:.1f}°", (place, value), (0, -16), textcoords="offset points", ha="center")
    axes.set_xticks(range(len(names)), [name.replace("_", "\n") for name in names])
    axes.axhline(90, color="0.4", lw=1, ls="--")
    axes.set_title("the same gradients, four angles\n(grey: chance ± 2 sd)")
    axes.set_ylabel("angle between the rule's and BP's (degrees)")


def dots(axes: Axes, snapshot: dfa.Snapshot, found: dict[str, list[tuple[float, float]]]) -> None:
    layer = snapshot.layer(LAYER)
    sizes = np.linalg.norm(layer.bp_deltas, axis=1)
    axes.plot(sizes / sizes.mean(), layer.sample_angles, ".", color="0.55", ms=4)
    for name in ("per_sample", "batch"):
        axes.axhline(found[name][LAYER - 1][0], color=LINES[name], lw=2, label=name)
    axes.set_xlabel("size of BP's δ of a sample, over the mean")
    axes.set_title("each sample's angle: sure samples\nare far off and weigh little")
    axes.set_xscale("log")
    axes.legend(loc="upper right")


def curves(axes: Axes, snapshot: dfa.Snapshot, inputs: torch.Tensor) -> None:
    layer = snapshot.layer(LAYER)
    found = [sums(layer.deltas, layer.bp_deltas, inputs, m) for m in SUMS]
    for name, values in zip(("weight_gradient", "batch_mean"), zip(*found, strict=True), strict=True):
        axes.plot(SUMS, values, "o-", ms=4, color=LINES[name], label=name)
    axes.set_xscale("log", base=2)
    axes.set_xticks(SUMS, [str(m) for m in SUMS])
    axes.set_xlabel("samples added up, m")
    axes.set_title("adding samples up:\nwhat they share stays, the rest cancels")
    axes.legend(loc="best")


def main() -> None:
    run = dfa.Experiment(feedback_init="kaiming", probe_size=SAMPLES)
    for steps in (10, 990):
        run.train(steps)
        found = measured(run)
        print(f"after {run.steps_done} steps\n\n| convention | layer 1 | chance | layer 2 | chance |")
        print("|---|---|---|---|---|")
        for name, layers in found.items():
            print(f"| `{name}` | " + " | ".join(f"{value:.1f}° | ± {chance:.1f}°" for value, chance in layers) + " |")
    snapshot = run.snapshot()
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3, sharey=True)
    bars(left, found)
    dots(middle, snapshot, found)
    curves(right, snapshot, run.trainer.probe.batch()[0])
    figure.savefig(PICTURE, dpi=90)


if __name__ == "__main__":
    main()
