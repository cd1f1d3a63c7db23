"""Plots of a whole run on matplotlib axes, in seaborn's manner: give an ``ax`` to draw on, or get one.

A run is given as its History or as the Experiment itself; of a Runner or an Explorer the main run is drawn.

Every function returns the Axes it drew on; a second call on the same ``ax`` overlays another run in the next colour.
Without ``ax`` a figure is made that pyplot does not manage (pyplot is unsafe beside widget callbacks). It is shown
when the Axes is the last value of a cell, or by ``display(ax.figure)``; ``ax.figure.savefig("plot.png")`` saves it.

Replicas are drawn as their mean with a band of ± one standard deviation; values that are not finite are left out of
both. A change is a vertical line; its label stands above the axes, where there is room for it (the full list is
``history.events_frame()``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator, StrMethodFormatter

from dfa_lab.errors import DfaLabError, shown, unknown_name
from dfa_lab.experiment.history import History, angle_metrics
from dfa_lab.views.base import (
    CHANCE_LABEL,
    PANELS,
    RIGHT_ANGLE,
    Curve,
    LineStyle,
    NamedRun,
    Panel,
    Source,
    angle_panel,
    angle_range,
    axes_for,
    chance_band,
    changes,
    curve,
    dash_of,
    hex_colour,
    palette,
    put_legend,
    reference_metric,
    references_of,
    run_of,
    runs_on,
)
from dfa_lab.views.history.change_markers import mark_changes, stagger

SHORT = 26  # letters of an axis' title that leave its unit room on the same line
REFERENCE = "reference: "  # what the gid of a reference run's line begins with


def alignmentplot(
    history: Source,
    *,
    metric: str = "weight_alignment",
    layers: int | Sequence[int] | None = None,
    ax: Axes | None = None,
    label: str | None = None,
    color: str | None = None,
) -> Axes:
    """An alignment angle of each layer over the training steps, with the 90° line and the band of chance.

    ``metric`` is any of ``METRICS`` that is an angle of each layer, such as "weight_alignment" or "gradient_alignment":
    one a plot, for they are different angles and several over all layers are hard to read. ``layers`` counts hidden
    layers from 1; all where it is not given. The grey band, the mean of chance ± 2 sd, is drawn where chance was
    recorded, and is the widest of the layers drawn.

    >>> import dfa_lab as dfa
    >>> history = dfa.Experiment(widths=(4,), task="moons").train(20)
    >>> dfa.alignmentplot(history).get_ylabel()
    'weight alignment (degrees)'
    """
    if metric not in (known_angles := angle_metrics()):
        raise unknown_name("alignment", metric, known_angles)
    panel = angle_panel(metric)
    record = run_of(history, "alignmentplot()").history
    known = record.layers(metric)
    wanted = known if layers is None else [layers] if isinstance(layers, int) else list(layers)
    for layer in wanted:
        if layer not in known:
            listed = ", ".join(map(str, known)) or "none"
            raise DfaLabError(f"layer {shown(layer)} has no recorded {shown(metric)}; layers that have: {listed}.")
    looks = palette.layer_styles(known)
    axes = _axes_for(ax, record, [(metric, layer) for layer in wanted], "alignmentplot()")
    run = _Run(axes, record, runs_on(axes), label, color)
    # Before the curves, so that they lie over it.
    if not any(line.get_gid() == "right angle" for line in axes.lines):
        axes.axhline(RIGHT_ANGLE, color=palette.NEUTRAL, lw=1, ls="--", zorder=1, gid="right angle")
    band = chance_band([record], metric, wanted)
    if band is not None:
        named = any(area.get_gid() == "chance" for area in axes.collections)
        look: dict[str, Any] = {"color": palette.CHANCE_COLOUR, "alpha": palette.CHANCE_OPACITY, "lw": 0, "zorder": 1}
        text = "_" if named else CHANCE_LABEL
        axes.fill_between(band.steps, band.lower, band.upper, gid="chance", label=text, **look)
    for layer in wanted:
        run.draw(metric, panel.lines[0].drawn(looks[layer]), looks[layer].name, layer)
    low, high, tick = angle_range([np.asarray(axes.dataLim.intervaly)])
    margin = 0.02 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    axes.yaxis.set_major_locator(MultipleLocator(tick))
    return run.finished(panel)


def lossplot(
    history: Source,
    *,
    references: Iterable[Source] = (),
    ax: Axes | None = None,
    label: str | None = None,
    color: str | None = None,
) -> Axes:
    """Training loss (thin, light) and test loss (dashed) over the training steps.

    ``references`` are runs to compare with, such as backpropagation and frozen hidden layers: their test loss (their
    training loss where they have no other) as thin grey lines under the run, each with a dash of its own, under their
    own names. They take no colour from the runs, have no band, and their changes are not drawn.

    >>> import dfa_lab as dfa
    >>> history = dfa.Experiment(widths=(4,), task="moons").train(20)
    >>> [text.get_text() for text in dfa.lossplot(history).get_legend().texts]
    ['training', 'test']
    """
    return _plot("loss", history, ax, label, color, references)


def accuracyplot(
    history: Source,
    *,
    references: Iterable[Source] = (),
    ax: Axes | None = None,
    label: str | None = None,
    color: str | None = None,
) -> Axes:
    """Share of the test split classified rightly, over the training steps; ``references`` as in ``lossplot``.

    >>> import dfa_lab as dfa
    >>> history = dfa.Experiment(widths=(4,), task="moons").train(20)
    >>> dfa.accuracyplot(history).get_ylabel()
    'test accuracy (share)'
    """
    return _plot("accuracy", history, ax, label, color, references)


def throughputplot(
    history: Source, *, ax: Axes | None = None, label: str | None = None, color: str | None = None
) -> Axes:
    """Training samples a second, over the training steps; read off a clock, so no two runs are alike.

    >>> import dfa_lab as dfa
    >>> history = dfa.History()
    >>> history.record("samples_per_s", 50_000.0, step=100, samples=6400)
    >>> dfa.throughputplot(history).get_ylabel()
    'throughput (samples/s)'
    """
    return _plot("throughput", history, ax, label, color)


def panels_of(history: History) -> list[str]:
    """The panels that ``panelplot`` draws of this history: those with values of the run, or of its layers' angle."""
    series, angles = list(history.series.items()), angle_metrics()  # at once: a run may be adding to it
    recorded = {(metric, layer is None) for (metric, layer), one in series if len(one)}
    return [
        name
        for name, panel in PANELS.items()
        if any((one, one not in angles) in recorded for one in panel.metrics[: 1 if panel.angle else None])
    ]


