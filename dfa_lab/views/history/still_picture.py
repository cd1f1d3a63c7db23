"""The still picture of a plotly figure, for readers that run no JavaScript: PDF, LaTeX, GitHub, nbconvert's HTML.

Panels, curves, bands, changes and the legend stand where plotly has them; what shows on hover is left out.
"""

from __future__ import annotations

import base64
import html
import io
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MultipleLocator
from matplotlib.transforms import Bbox, BboxTransformTo, Transform, blended_transform_factory
from plotly import graph_objects as go

# Pixels: the plot, room for the legend, the height of a figure that says none. A point is 1.39 of them.
PLOT, LEGEND, HEIGHT, POINT = 620, 230, 450, 100 / 72
MARKERS = {"square": "s", "triangle-down": "v"}
FRAME = "#DDDDDD"


def png(figure: go.Figure) -> str:
    """The still picture as a PNG, in base64."""
    buffer = io.BytesIO()
    still_picture(figure).savefig(buffer, format="png", dpi=80, pil_kwargs={"optimize": True})
    return base64.b64encode(buffer.getvalue()).decode()


def still_picture(figure: go.Figure) -> Figure:
    """The plotly figure of ``dfa.figure`` drawn by matplotlib, in the same sizes and colours."""
    layout = figure.layout
    margin, height = layout.margin, layout.height or HEIGHT
    sides = [side if side is not None else 80 for side in (margin.l, margin.b, margin.t)]
    width, plot = sides[0] + PLOT + LEGEND, height - sides[1] - sides[2]
    drawn = Figure(figsize=(width / 100, height / 100))
    box = Bbox.from_bounds(sides[0] / width, sides[1] / height, PLOT / width, plot / height)
    paper = BboxTransformTo(box) + drawn.transFigure
    panels: dict[str, Axes] = {}
    for name in dict.fromkeys(trace.yaxis or "y" for trace in figure.data) or ["y"]:
        bottom, top = layout[name.replace("y", "yaxis")].domain or (0, 1)
        bounds = (box.x0, box.y0 + bottom * box.height, box.width, (top - bottom) * box.height)
        panels[name] = drawn.add_axes(bounds, label=name)
    for trace in figure.data:
        if trace.visible is None or trace.visible is True:
            _draw(panels[trace.yaxis or "y"], trace)
    for name, axes in panels.items():
        _set_axes(axes, layout[name.replace("y", "yaxis")], layout.xaxis, lowest=name == (layout.xaxis.anchor or "y"))
    for shape in layout.shapes:
        drawn.add_artist(_line(shape, panels, paper))
    for name in ("legend", "legend2"):
        entries = [one for one in figure.data if one.showlegend and (one.legend or "legend") == name]
        if entries:
            place = layout[name]
            drawn.legend(
                [Line2D([], [], **_style_of(one)) for one in entries],
                [_text(one.name) for one in entries],
                title=_text(place.title.text).replace(" (click to hide)", ""),
                loc="upper left",
                bbox_to_anchor=(1.01, 1.0 if place.y is None else place.y),
                bbox_transform=paper,
                fontsize=12 / POINT,
                title_fontsize=12 / POINT,
                alignment="left",
                frameon=False,
                borderaxespad=0,
            )
    return drawn


