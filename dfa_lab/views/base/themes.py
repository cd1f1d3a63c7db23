"""THEMES: papers that a matplotlib picture can be put on after it was drawn: light, dark, projector.

matplotlib's own rc settings belong to the whole process, and another thread may be drawing: so a finished figure is
changed, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import Collection
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.spines import Spine
from matplotlib.text import Text

from dfa_lab.registry import Registry

#: What the views draw on; a colour keeps on other papers the contrast that it has to this one.
WHITE = "#ffffff"
#: The least contrast to the paper that text may have (WCAG 2.2, 1.4.3).
TEXT_CONTRAST = 4.5
#: The colours of an image that is ink on paper, and is so on any paper.
INK = "gray_r"
#: The size of a tick's letters where none was given, in points.
LETTERS = 10.0


@dataclass(frozen=True)
class Theme:
    """A paper and an ink as ``#rrggbb``; how much larger the picture, its letters and its lines are; dots an inch.

    ``contrast`` is the least that a line or a marker has to the paper (WCAG 2.2, 1.4.11, asks for 3).
    """

    paper: str
    ink: str
    size: float = 1.0
    letters: float = 1.0
    lines: float = 1.0
    dpi: int = 96
    contrast: float = 3.0


THEMES: Registry[Theme] = Registry("theme")
THEMES.register("light", Theme("#ffffff", "#1a1a1a"))
THEMES.register("dark", Theme("#111111", "#e6e6e6"))
THEMES.register("projector", Theme("#ffffff", "#000000", size=1.05, letters=1.15, lines=1.6, dpi=120, contrast=4.5))


def luminance(colour: Any) -> float:
    """Relative luminance, 0–1, of a colour that matplotlib knows, as WCAG defines it."""
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Any, other: Any) -> float:
    """The contrast of two colours, 1–21."""
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def legible(colour: Any, theme: Theme, least: float) -> tuple[float, float, float]:
    """``colour``, mixed with the theme's ink until it stands out from its paper as it does from white.

    That is by ``least`` at least, as far as ink can.
    """
    start, ink = to_rgb(colour), to_rgb(theme.ink)
    wanted = min(max(least, contrast(start, WHITE)), contrast(ink, theme.paper))
    mixed = start
    for twentieth in range(21):
        share = twentieth / 20
        red, green, blue = ((1 - share) * own + share * end for own, end in zip(start, ink, strict=True))
        mixed = red, green, blue
        if contrast(mixed, theme.paper) >= wanted:
            break
    return mixed


def dress(figure: Figure, theme: Theme) -> None:
    """Put a finished figure on the theme's paper: letters, axes and lines legible, pictures as they are. Once each."""
    figure.set_facecolor(theme.paper)
    figure.set_size_inches(*(theme.size * figure.get_size_inches()))
    for axes in figure.axes:
        axes.set_facecolor(theme.paper)
        for axis in (axes.xaxis, axes.yaxis):
            # Through tick_params, so that ticks which are only made when it is drawn have it too.
            size = axis.get_tick_params().get("labelsize", LETTERS)
            size = float(size) if isinstance(size, int | float) else LETTERS
            axis.set_tick_params(which="both", colors=theme.ink, labelsize=size * theme.letters)
            axis.get_offset_text().set_color(theme.ink)
    ticks = {id(one) for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for one in axis.findobj()}
    labels = {id(axis.label) for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)}
    for artist in figure.findobj():
        if id(artist) not in ticks or id(artist) in labels:
            _dress(artist, theme)


def _dress(artist: Artist, theme: Theme) -> None:
    if isinstance(artist, Text):
        artist.set_color(legible(artist.get_color(), theme, TEXT_CONTRAST))
        artist.set_fontsize(float(artist.get_fontsize()) * theme.letters)
    elif isinstance(artist, Spine):
        artist.set_edgecolor(theme.ink)
    elif isinstance(artist, Line2D):
        artist.set_linewidth(artist.get_linewidth() * theme.lines)
        artist.set_color(legible(artist.get_color(), theme, theme.contrast))
        if artist.get_markerfacecolor() == "none":  # a ring is all edge
            artist.set_markeredgecolor(legible(artist.get_markeredgecolor(), theme, theme.contrast))
            artist.set_markeredgewidth(artist.get_markeredgewidth() * theme.lines)
    elif isinstance(artist, AxesImage) and artist.get_cmap().name == INK:
        artist.set_cmap(LinearSegmentedColormap.from_list("paper to ink", [theme.paper, theme.ink]))
    elif isinstance(artist, Patch) and not artist.get_fill():
        artist.set_linewidth(artist.get_linewidth() * theme.lines)
        artist.set_edgecolor(legible(artist.get_edgecolor(), theme, theme.contrast))
    elif isinstance(artist, Collection) and len(artist.get_edgecolor()) and not len(artist.get_facecolor()):
        artist.set_linewidth([theme.lines * float(width) for width in np.atleast_1d(artist.get_linewidth())])
        artist.set_edgecolor([legible(one, theme, theme.contrast) for one in np.atleast_2d(artist.get_edgecolor())])