def panelplot(name: str, history: Source, *, ax: Axes | None = None) -> Axes:
    """One panel by its name in ``PANELS``; of angles the first one, layer by layer."""
    first = PANELS[name].metrics[0]
    if first in angle_metrics():
        return alignmentplot(history, metric=first, ax=ax)
    return _plot(name, history, ax, None, None)


def _plot(
    name: str,
    source: Source,
    ax: Axes | None,
    label: str | None,
    color: str | None,
    references: Iterable[Source] = (),
) -> Axes:
    panel, place = PANELS[name], f"{name}plot()"
    named, compared = run_of(source, place), references_of(references, place)
    several = len(panel.recorded) > 1
    if compared and label is None and not several:
        label = named.name  # beside named lines one without a name would not be known
    axes = _axes_for(ax, named.history, [(metric, None) for metric in panel.metrics], place)
    run = _Run(axes, named.history, runs_on(axes), label, color)
    for reference in compared:
        _draw_reference(axes, reference, panel)
    for line in panel.recorded:
        run.draw(line.metric, line.drawn(), line.style.name if several else "")
    if axes.get_yscale() == "linear":
        low, high = axes.dataLim.intervaly
        axes.set_ylim(min(low, 0.0), high + 0.05 * (high - min(low, 0.0)) or 1.0)
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    return run.finished(panel)


