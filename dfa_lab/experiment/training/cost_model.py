"""What training and measuring cost, in counted multiply-adds; other work counts as those that take as long.

The constants were read off one thread of a CPU at 35 · 10⁹ multiply-adds a second
(``benchmarks/experiment/probing.py`` compares them with the clock). They only choose how often a run is measured, so
their order of magnitude is enough; on another machine they stay the same, and so does the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: How often feedback is redrawn for a chance band; each time is a backward pass.
CHANCE_DRAWS = 8
# Beside the products: a fixed part, a part for each layer, and one for each number that passes elementwise.
STEP, STEP_LAYER, STEP_ELEMENT = 0.9e6, 0.75e6, 25
PROBE, PROBE_LAYER, PROBE_ELEMENT, PROBE_ENTRY = 15e6, 9e6, 420, 150
DRAW_LAYER, DRAW_ELEMENT, DRAW_ENTRY = 3.5e6, 100, 60
TEST = 10e6
# A module: a leaf of its tree costs so much in a step, in a probe and in a redrawn backward pass.
MODULE_STEP, LEAF_STEP = 35e6, 9e6
MODULE_PROBE, LEAF_PROBE, LEAF_DRAW = 30e6, 65e6, 15e6


@dataclass(frozen=True)
class Costs:
    """What a step, a probe, a chance band and the test split cost, in multiply-adds."""

    step: float
    probe: float
    chance: float
    test: float


def mlp_costs(widths: Sequence[int], batch: int, probe: int, test: int, *, layerwise: bool, drawn: int) -> Costs:
    """The costs of an MLP for so many samples of each kind; ``layerwise`` says that δ goes down through every layer.

    ``drawn`` are the entries of all feedback matrices that are drawn, 0 where the rule has none. Replicas are not
    counted: they are measured at the steps at which each would be by itself.
    """
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights = sum(out * n for out, n in shapes)
    above = weights - widths[0] * widths[1]
    down = above if layerwise else widths[-1] * sum(widths[1:-1])
    units, layers = sum(widths[1:]), len(shapes)
    compared = sum(min(2 * probe * out * n, probe**2 * (4 * out + n)) for out, n in shapes[:-1])
    draw = probe * (down + DRAW_ELEMENT * units) + DRAW_ENTRY * drawn + DRAW_LAYER * (layers - 1)
    measured = probe * (weights + above + down + PROBE_ELEMENT * units) + compared + PROBE_ENTRY * above
    return Costs(
        step=batch * (2 * weights + down + STEP_ELEMENT * units) + STEP + STEP_LAYER * layers,
        probe=measured + PROBE + PROBE_LAYER * (layers - 1),
        chance=CHANCE_DRAWS * draw if drawn else 0.0,
        test=test * (weights + STEP_ELEMENT * units) + TEST,
    )


def module_costs(forward: float, leaves: int, entries: int, batch: int, probe: int, test: int, *, chunk: int) -> Costs:
    """The costs of a module: ``forward`` multiply-adds a sample, so many ``leaves`` and ``entries`` of parameters.

    A backward pass costs two forward passes. A probe has two of them, a redrawn pass is one; the test split goes
    through in chunks.
    """
    return Costs(
        step=3 * batch * forward + MODULE_STEP + LEAF_STEP * leaves + 10 * entries,
        probe=5 * probe * forward + MODULE_PROBE + LEAF_PROBE * leaves + PROBE_ENTRY * entries,
        chance=CHANCE_DRAWS * (2.5 * probe * forward + LEAF_DRAW * leaves + DRAW_ENTRY * entries),
        test=test * forward + LEAF_STEP * leaves * max(1, test // chunk),
    )
