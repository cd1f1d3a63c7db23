"""The colours, shades and dashes that the plotly figure and the matplotlib plots share.

A run has a colour; a dash says the metric, solid weight angles and training, dashed gradient angles and test, however
many runs are drawn; a layer has a shade and a width of its own, so that no two lines of a panel differ by hue alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# Okabe and Ito (2008), colours that people with any common colour vision can tell apart. Their yellow is too pale
# for a line on white, and black is kept for what belongs to no run.
RUN_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
NEUTRAL = "#4D4D4D"
REFERENCE_COLOUR = "#767676"
CHANCE_COLOUR = "#808080"
CHANCE_OPACITY = 0.16
SPREAD_OPACITY = 0.18

# On and off lengths in units of a pixel or point; the empty one is a solid line.
SOLID: tuple[float, ...] = ()
DASH: tuple[float, ...] = (6, 2)


@dataclass(frozen=True)
class LineStyle:
    """How one kind of line looks in every run: its name in the legend, shade, dash and width."""

    name: str
    shade: float = 0.0
    dash: tuple[float, ...] = ()
    width: float = 1.8


# A reference is thin and neutral, dashed and never solid, so that it cannot be taken for a run.
REFERENCE_DASHES: tuple[tuple[float, ...], ...] = ((7, 3), (1.5, 2), (7, 2, 1.5, 2), (12, 4), (7, 2, 1.5, 2, 1.5, 2))
REFERENCE_WIDTH = 1.2

TRAINING = LineStyle("training", shade=0.45, width=1.2)
TEST = LineStyle("test", dash=DASH)
WHOLE = LineStyle("whole network")

#: The width of the first layer's line and of the last one's.
WIDE, NARROW = 2.6, 1.1


def layer_styles(layers: Iterable[int]) -> dict[int, LineStyle]:
    """A style for each hidden layer: from dark and wide near the input to light and narrow near the output."""
    ordered = sorted(set(layers))
    reach = min(0.45, 0.25 * (len(ordered) - 1))  # few layers need little difference
    styles = {}
    for place, layer in enumerate(ordered):
        share = place / (len(ordered) - 1) if len(ordered) > 1 else 0.5
        width = WIDE + (NARROW - WIDE) * share
        styles[layer] = LineStyle(f"layer {layer}", reach * (2 * share - 1), SOLID, round(width, 2))
    return styles


def reference_style(number: int, name: str) -> LineStyle:
    """The style of reference run ``number``, from 0; beyond five references the dashes come again."""
    return LineStyle(name, dash=REFERENCE_DASHES[number % len(REFERENCE_DASHES)], width=REFERENCE_WIDTH)


def run_colour(run: int, shade: float = 0.0) -> str:
    """The colour of run number ``run``, from 0, as ``#rrggbb``; the seventh run has the first one's hue, darker."""
    turn, place = divmod(run, len(RUN_COLOURS))
    return shaded(shaded(RUN_COLOURS[place], -min(0.6, 0.4 * turn)), shade)


def shaded(colour: str, shade: float) -> str:
    """``colour`` mixed with white (``shade`` towards 1) or with black (towards -1)."""
    target = 255 if shade > 0 else 0
    channels = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    mixed = (round(channel + abs(shade) * (target - channel)) for channel in channels)
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def translucent(colour: str, opacity: float) -> str:
    """``colour`` as the ``rgba(…)`` text that plotly fills with."""
    channels = ",".join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))
    return f"rgba({channels},{opacity:g})"
