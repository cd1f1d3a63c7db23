"""THEMES: colours and sizes that a finished matplotlib figure can take: light, dark, projector.

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

#: The background that the views draw for. A colour keeps on other backgrounds the contrast that it has to this one.
WHITE = "#ffffff"
#: The least contrast to the background that text may have (WCAG 2.2, 1.4.3).
TEXT_CONTRAST = 4.5
#: The colour map of an image that goes from background to foreground.
GREYS = "gray_r"
#: The size of a tick's letters where none was given, in points.
LETTERS = 10.0
#: The gid of letters on an image, whose colours no theme changes.
ON_IMAGE = "on the image"


@dataclass(frozen=True)
class Theme:
    """Background and foreground as ``#rrggbb``; factors for the picture, its letters and its lines; dots an inch.

    ``contrast`` is the least that a line or a marker has to the background (WCAG 2.2, 1.4.11, asks for 3).
    """

    background: str
    foreground: str
    size: float = 1.0
    letters: float = 1.0
    lines: float = 1.0
    dpi: int = 96
    contrast: float = 3.0


THEMES: Registry[Theme] = Registry("theme")
THEMES.register("light", Theme("#ffffff", "#1a1a1a"))
THEMES.register("dark", Theme("#111111", "#e6e6e6"))
THEMES.register("projector", Theme("#ffffff", "#000000", size=0.85, letters=1.15, lines=1.6, dpi=120, contrast=4.5))


def luminance(colour: Any) -> float:
    """Relative luminance, 0–1, of a colour that matplotlib knows, as WCAG defines it."""
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Any, other: Any) -> float:
    """The contrast of two colours, 1–21."""
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def legible(colour: Any, theme: Theme, least: float) -> tuple[float, float, float]:
    """``colour``, mixed with the foreground until its contrast to the background is what it is to white.

    That is ``least`` at least, as far as the foreground has it.
    """
    start, end = to_rgb(colour), to_rgb(theme.foreground)
    wanted = min(max(least, contrast(start, WHITE)), contrast(end, theme.background))
    mixed = start
    for twentieth in range(21):
        share = twentieth / 20
        red, green, blue = ((1 - share) * own + share * other for own, other in zip(start, end, strict=True))
        mixed = red, green, blue
        if contrast(mixed, theme.background) >= wanted:
            break
    return mixed


def apply_theme(figure: Figure, theme: Theme) -> None:
    """Change a finished figure to the theme: letters, axes and lines legible, images as they are. Once for a figure."""
    figure.set_facecolor(theme.background)
    figure.set_size_inches(*(theme.size * figure.get_size_inches()))
    axis_parts: set[int] = set()
    for axes in figure.axes:
        axes.set_facecolor(theme.background)
        for axis in (axes.xaxis, axes.yaxis):
            # Through tick_params, so that ticks which are only made when it is drawn have it too.
            size = axis.get_tick_params().get("labelsize", LETTERS)
            size = float(size) if isinstance(size, int | float) else LETTERS
            axis.set_tick_params(which="both", colors=theme.foreground, labelsize=size * theme.letters)
            axis.get_offset_text().set_color(theme.foreground)
            axis_parts |= {id(one) for one in axis.findobj() if one is not axis.label}
    for artist in figure.findobj():
        if id(artist) not in axis_parts:
            _change(artist, theme)


def _change(artist: Artist, theme: Theme) -> None:
    def line_colour(colour: Any) -> tuple[float, float, float]:
        return legible(colour, theme, theme.contrast)

    if isinstance(artist, Text):
        if artist.get_gid() != ON_IMAGE:
            artist.set_color(legible(artist.get_color(), theme, TEXT_CONTRAST))
        artist.set_fontsize(float(artist.get_fontsize()) * theme.letters)
    elif isinstance(artist, Spine):
        artist.set_edgecolor(theme.foreground)
    elif isinstance(artist, Line2D):
        artist.set_linewidth(artist.get_linewidth() * theme.lines)
        artist.set_color(line_colour(artist.get_color()))
        if artist.get_markerfacecolor() == "none":  # a ring is all edge
            artist.set_markeredgecolor(line_colour(artist.get_markeredgecolor()))
            artist.set_markeredgewidth(artist.get_markeredgewidth() * theme.lines)
    elif isinstance(artist, AxesImage) and artist.get_cmap().name == GREYS:
        colours = [theme.background, theme.foreground]
        artist.set_cmap(LinearSegmentedColormap.from_list("background to foreground", colours))
    elif isinstance(artist, Patch) and not artist.get_fill():
        artist.set_linewidth(artist.get_linewidth() * theme.lines)
        artist.set_edgecolor(line_colour(artist.get_edgecolor()))
    elif isinstance(artist, Collection) and len(artist.get_edgecolor()) and not len(artist.get_facecolor()):
        artist.set_linewidth([theme.lines * float(width) for width in np.atleast_1d(artist.get_linewidth())])
        artist.set_edgecolor([line_colour(one) for one in np.atleast_2d(artist.get_edgecolor())])
