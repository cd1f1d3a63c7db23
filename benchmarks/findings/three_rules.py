"""The drawing in the README: how the error reaches the hidden layers by backpropagation, by FA and by DFA.

    python benchmarks/findings/three_rules.py        # writes docs/images/three_rules.png

Nothing is measured here. Solid arrows are forward weights; dashed ones carry the error: through the transpose of the
same weights (BP), through fixed random matrices layer by layer (FA), or from the output to each layer at once (DFA).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

PLACE = Path(__file__).parents[2] / "docs" / "images" / "three_rules.png"
FORWARD, TRANSPOSED, RANDOM, INK = "#4c566a", "#1f77b4", "#c45a00", "#1b1f24"
LAYERS = ("input", "hidden 1", "hidden 2", "output")
#: The lower left corners of the boxes, one above the other, and their size.
BOTTOMS, WIDTH, HEIGHT = (0.0, 1.6, 3.2, 4.8), 2.0, 0.7
#: Rule -> the source, and its arrows of the error: from layer, to layer, words, how much it is bent.
WAYS: dict[str, tuple[str, tuple[tuple[int, int, str, float], ...]]] = {
    "Backpropagation": ("through Wᵀ, the weights of the way up", ((3, 2, "W₃ᵀ", 0.0), (2, 1, "W₂ᵀ", 0.0))),
    "Feedback alignment": ("through fixed random B, layer by layer", ((3, 2, "B₂", 0.0), (2, 1, "B₁", 0.0))),
    "Direct feedback alignment": (
        "from the output, through a B for each layer",
        ((3, 2, "B₂", 0.0), (3, 1, "B₁", 0.55)),
    ),
}


def arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], color: str, bend: float, style: str) -> None:
    """One arrow between two points; ``bend`` is how far it is curved to the right."""
    axes.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=15, lw=2, ls=style, color=color, shrinkA=2, shrinkB=2,
            connectionstyle=f"arc3,rad={-bend}",
        )
    )  # fmt: skip


def draw(axes: Any, rule: str) -> None:
    """One panel."""
    words, ways = WAYS[rule]
    color = TRANSPOSED if rule == "Backpropagation" else RANDOM
    for name, bottom in zip(LAYERS, BOTTOMS, strict=True):
        axes.add_patch(
            FancyBboxPatch((0, bottom), WIDTH, HEIGHT, boxstyle="round,pad=0.02,rounding_size=0.12", fc="white", ec=INK)
        )
        axes.text(WIDTH / 2, bottom + HEIGHT / 2, name, ha="center", va="center", fontsize=11, color=INK)
    for number in range(1, len(LAYERS)):
        low, high = BOTTOMS[number - 1] + HEIGHT, BOTTOMS[number]
        arrow(axes, (0.55, low), (0.55, high), FORWARD, 0.0, "-")
        axes.text(0.4, (low + high) / 2, f"W{'₁₂₃'[number - 1]}", ha="right", va="center", fontsize=12, color=FORWARD)
    for start, end, name, bend in ways:
        if bend:
            arrow(axes, (WIDTH, BOTTOMS[start] + 0.2), (WIDTH, BOTTOMS[end] + 0.5), color, bend, "--")
            axes.text(WIDTH + 1.0, BOTTOMS[2] + 0.35, name, ha="left", va="center", fontsize=12, color=color)
            continue
        high, low = BOTTOMS[start], BOTTOMS[end] + HEIGHT
        arrow(axes, (1.45, high), (1.45, low), color, 0.0, "--")
        axes.text(1.6, (low + high) / 2, name, ha="left", va="center", fontsize=12, color=color)
    axes.text(WIDTH / 2, BOTTOMS[-1] + HEIGHT + 0.22, "error", ha="center", va="bottom", fontsize=11, color=color)
    axes.set_title(rule, fontsize=13, color=INK, pad=18)
    axes.text(WIDTH / 2, -0.45, words, ha="center", va="top", fontsize=10.5, color=color)
    axes.set_xlim(-0.9, 3.6)
    axes.set_ylim(-0.9, 6.0)
    axes.set_aspect("equal")
    axes.axis("off")


def main() -> None:
    figure, panels = plt.subplots(1, len(WAYS), figsize=(11, 5.2))
    for axes, rule in zip(panels, WAYS, strict=True):
        draw(axes, rule)
    figure.tight_layout()
    figure.savefig(PLACE, dpi=110, facecolor="white")
    print(f"{PLACE.name} written")


if __name__ == "__main__":
    main()
