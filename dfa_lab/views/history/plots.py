"""Plots of a run's course on matplotlib axes, in seaborn's manner: give an ``ax`` to draw on it, or get one.

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
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator, StrMethodFormatter

from dfa_lab.errors import DfaLabError, shown, unknown_name
from dfa_lab.experiment.history import METRICS, History
from dfa_lab.views.base import (
    RIGHT_ANGLE,
    LineStyle,
    NamedRun,
    Source,
    angle_metrics,
    angle_range,
    axes_for,
    chance_band,
    changes,
    curve,
    dash_of,
    hex_colour,
    put_legend,
    reference_metric,
    references_of,
    run_of,
    runs_on,
)
from dfa_lab.views.base import palette as style
from dfa_lab.views.history.change_markers import mark_changes, stagger

CHANCE_LABEL = "chance ± 2 sd (widest)"
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
    """
    if metric not in (known_angles := angle_metrics()):
        raise unknown_name("alignment", metric, known_angles)
    history = run_of(history, "alignmentplot()").history
    known = history.layers(metric)
    wanted = known if layers is None else [layers] if isinstance(layers, int) else list(layers)
    for layer in wanted:
        if layer not in known:
            listed = ", ".join(map(str, known)) or "none"
            raise DfaLabError(f"layer {shown(layer)} has no recorded {shown(metric)}; layers that have: {listed}.")
    looks = style.layer_styles(known)
    # On the axes before the curves, so that they lie over it.
    axes, run = _prepared(history, ax, [(metric, layer) for layer in wanted], "alignmentplot()")
    band = chance_band([history], metric, wanted)
    if not any(line.get_gid() == "right angle" for line in axes.lines):
        axes.axhline(RIGHT_ANGLE, color=style.NEUTRAL, lw=1, ls="--", zorder=1, gid="right angle")
    if band is not None:
        named = any(area.get_gid() == "chance" for area in axes.collections)
        axes.fill_between(
            band.steps,
            band.lower,
            band.upper,
            color=style.CHANCE_COLOUR,
            alpha=style.CHANCE_OPACITY,
            lw=0,
            zorder=1,
            gid="chance",
            label="_" if named else CHANCE_LABEL,
        )
    for layer in wanted:
        _draw(axes, history, metric, layer, style.drawn_of(metric, looks[layer]), run, label, color)
    low, high, tick = angle_range([np.asarray(axes.dataLim.intervaly)])
    margin = 0.02 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    axes.yaxis.set_major_locator(MultipleLocator(tick))
    return _finished(axes, history, run, color, METRICS[metric].label, METRICS[metric].unit)


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
    """
    looks = {"train_loss": style.TRAINING, "test_loss": style.TEST}
    return _plot(history, looks, "loss", "lossplot()", ax, label, color, references)


def accuracyplot(
    history: Source,
    *,
    references: Iterable[Source] = (),
    ax: Axes | None = None,
    label: str | None = None,
    color: str | None = None,
) -> Axes:
    """Share of the test split classified rightly, over the training steps; ``references`` as in ``lossplot``."""
    looks = {"test_accuracy": style.WHOLE}
    return _plot(history, looks, "test accuracy", "accuracyplot()", ax, label, color, references)


def throughputplot(
    history: Source, *, ax: Axes | None = None, label: str | None = None, color: str | None = None
) -> Axes:
    """Training samples a second, over the training steps; a clock's reading, so no two runs are alike."""
    return _plot(history, {"samples_per_s": style.WHOLE}, "throughput", "throughputplot()", ax, label, color)