def _draw(axes: Axes, trace: go.Scatter) -> None:
    x, y = _numbers(trace.x), _numbers(trace.y)
    if trace.fill == "toself":
        ends = np.flatnonzero(np.isnan(x))
        for part in np.split(np.arange(len(x)), ends):
            kept = part[~np.isnan(x[part])]
            axes.fill(x[kept], y[kept], color=_colour(trace.fillcolor), linewidth=0)
        return
    if np.isfinite(y).any():
        axes.plot(x, y, **_style_of(trace), clip_on=trace.cliponaxis is not False)
    colours = trace.textfont.color
    for number, text in enumerate(trace.text if trace.text is not None and "text" in (trace.mode or "") else ()):
        left = "left" in str(trace.textposition[number])
        axes.annotate(
            _text(text),
            (x[number], y[number]),
            xytext=(-5 if left else 5, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=11 / POINT,
            color=colours[number] if isinstance(colours, list | tuple) else colours,
            annotation_clip=False,
        )


def _numbers(given: Any) -> np.ndarray:
    """The values of a trace; a copied or saved figure has them as plotly's own bytes."""
    if isinstance(given, dict):
        given = np.frombuffer(base64.b64decode(given["bdata"]), dtype=given["dtype"])
    return np.asarray([] if given is None else given, dtype=np.float64)


def _style_of(trace: go.Scatter) -> dict[str, Any]:
    """Colour, width, dash and marker of a trace, as a matplotlib line takes them."""
    if "lines" in (trace.mode or "lines"):
        width = trace.line.width or 2
        return {"color": _colour(trace.line.color), "linewidth": width / POINT, "linestyle": _dash(trace.line)}
    colour = trace.marker.color
    colour = colour[0] if isinstance(colour, list | tuple) else colour
    style = {"color": _colour(colour), "linestyle": "none", "markeredgewidth": 0}
    return style | {"marker": MARKERS.get(trace.marker.symbol, "o"), "markersize": (trace.marker.size or 6) / POINT}


def _dash(line: Any) -> Any:
    dash = line.dash or "solid"
    if "px" not in dash:
        return {"dash": "--", "dot": ":", "dashdot": "-."}.get(dash, "-")
    return (0, tuple(float(length.removesuffix("px")) / (line.width or 2) for length in dash.split(",")))


def _set_axes(axes: Axes, y: Any, x: Any, *, lowest: bool) -> None:
    """Ranges, ticks, titles and grid of a panel."""
    if x.range is not None:
        axes.set_xlim(*x.range)
    if y.range is not None:
        axes.set_ylim(*y.range)
    elif y.rangemode == "tozero":
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    if y.visible is False:
        axes.set_axis_off()
        return
    if y.dtick is not None:
        axes.yaxis.set_major_locator(MultipleLocator(y.dtick))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value) + (y.ticksuffix or "")))
    axes.set_ylabel(_text(y.title.text), fontsize=12 / POINT)
    axes.set_xlabel(_text(x.title.text) if lowest else "", fontsize=14 / POINT)
    axes.tick_params(labelsize=12 / POINT, length=0, labelbottom=lowest)
    axes.grid(color=FRAME, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)


def _tick(value: float) -> str:
    """A value beside an axis, thousands as plotly has them: 150k."""
    return f"{value / 1000:g}k" if abs(value) >= 10_000 else f"{round(value, 9):g}"


def _line(shape: Any, panels: dict[str, Axes], paper: Transform) -> Line2D:
    """A line that runs through panels, such as a change, or through one, such as the right angle."""
    first = next(iter(panels.values()))
    along = paper if shape.xref == "paper" else first.transData
    up = paper if shape.yref == "paper" else panels[shape.yref or "y"].transData
    style = {"color": shape.line.color, "linewidth": (shape.line.width or 2) / POINT, "linestyle": _dash(shape.line)}
    where = blended_transform_factory(along, up)
    return Line2D([shape.x0, shape.x1], [shape.y0, shape.y1], transform=where, alpha=shape.opacity, **style)


def _colour(color: str | None) -> Any:
    if color is None or not color.startswith("rgb"):
        return color or "#636EFA"
    parts = [float(one) for one in color[color.index("(") + 1 : -1].split(",")]
    return (*(one / 255 for one in parts[:3]), *parts[3:])


def _text(text: str | None) -> str:
    """Plotly's HTML as plain lines, in which matplotlib sees no formula."""
    return html.unescape((text or "").replace("<br>", "\n")).replace("$", r"\$")
