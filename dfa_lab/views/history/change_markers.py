"""The changes of a run on matplotlib axes: a line at each, and its label above where there is room."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text

from dfa_lab.views.base import Change, ShownFigure, palette, place_labels

CHANGE = "change: "  # what the gid of a change's label begins with
# In points: a letter of a label, and the height of a row of labels.
LETTER, ROW, LABEL_SIZE = 4.3, 10.0, 8.0


def mark_changes(axes: Axes, changes: Iterable[Change], colour: str) -> None:
    """A line and a label in ``colour`` at each change; a label that is there already turns grey: both runs changed."""
    written = {(_whole(text), text.get_position()[0]): text for text in axes.texts}
    for change in changes:
        axes.axvline(change.step, color=colour, lw=1, alpha=0.75, zorder=1.5, clip_on=False, gid="change")
        if (change.text, change.step) in written:
            written[change.text, change.step].set_color(palette.NEUTRAL)
        else:
            above: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "va": "bottom", "fontsize": LABEL_SIZE}
            axes.text(change.step, 1.0, change.text, color=colour, gid=CHANGE + change.text, **above)


def stagger(axes: Axes) -> None:
    """Gives every change label on the axes, old and new, its row above them; hides those without room."""
    texts = sorted((text for text in axes.texts if _whole(text)), key=lambda text: text.get_position()[0])
    figure = axes.get_figure(root=True)
    if not texts or figure is None:
        return
    if isinstance(figure, ShownFigure):
        figure.draw_without_rendering()  # the layout says how wide the axes are only when it was drawn
    box = axes.get_position()
    width, height = 72 * figure.get_size_inches() * (box.width, box.height)  # in points
    low, high = axes.get_xlim()
    positions = [(text.get_position()[0] - low) / (high - low) * width for text in texts]
    places = place_labels(positions, [_whole(text) for text in texts], width=width, letter=LETTER)
    rows = max((place.row + 1 for place in places if place.row is not None), default=0)
    for text, place in zip(texts, places, strict=True):
        text.set_text(f" {place.text} ")
        text.set_visible(place.row is not None)
        reach = 1.0
        if place.row is not None:
            bottom = 1 + (ROW * (rows - 1 - place.row) + 2) / height
            reach = bottom + 0.8 * ROW / height
            text.set_y(bottom)
            text.set_horizontalalignment("right" if place.left else "left")
        for line in axes.lines:
            if line.get_gid() == "change" and np.asarray(line.get_xdata())[0] == text.get_position()[0]:
                line.set_ydata([0, reach])


def _whole(text: Text) -> str:
    """A change label's text before it was cut to the room there is; empty for any other text on the axes."""
    gid = str(text.get_gid())
    return gid.removeprefix(CHANGE) if gid.startswith(CHANGE) else ""
