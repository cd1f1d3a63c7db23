"""mistakesplot: the test pictures a network gets wrong, with what it says and what they are."""

from __future__ import annotations

import functools
import math

from matplotlib.axes import Axes

from dfa_lab.experiment.inspection import Mistakes, mistakes_of
from dfa_lab.views.base import Engine, axes_for, record_of
from dfa_lab.views.snapshots.captions import put_title

#: Pictures in a row.
COLUMNS = 6
# In units of a picture's width: the gap between two, and the room for the words above each.
GAP, WORDS = 0.14, 0.36
# In inches: a picture with its gap, and the head above all.
CELL, HEAD = 1.5, 0.5


def mistakesplot(experiment: Engine | Mistakes, ax: Axes | None = None, *, count: int = 12) -> Axes:
    """A grid of test pictures that a run gets wrong: what it says, how surely, and what they are.

    The most confident mistakes come first. Takes an Experiment, a Runner or an Explorer, of these the main run, and
    shows up to ``count``; or the ``Mistakes`` that ``mistakes_of`` read from a run. Of a run that is right about every
    picture it says so.

    Returns the Axes. Raises ``DfaLabError`` where the task has no pictures or no classes.

    >>> import dfa_lab as dfa
    >>> run = dfa.Experiment(widths=(4,), task="digits")
    >>> len(dfa.mistakesplot(run, count=3).images)
    3
    """
    read = functools.partial(mistakes_of, count=count)
    record = record_of(experiment, Mistakes, read, "mistakesplot()", "mistakes_of(experiment)")
    shown = len(record.samples)
    columns = COLUMNS if shown > COLUMNS else max(shown, 4)
    rows = max(1, math.ceil(shown / columns))
    tall = record.images.shape[1] / record.images.shape[2]
    # One axes for all of them: an axes each costs half a second.
    axes = axes_for(
        ax, "mistakesplot()", width=columns * CELL, height=rows * CELL * (tall + WORDS + GAP) / (1 + GAP) + HEAD
    )
    axes.set_axis_off()
    for place in range(shown):
        row, column = divmod(place, columns)
        _draw_picture(axes, record, place, column * (1 + GAP), -row * (tall + WORDS + GAP), tall)
    if not shown:
        axes.text(0.0, -0.5, "Every one is right.", fontsize="large")
    axes.set_xlim(-GAP / 2, columns * (1 + GAP) - GAP / 2)
    axes.set_ylim(-rows * (tall + WORDS + GAP) + WORDS, WORDS)
    axes.set_aspect("equal")
    wrong = f"{record.wrong:,} of {record.tested:,} test pictures wrong{_which(record)}"
    put_title(axes, f"{record.task}: {wrong}", record)
    return axes


def answer_words(record: Mistakes, place: int) -> tuple[str, str]:
    """What the network says of a picture, how surely, and what it is: two short lines."""
    said, truth = (record.class_names[int(column[place])] for column in (record.said, record.truth))
    return f"said {said} ({record.confidence[place]:.0%})", f"is {truth}"


def _which(record: Mistakes) -> str:
    if len(record.samples) == record.wrong:
        return ""
    return f"; the {len(record.samples)} it is surest of" if len(record.samples) > 1 else "; the one it is surest of"


def _draw_picture(axes: Axes, record: Mistakes, place: int, left: float, top: float, tall: float) -> None:
    picture = record.images[place]
    grey = picture.shape[-1] == 1
    image = axes.imshow(
        picture[..., 0] if grey else picture,
        cmap="gray_r" if grey else None,
        vmin=0,
        vmax=1,
        interpolation="nearest",
        extent=(left, left + 1, top - tall, top),
    )
    image.set_gid(f"test picture {int(record.samples[place])}")
    words = "\n".join(answer_words(record, place))
    axes.text(left + 0.5, top + 0.04, words, ha="center", va="bottom", fontsize=8, linespacing=1.25)
