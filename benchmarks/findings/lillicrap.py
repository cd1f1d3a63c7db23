"""The linear network of Lillicrap et al. 2016 (30-20-10, Nature Communications 7): how soon FA's teaching aligns.

python benchmarks/findings/lillicrap.py [picture.png]

Their numbers: T and x as the task ``linear`` draws them, η 1e-3, online (batch 1, no sample comes twice), W from
U(−0.01, 0.01), B from U(−0.5, 0.5), L = ½‖e‖², which is the loss ``squared_error`` at batch 1: ΔW = −η e hᵀ and
ΔW₀ = −η B e xᵀ. Two things differ: this network has biases, which start at zero and have nothing to learn here, and
the 20 seeds draw W, B and the order of the samples, not T. Angles are means over the test split of the angle between
what a sample sends to the hidden layer: B e by the rule, Wᵀ e by backpropagation, W⁺ e by the pseudo-inverse of W.
"""

import math
import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import dfa_lab as dfa
from dfa_lab.learning.alignment.angles import angle
from dfa_lab.learning.alignment.of_mlp import by_backpropagation
from dfa_lab.views.base import palette

SEEDS, STEPS = 20, 5000
ROWS = (0, 20, 50, 100, 200, 300, 500, 1000, 2000, 5000)
PICTURE = Path(__file__).parents[2] / "docs" / "images" / "lillicrap.png"


def network() -> dfa.Experiment:
    """The paper's network, once for each seed; raises where the matrices are not drawn as the paper says."""
    run = dfa.Experiment(
        task="linear",
        widths=(20,),
        activation="identity",
        rule="fa",
        weight_init="small",
        feedback_init="uniform",  # U(−1/√rows, 1/√rows) times the scale; a layerwise B has n_out rows
        feedback_scale=0.5 * math.sqrt(10),
        batch_size=1,
        lr=1e-3,
        replicas=SEEDS,
        probe_every=STEPS,
    )
    layers = layers_of(run)
    for matrices, bound in ((layers.weights, 0.01), (layers.feedback, 0.5)):
        for matrix in matrices:
            assert 0.98 * bound < matrix.abs().max() <= bound, f"expected U(−{bound}, {bound})"
            assert abs(matrix.std() - bound / math.sqrt(3)) < 0.03 * bound, f"expected U(−{bound}, {bound})"
    return run


def layers_of(run: dfa.Experiment) -> dfa.equations.Layers:
    assert isinstance(run.net, dfa.MLP)
    return run.net.layers()


def angles(run: dfa.Experiment) -> dict[str, torch.Tensor]:
    """Degrees between B e and Wᵀ e, B e and W⁺ e, and the test loss: (seeds,) each."""
    layers, task = layers_of(run), run.task
    seen = dfa.equations.forward(layers, task.test_inputs)
    loss, error = task.objective.value_and_error(seen.output, task.test_targets)
    sent, by_bp = (dfa.equations.deltas(each, seen, error)[0] for each in (layers, by_backpropagation(layers)))
    assert sent is not None
    assert by_bp is not None
    by_inverse = error @ torch.linalg.pinv(layers.weights[1]).mT
    return {"bp": angle(sent, by_bp).mean(-1), "inverse": angle(sent, by_inverse).mean(-1), "loss": loss}


def train() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Steps (n,) and for each of ``angles`` its values (n, seeds)."""
    run = network()
    steps = np.unique([*ROWS, *np.geomspace(1, STEPS, 70).round().astype(int)])
    found: dict[str, list[np.ndarray]] = {}
    for step in steps:
        run.train(int(step) - run.steps_done)
        for name, values in angles(run).items():
            found.setdefault(name, []).append(values.double().numpy())
    return steps, {name: np.array(rows) for name, rows in found.items()}


def draw(steps: np.ndarray, found: dict[str, np.ndarray], path: Path) -> None:
    figure = Figure(figsize=(7.5, 4), layout="constrained")
    axes: Axes = figure.add_subplot()
    axes.axhline(90, color=palette.NEUTRAL, lw=1, ls="--")
    axes.text(STEPS, 91, "90°, chance", color=palette.NEUTRAL, ha="right", va="bottom", fontsize="small")
    curves = {"bp": "of backpropagation's, Wᵀ e", "inverse": "of the pseudo-inverse's, W⁺ e"}
    later = steps > 0  # the axis is logarithmic
    for run, (name, label) in enumerate(curves.items()):
        colour, values = palette.run_colour(run), found[name][later]
        mean, spread = values.mean(1), values.std(1, ddof=1)
        axes.plot(steps[later], values, color=colour, lw=0.5, alpha=0.3)
        axes.plot(steps[later], mean, color=colour, lw=2.2, label=label)
        low, high = mean - spread, mean + spread
        axes.fill_between(steps[later], low, high, color=colour, alpha=palette.SPREAD_OPACITY, lw=0)
    axes.set_xscale("log")
    axes.set_xlim(1, STEPS)
    axes.set_ylim(0, 105)
    axes.set_yticks(range(0, 91, 15))
    axes.set_xticks([1, 10, 100, 1000, STEPS])
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.set_xlabel("training step (one sample each)")
    axes.set_ylabel("angle to the hidden update B e (degrees)")
    axes.set_title(
        "Feedback alignment turns towards backpropagation, then towards the pseudo-inverse", fontsize="medium"
    )
    axes.legend(title=f"mean ± sd of {SEEDS} seeds", loc="lower left", frameon=False, alignment="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=96, pil_kwargs={"optimize": True})


def main() -> None:
    torch.set_num_threads(1)
    steps, found = train()
    print("| step | angle to BP's Wᵀ e | angle to the pseudo-inverse's W⁺ e | test loss ½‖e‖² |\n|---|---|---|---|")
    for step, *columns in zip(steps, *found.values(), strict=True):
        if step in ROWS:
            to_bp, to_inverse = (f"{column.mean():.1f}° ± {column.std(ddof=1):.1f}" for column in columns[:2])
            print(f"| {step:,} | {to_bp} | {to_inverse} | {columns[2].mean():.3g} ± {columns[2].std(ddof=1):.1g} |")
    draw(steps, found, Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)


if __name__ == "__main__":
    main()
