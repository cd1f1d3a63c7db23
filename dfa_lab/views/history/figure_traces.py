"""The traces of the plotly figure, gathered panel by panel: bands, lines, and lines of reference runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from plotly import graph_objects as go

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.history import METRICS, History
from dfa_lab.views.base import Line, LineStyle, Panel, chance_band, curve, palette, reference_metric
from dfa_lab.views.history.traces import empty_trace, line_trace, region_trace


@dataclass
class Drawing:
    """The runs to draw with their names, and what is gathered while the panels are drawn, one after another."""

    histories: Sequence[History]
    names: Sequence[str]
    references: Sequence[tuple[History, LineStyle]]
    layers: dict[int, LineStyle]
    below: list[go.Scatter] = field(default_factory=list)
    bands: list[go.Scatter] = field(default_factory=list)
    lines: list[go.Scatter] = field(default_factory=list)
    used: dict[LineStyle, None] = field(default_factory=dict)  # in the order of first use
    referred: set[int] = field(default_factory=set)  # the references that are in some panel
    chance: bool = False

    @property
    def single(self) -> bool:
        """Whether one run is drawn, so that its kinds of lines stand in the legend by themselves."""
        return len(self.histories) == 1

    def group(self, run: int, look: LineStyle) -> str:
        """What a click in the legend hides together: a kind of line where there is one run, else all of a run."""
        return look.name if self.single else f"run {run}"

    def draw(self, panel: Panel, axis: str) -> list[np.ndarray]:
        """Adds the panel's traces; returns all y values in it."""
        values: list[np.ndarray] = []
        for line in panel.recorded:
            if panel.angle:
                values += self._draw_chance(line.metric, axis)
            for run in range(len(self.histories)):
                values += self._draw_run(run, line, axis)
        for number in range(len(self.references) if panel.references else 0):
            values += self._draw_reference(number, panel, axis)
        if not values:
            self.lines.append(empty_trace(axis))
        return values

    def _draw_chance(self, metric: str, axis: str) -> list[np.ndarray]:
        band = chance_band(self.histories, metric)
        if band is None:
            return []
        self.chance = True
        fill = palette.translucent(palette.CHANCE_COLOUR, palette.CHANCE_OPACITY)
        self.bands.insert(0, region_trace(band, fill, axis=axis, name=f"{metric}, chance", group="chance"))
        return [band.lower, band.upper]

    def _draw_run(self, run: int, line: Line, axis: str) -> list[np.ndarray]:
        history, about = self.histories[run], METRICS[line.metric]
        values = []
        for layer in history.layers(line.metric) if about.per_layer else [None]:
            drawn = curve(history, line.metric, layer).thinned()
            if not len(drawn):
                continue
            look = line.style if layer is None else self.layers[layer]
            self.used[look] = None
            colour = palette.run_colour(run, look.shade)
            name = ", ".join([self.names[run], about.label, *([] if layer is None else [look.name])])
            where = {"axis": axis, "group": self.group(run, look)}
            self.lines.append(line_trace(drawn, line.drawn(look), colour, name=name, unit=about.unit, **where))
            values.append(drawn.mean)
            if drawn.replicas > 1:
                fill = palette.translucent(colour, palette.SPREAD_OPACITY)
                self.bands.append(region_trace(drawn.spread, fill, name=f"{name}, ± 1 sd", **where))
                values += [drawn.spread.lower, drawn.spread.upper]
        return values

    def _draw_reference(self, number: int, panel: Panel, axis: str) -> list[np.ndarray]:
        history, look = self.references[number]
        metric = reference_metric(history, panel.metrics)
        if metric is None:
            return []
        self.referred.add(number)
        drawn, about = curve(history, metric).thinned(), METRICS[metric]
        where = {"axis": axis, "group": f"reference {number}", "name": f"{look.name}, {about.label}"}
        self.below.append(line_trace(drawn, look, palette.REFERENCE_COLOUR, unit=about.unit, **where))
        return [drawn.mean]


def run_names(names: Sequence[str], labels: Sequence[str] | None, place: str = "figure()") -> list[str]:
    """What the runs are called: ``labels``, else their own ``names``. Raises ``DfaLabError`` where these do not fit."""
    if labels is None:
        return numbered(names)
    texts = isinstance(labels, Sequence) and not isinstance(labels, str)
    if not texts or not all(isinstance(label, str) for label in labels):
        raise DfaLabError(f'{place} got labels={shown(labels)}; expected one text a run, such as labels=["bp", "dfa"].')
    if len(labels) != len(names):
        raise DfaLabError(f"{place} got {len(labels)} labels for {len(names)} runs; give one label for each, in order.")
    return list(labels)


def numbered(names: Sequence[str]) -> list[str]:
    """``names`` with a number from 1 behind those that are alike."""
    alike, seen = Counter(names), Counter[str]()
    found = []
    for name in names:
        seen[name] += 1
        found.append(f"{name} {seen[name]}" if alike[name] > 1 else name)
    return found