@dataclass(frozen=True)
class _Run:
    """A run on matplotlib axes: its number there, from 0, and the ``label`` and ``color`` that the caller asked for."""

    axes: Axes
    history: History
    number: int
    label: str | None
    color: str | None

    def shade(self, shade: float) -> str:
        """The run's colour, lighter or darker."""
        return palette.shaded(hex_colour(self.color), shade) if self.color else palette.run_colour(self.number, shade)

    def draw(self, metric: str, look: LineStyle, name: str, layer: int | None = None) -> None:
        """A line with its spread over replicas; ``name`` follows the label in the legend."""
        line = curve(self.history, metric, layer).thinned()
        if not len(line):
            return
        shade, band = self.shade(look.shade), line.spread
        text = ", ".join(part for part in (self.label, name) if part) or "_"
        _draw_curve(self.axes, line, look, color=shade, label=text, gid=f"run {self.number}")
        if line.replicas > 1:
            fill: dict[str, Any] = {"color": shade, "alpha": palette.SPREAD_OPACITY, "lw": 0}
            self.axes.fill_between(band.steps, band.lower, band.upper, gid=f"spread {self.number}", **fill)

    def finished(self, panel: Panel) -> Axes:
        """The axes with their titles, the run's changes and the legend."""
        axes, between = self.axes, " " if len(panel.title) <= SHORT else "\n"
        axes.set_xlabel("training step (updates)")
        axes.set_ylabel(f"{panel.title}{between}({panel.axis_unit})")
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.01)
        mark_changes(axes, changes([self.history]), self.shade(-0.25))
        entries = sorted(zip(*axes.get_legend_handles_labels(), strict=True), key=_place_in_legend)
        if entries:
            put_legend(axes, *map(list, zip(*entries, strict=True)))
        stagger(axes)
        return axes


def _axes_for(ax: object, history: History, wanted: list[tuple[str, int | None]], place: str) -> Axes:
    """The axes to draw on; what cannot be drawn raises before anything is drawn."""
    if not any(len(history.values(metric, layer)[0]) for metric, layer in wanted):
        there = ", ".join(sorted({name for name, _ in history.series})) or "nothing yet; train first"
        metrics = " or ".join(sorted({metric for metric, _ in wanted})) or "alignment"
        angles = not wanted or any(metric in angle_metrics() for metric, _ in wanted)
        instead = " run.measure() records angles now, and probe_every=… while it trains." if angles else ""
        raise DfaLabError(f"{place} needs {metrics}, which this history has not; it has: {there}.{instead}")
    return axes_for(ax, place)


def _draw_curve(axes: Axes, line: Curve, look: LineStyle, **more: Any) -> None:
    marker = "o" if len(line) == 1 else None
    axes.plot(line.steps, line.mean, lw=look.width, ls=dash_of(look), marker=marker, **more)


def _draw_reference(axes: Axes, reference: NamedRun, panel: Panel) -> None:
    """A reference run as a thin grey line under the runs, once on these axes however often it is given."""
    history = reference.history
    drawn = [str(line.get_gid()) for line in axes.lines if str(line.get_gid()).startswith(REFERENCE)]
    metric = reference_metric(history, panel.metrics)
    if metric is None or REFERENCE + history.run_id in drawn:
        return
    look = palette.reference_style(len(drawn), reference.name)
    named: dict[str, Any] = {"label": look.name, "gid": REFERENCE + history.run_id}
    _draw_curve(axes, curve(history, metric).thinned(), look, color=palette.REFERENCE_COLOUR, ms=3, zorder=1.8, **named)


def _place_in_legend(entry: tuple[Any, str]) -> int:
    """The runs first, then the references, then chance."""
    return 1 if str(entry[0].get_gid()).startswith(REFERENCE) else 2 * (entry[1] == CHANCE_LABEL)
