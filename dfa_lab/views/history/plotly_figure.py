"""figure: one interactive plotly figure of one or several runs, all panels over one axis of training steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from plotly import graph_objects as go

from dfa_lab.errors import DfaLabError, shown, unknown_name
from dfa_lab.experiment.history import History, angle_metrics
from dfa_lab.views.base import (
    ANGLES,
    PANELS,
    Change,
    NamedRun,
    Panel,
    Place,
    Source,
    angle_panel,
    changes,
    palette,
    place_labels,
    references_of,
    runs_of,
)
from dfa_lab.views.history.figure_legend import legend_entries, legend_layout
from dfa_lab.views.history.figure_traces import Drawing, numbered, run_names
from dfa_lab.views.history.still_figure import StillFigure
from dfa_lab.views.history.traces import change_line, change_trace, right_angle, y_axis

# Sizes in pixels; the width of the plot is what a notebook's column leaves it, more or less.
GAP, ROW, LETTER, PLOT_WIDTH = 16, 17, 6.2, 620
TOP, BOTTOM = 24, 56


def figure(
    *histories: Source,
    labels: Sequence[str] | None = None,
    references: Iterable[Source] = (),
    angles: Sequence[str] = ANGLES,
) -> go.Figure:
    """One or several runs in linked panels: alignments, loss, accuracy, throughput, and every change.

    All panels share the axis of training steps (updates): zooming one zooms all. Panels that no run has anything for
    are left out; a figure of empty histories has all of them, empty. A run is given as its History or as the
    Experiment itself; a Runner or an Explorer stands for all its lanes, each a run.

    - **Runs** have a colour each and are named by ``labels``, else by their own names (a lane by the explorer's),
      numbered where these are alike. A click on the legend hides a run, or with a single run a kind of line. Layers
      differ by width and shade. Gradient angles and test loss are dashed, weight angles and training loss are not.
    - **Replicas**: the line is their mean, the band ± one standard deviation. Values that are not finite are left
      out of both (the hover text counts the replicas left); where none is finite the line has a gap.
    - **Angles**: ``angles`` names the metrics that have a panel, each an angle of every layer. A line stands at 90°,
      and where it was recorded the grey band of chance, ± 2 sd: at each step the widest of the layers and runs drawn.
    - **Similarity** to the untrained network has a panel where ``run.record_similarity()`` asked for it.
    - **References** are runs to compare with, such as backpropagation and frozen hidden layers: thin grey lines under
      the runs in the panels of loss and accuracy, by the test split where they have one, each with a dash of its own.
      Their replicas are drawn as the mean alone, their changes not at all.
    - **Changes** are vertical lines through every panel, in the colour of their run, or grey where several runs
      changed alike. The label above is short, and left out where there is no room; the full text is on hover.

    A notebook keeps it as a PNG, too, for readers that run no JavaScript, such as nbconvert's PDF. The same histories
    give the same JSON. Raises ``DfaLabError`` where no run is given, where something else is, where ``labels`` has
    another length, or where ``angles`` has what is no angle.

    >>> import dfa_lab as dfa
    >>> history = dfa.Experiment(widths=(4,), task="moons", name="mine").train(20)
    >>> [trace.name for trace in dfa.figure(history).data if trace.name.startswith("mine")][2:]
    ['mine, training loss', 'mine, test loss', 'mine, test accuracy']
    """
    named = [one for source in histories for one in runs_of(source, "figure()")]
    if not named:
        raise DfaLabError("figure() got no run; give one or several, such as figure(experiment).")
    runs = [one.history for one in named]
    compared = references_of(references, "figure()")
    everything = [*_angle_panels(angles), *(panel for name, panel in PANELS.items() if name != "alignment")]
    names = run_names([one.name for one in named], labels)
    metrics = [metric for panel in everything for metric in panel.metrics]
    layers = {layer for history in runs for metric in metrics for layer in history.layers(metric)}
    drawing = Drawing(runs, names, _reference_looks(compared, names), palette.layer_styles(layers))
    recorded = {metric for history in runs for (metric, _), series in list(history.series.items()) if len(series)}
    panels = [panel for panel in everything if recorded & {*panel.metrics}]
    panels = panels or [panel for panel in everything if not panel.on_request]
    last = max(history.last_step for history in [*runs, *(one.history for one in compared)])
    last = max([last, 1, *(event.step for history in runs for event in history.events)])
    span = (-0.01 * last, 1.01 * last)

    found = changes(runs)
    scale = PLOT_WIDTH / (span[1] - span[0])
    positions = [(change.step - span[0]) * scale for change in found]
    places = place_labels(positions, [change.text for change in found], width=PLOT_WIDTH, letter=LETTER)
    rows = max((place.row + 1 for place in places if place.row is not None), default=1)
    labels_height = ROW * rows if found else 0
    height = sum(panel.height for panel in panels) + GAP * (len(panels) - 1) + labels_height
    layout: dict[str, Any] = {}
    shapes: list[dict[str, Any]] = []
    top = height - labels_height
    for number, panel in enumerate(panels, start=1):
        axis = "y" if number == 1 else f"y{number}"
        values = drawing.draw(panel, axis)
        layout[axis.replace("y", "yaxis")] = y_axis(panel, (top - panel.height) / height, top / height, values)
        if panel.angle:
            shapes.append(right_angle(axis))
        top -= panel.height + GAP

    traces = [*drawing.below, *drawing.bands, *drawing.lines]
    if found:
        number = len(panels) + 1
        bottom = 1 - labels_height / height
        layout[f"yaxis{number}"] = {"domain": [bottom, 1], "range": [0, rows], "visible": False, "fixedrange": True}
        marks: dict[str | None, list[tuple[Change, Place, float]]] = {}
        for change, place in zip(found, places, strict=True):
            # What one of several runs changed is hidden with it.
            group = None if drawing.single or len(change.runs) > 1 else f"run {change.runs[0]}"
            mark = 0.0 if place.row is None else rows - place.row - 0.5
            marks.setdefault(group, []).append((change, place, mark))
            shapes.append(change_line(change, 1 - labels_height / height * (1 - mark / rows), group))
        traces += [change_trace(some, names, axis=f"y{number}", group=group) for group, some in marks.items()]
    layout |= legend_layout(drawing, height)
    layout["xaxis"] = {
        "title": {"text": "training step (updates)"},
        "anchor": "y" if len(panels) == 1 else f"y{len(panels)}",
        "range": list(span),
        "zeroline": False,
        "dtick": 1 if last < 6 else None,
        "showspikes": True,
        "spikemode": "across",
        "spikethickness": 1,
        "spikecolor": palette.CHANCE_COLOUR,
        "spikedash": "solid",
    }
    layout |= {"template": "plotly_white", "height": height + TOP + BOTTOM, "hovermode": "closest", "shapes": shapes}
    layout["margin"] = {"l": 84, "r": 20, "t": TOP, "b": BOTTOM}
    return StillFigure([*traces, *legend_entries(drawing)], layout)


def _angle_panels(angles: Sequence[str]) -> list[Panel]:
    if isinstance(angles, str) or not isinstance(angles, Sequence):
        raise DfaLabError(
            f'figure() got angles={shown(angles)}; expected several names, such as angles=["{ANGLES[0]}"].'
        )
    known = angle_metrics()
    for metric in angles:
        if metric not in known:
            raise unknown_name("angle", metric, known)
    return [angle_panel(metric) for metric in dict.fromkeys(angles)]


def _reference_looks(references: Sequence[NamedRun], taken: Sequence[str]) -> list[tuple[History, palette.LineStyle]]:
    """Each reference with a look under its own name; one that a run has too says that it is the reference."""
    names = numbered([one.name for one in references])
    said = [f"{name} (reference)" if name in taken else name for name in names]
    looks = [palette.reference_style(number, name) for number, name in enumerate(said)]
    return list(zip((one.history for one in references), looks, strict=True))
