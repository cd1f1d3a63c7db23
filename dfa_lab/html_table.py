"""HTML for a notebook: tables whose cells are escaped once, curves and pictures drawn inside them; text for a console.

Everything is text that is the same each time: no size, colour or number comes from the machine.
"""

from __future__ import annotations

import base64
import html
import math
import struct
import zlib
from collections.abc import Iterable, Sequence

#: Pixels of a curve, and how many of its points are drawn at most.
WIDTH, HEIGHT, POINTS = 120, 24, 60


class Drawn(str):
    """HTML that is put into a cell as it is; any other cell is escaped."""

    __slots__ = ()


def table(head: Sequence[object], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """A table with one heading a column. Cells are texts, numbers or ``Drawn``."""
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    top = "".join(f"<th>{_cell(one)}</th>" for one in head)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(one)}</td>' for one in row)}</tr>" for row in rows)
    return f"<table>{title}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def plain_table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """The same for a console: columns of text, two spaces apart."""
    lines = [[str(one) for one in line] for line in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _cell(value: object) -> str:
    return str(value) if isinstance(value, Drawn) else html.escape(str(value))


def number(value: float | None, digits: int = 3) -> str:
    """A number as a table shows it; "–" for None and NaN."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}g}"


def degrees(value: float | None) -> str:
    """An angle as a table shows it; "–" for None and NaN."""
    return "–" if value is None or math.isnan(value) else f"{value:.1f}°"


def curve(values: Sequence[float], steps: Sequence[float] | None = None) -> Drawn:
    """A line through the finite values, from their least to their largest, at their ``steps`` or in equal distances."""
    steps = range(len(values)) if steps is None else steps
    places = dict.fromkeys([*range(0, len(values), max(1, math.ceil(len(values) / POINTS))), *range(len(values))[-1:]])
    shown = [(steps[place], values[place]) for place in places if math.isfinite(values[place])]
    if len(shown) < 2:
        return Drawn("")
    across, up = ([one[axis] for one in shown] for axis in (0, 1))
    width, height = (max(across) - min(across)) or 1.0, (max(up) - min(up)) or 1.0
    pixels = [
        f"{round((x - min(across)) / width * (WIDTH - 4)) + 2},{round((max(up) - y) / height * (HEIGHT - 4)) + 2}"
        for x, y in shown
    ]
    line = f'<polyline points="{" ".join(pixels)}" fill="none" stroke="currentColor"/>'
    return Drawn(f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="curve">{line}</svg>')


def points(places: Sequence[tuple[float, float]], colours: Sequence[str], label: str, size: int = 160) -> Drawn:
    """Points of a plane, scaled to ``size`` pixels."""
    lows, highs = [min(axis) for axis in zip(*places, strict=True)], [max(axis) for axis in zip(*places, strict=True)]

    def pixel(place: tuple[float, float], axis: int) -> int:
        share = (place[axis] - lows[axis]) / ((highs[axis] - lows[axis]) or 1.0)
        return round((1 - share if axis else share) * (size - 8)) + 4

    drawn = "".join(
        f'<circle cx="{pixel(one, 0)}" cy="{pixel(one, 1)}" r="3" fill="{html.escape(colour)}"/>'
        for one, colour in zip(places, colours, strict=True)
    )
    alt = html.escape(label)
    return Drawn(f'<svg width="{size}" height="{size}" role="img" aria-label="{alt}">{drawn}</svg>')


def picture(rows: Sequence[bytes], label: str, *, channels: int = 1, size: int = 48) -> Drawn:
    """A picture from its rows of pixels, a byte a channel, 1 (grey) or 3; ``size`` pixels wide."""
    width = len(rows[0]) // channels
    header = struct.pack(">IIBBBBB", width, len(rows), 8, 0 if channels == 1 else 2, 0, 0, 0)
    data = _stored(b"".join(b"\0" + row for row in rows))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, (b"IHDR", b"IDAT", b"IEND"), (header, data, b"")))
    source, alt = base64.b64encode(png).decode(), html.escape(label)
    style = "image-rendering:pixelated"
    return Drawn(f'<img src="data:image/png;base64,{source}" alt="{alt}" width="{size}" style="{style}"/>')


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _stored(data: bytes) -> bytes:
    """A zlib stream without compression: each version of zlib compresses in its own way."""
    blocks = [data[start : start + 65535] for start in range(0, len(data), 65535)]
    parts = [
        struct.pack("<BHH", place == len(blocks) - 1, len(block), len(block) ^ 0xFFFF) + block
        for place, block in enumerate(blocks)
    ]
    return b"\x78\x01" + b"".join(parts) + struct.pack(">I", zlib.adler32(data))
