"""A matplotlib figure as a PNG that is small enough to be sent once a second."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image as Pixels

#: In bytes.
LIMIT = 80_000
#: Colours of the palette, tried one after another until the picture is small enough; then fewer dots.
PALETTES = (256, 64, 24)
SHRINK, SMALLEST = 0.75, 30.0


@dataclass(frozen=True)
class Image:
    """A PNG as bytes, and its size in pixels."""

    data: bytes
    width: int
    height: int


def png(figure: Figure, dpi: float = 96, limit: int = LIMIT) -> Image:
    """``figure`` at ``dpi`` dots an inch as a PNG of at most ``limit`` bytes.

    It has a palette. Where the picture is too large, such as the heat map of a great random matrix, the palette is made
    smaller, and then the picture.
    """
    canvas = FigureCanvasAgg(figure)
    width, height = 0, 0
    while True:
        figure.set_dpi(dpi)
        canvas.draw()
        pixels = Pixels.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
        width, height = width or pixels.width, height or pixels.height
        for colours in PALETTES:
            buffer = io.BytesIO()
            # Octree: several times quicker than the median cut, and plain colours stay what they are.
            few = pixels.quantize(colours, method=Pixels.Quantize.FASTOCTREE, dither=Pixels.Dither.NONE)
            _keep_background(few, pixels)
            few.save(buffer, format="png", optimize=colours < PALETTES[0])
            if buffer.tell() <= limit or (colours == PALETTES[-1] and dpi * SHRINK < SMALLEST):
                return Image(buffer.getvalue(), width, height)
        dpi *= SHRINK


def _keep_background(few: Pixels.Image, pixels: Pixels.Image) -> None:
    """The colour of the corner as it was: another one would show on a page of that very colour."""
    palette, place, exact = np.array(few.getpalette()), np.asarray(few)[0, 0], np.asarray(pixels)[0, 0]
    palette[3 * place : 3 * place + 3] = exact
    few.putpalette(palette.tolist())