def _plot(
    source: Source,
    looks: dict[str, LineStyle],
    title: str,
    place: str,
    ax: Axes | None,
    label: str | None,
    color: str | None,
    references: Iterable[Source] = (),
) -> Axes:
    named, beside = run_of(source, place), references_of(references, place)
    history = named.history
    axes, run = _prepared(history, ax, [(metric, None) for metric in looks], place)
    if beside and label is None and style.WHOLE in looks.values():
        label = named.name  # beside named lines one without a name would be a riddle
    for reference in beside:
        _draw_reference(axes, reference, looks)
    for metric, look in looks.items():
        _draw(axes, history, metric, None, look, run, label, color)
    if axes.get_yscale() == "linear":
        low, high = axes.dataLim.intervaly
        axes.set_ylim(min(low, 0.0), high + 0.05 * (high - min(low, 0.0)) or 1.0)
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    return _finished(axes, history, run, color, title, METRICS[next(iter(looks))].unit)


def _prepared(history: History, ax: object, wanted: list[tuple[str, int | None]], place: str) -> tuple[Axes, int]:
    """The axes to draw on, and the number of this run on them; what cannot be drawn raises before anything is drawn."""
    if not any(len(history.values(metric, layer)[0]) for metric, layer in wanted):
        there = ", ".join(sorted({name for name, _ in history.series})) or "nothing yet; train first"
        metrics = " or ".join(sorted({metric for metric, _ in wanted})) or "alignment"
        raise DfaLabError(f"{place} needs {metrics}, which this history has not; it has: {there}.")
    axes = axes_for(ax, place)
    return axes, runs_on(axes)


def _draw(
    axes: Axes,
    history: History,
    metric: str,
    layer: int | None,
    look: LineStyle,
    run: int,
    label: str | None,
    color: str | None,
) -> None:
    line = curve(history, metric, layer)
    if not len(line):
        return
    shade = style.shaded(hex_colour(color), look.shade) if color else style.run_colour(run, look.shade)
    parts = [part for part in (label, None if look is style.WHOLE else look.name) if part]
    marker = "o" if len(line) == 1 else None
    text = ", ".join(parts) or "_"
    axes.plot(
        line.steps, line.mean, color=shade, lw=look.width, ls=dash_of(look), marker=marker, label=text, gid=f"run {run}"
    )
    if line.replicas > 1:
        band = line.spread
        axes.fill_between(
            band.steps, band.lower, band.upper, color=shade, alpha=style.SPREAD_OPACITY, lw=0, gid=f"spread {run}"
        )


def _draw_reference(axes: Axes, reference: NamedRun, metrics: Iterable[str]) -> None:
    """A reference run as a thin grey line under the runs, once on these axes however often it is given."""
    history = reference.history
    drawn = [str(line.get_gid()) for line in axes.lines if str(line.get_gid()).startswith(REFERENCE)]
    metric = reference_metric(history, metrics)
    if metric is None or REFERENCE + history.run_id in drawn:
        return
    line, look = curve(history, metric), style.reference_style(len(drawn), reference.name)
    axes.plot(
        line.steps,
        line.mean,
        color=style.REFERENCE_COLOUR,
        lw=look.width,
        ls=dash_of(look),
        marker="o" if len(line) == 1 else None,
        ms=3,
        zorder=1.8,
        label=look.name,
        gid=REFERENCE + history.run_id,
    )


def _finished(axes: Axes, history: History, run: int, color: str | None, title: str, unit: str) -> Axes:
    axes.set_xlabel("training step (updates)")
    between = " " if len(title) <= SHORT else "\n"
    axes.set_ylabel(f"{title}{between}({unit})")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.01)
    shade = style.shaded(hex_colour(color), -0.25) if color else style.run_colour(run, -0.25)
    mark_changes(axes, changes([history]), shade)
    entries = sorted(zip(*axes.get_legend_handles_labels(), strict=True), key=_place_in_legend)
    if entries:
        put_legend(axes, *map(list, zip(*entries, strict=True)))
    stagger(axes)
    return axes


def _place_in_legend(entry: tuple[Any, str]) -> int:
    """The runs first, then the references, then chance."""
    return 1 if str(entry[0].get_gid()).startswith(REFERENCE) else 2 * (entry[1] == CHANCE_LABEL)
