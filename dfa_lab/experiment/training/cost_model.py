"""What training and measuring cost, in counted multiply-adds; other work counts as those that take as long.

The constants were read off one thread of a CPU at 35 · 10⁹ multiply-adds a second
(``benchmarks/experiment/probing.py`` compares them with the clock). They only choose how often a run is measured, so
their order of magnitude is enough; on another machine they stay the same, and so does the history.
"""

from __future__ import annotations

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


def module_costs(*, forward: float, leaves: int, entries: int, batch: int, probe: int, test: int, chunk: int) -> Costs:
    """Those of a module of so many ``leaves`` and parameter ``entries``; ``forward`` is a sample's multiply-adds.

    A backward pass costs two forward passes; a probe has two of them, a redrawn pass is one. The test split goes
    through in chunks.
    """
    return Costs(
        step=3 * batch * forward + MODULE_STEP + LEAF_STEP * leaves + 10 * entries,
        probe=5 * probe * forward + MODULE_PROBE + LEAF_PROBE * leaves + PROBE_ENTRY * entries,
        chance=CHANCE_DRAWS * (2.5 * probe * forward + LEAF_DRAW * leaves + DRAW_ENTRY * entries),
        test=test * forward + LEAF_STEP * leaves * max(1, test // chunk),
    )
