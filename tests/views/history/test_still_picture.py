"""The still picture draws what the plotly figure has, and a notebook keeps it beside plotly's own JSON."""

from __future__ import annotations

import base64
import copy
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from plotly import graph_objects as go
from plotly import io as plotly_io

from dfa_lab.experiment.history.history import Event
from dfa_lab.views.history.plotly_figure import figure
from dfa_lab.views.history.still_figure import PLOTLY, PNG, StillFigure
from dfa_lab.views.history.still_picture import png, still_picture
from records import make


@pytest.fixture
def notebook_renderer():
    before = plotly_io.renderers.default
    plotly_io.renderers.default = "plotly_mimetype"
    yield
    plotly_io.renderers.default = before


def two_runs() -> go.Figure:
    history = make()
    history.events.append(Event(step=4, field="lr", old=0.1, new=0.05))
    return figure(history, make(), labels=["pays $5", "<b>"])


def test_every_curve_is_drawn_in_its_panel_and_colour() -> None:
    shown = two_runs()
    panels = {axes.get_label(): axes for axes in still_picture(shown).axes}
    wanted = [one for one in shown.data if np.isfinite(one.y).any() and one.fill is None and one.mode == "lines"]
    assert len(wanted) > 10
    for axis, axes in panels.items():
        traces = [one for one in wanted if one.yaxis == axis]
        drawn = [line for line in axes.lines if line.get_linestyle() != "None"]
        assert len(drawn) == len(traces)
        for line, trace in zip(drawn, traces, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), trace.y)
            assert to_hex(line.get_color()) == trace.line.color


def test_panels_titles_legend_and_changes_stand_where_plotly_has_them() -> None:
    shown = two_runs()
    drawn = still_picture(shown)
    panels = {axes.get_label(): axes for axes in drawn.axes}
    assert panels["y"].get_ylabel() == shown.layout.yaxis.title.text.replace("<br>", "\n")
    assert panels["y"].get_ylim() == shown.layout.yaxis.range
    assert panels["y"].get_position().y0 > panels["y2"].get_position().y1
    said = [text.get_text() for legend in drawn.legends for text in legend.get_texts()]
    assert said[:2] == [r"pays \$5", "<b>"]
    labels = [text.get_text() for axes in drawn.axes for text in axes.texts]
    assert labels == ["learning rate → 0.05"]
    upright = [line for line in drawn.artists if list(line.get_xdata()) == [4, 4]]
    assert len(upright) == 1


def test_a_notebook_keeps_a_png_beside_plotlys_json(notebook_renderer: None, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = two_runs()
    bundle = shown._repr_mimebundle_()
    assert list(bundle) == [PLOTLY, PNG]
    assert base64.b64decode(bundle[PNG]).startswith(b"\x89PNG")
    displayed: list[dict[str, Any]] = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: displayed.append(bundle))
    shown._ipython_display_()
    assert [list(one) for one in displayed] == [[PLOTLY, PNG]]


def test_a_figure_that_a_user_went_on_with(notebook_renderer: None) -> None:
    changed = copy.deepcopy(two_runs())
    assert isinstance(changed, StillFigure)
    before = png(changed)
    changed.update_yaxes(range=[0, 1], selector={"ticksuffix": "°"})
    assert png(changed) != before
    changed.add_bar(x=[1], y=[1])
    assert list(changed._repr_mimebundle_()) == [PLOTLY]


def by_date(shown: go.Figure) -> None:
    shown.add_scatter(x=["2026-01-01", "2026-01-02"], y=[1, 2])


def words(shown: go.Figure) -> None:
    shown.add_scatter(x=[1], y=[1], mode="text", text=["here"])


def hsl(shown: go.Figure) -> None:
    shown.add_scatter(x=[1, 2], y=[1, 2], line={"color": "hsl(10, 50%, 50%)"})


def numbers_as_colours(shown: go.Figure) -> None:
    shown.add_scatter(x=[1, 2], y=[1, 2], mode="markers", marker={"color": [1, 2]})


def another_axis(shown: go.Figure) -> None:
    shown.add_scatter(x=[1], y=[1], yaxis="y9")


def another_x(shown: go.Figure) -> None:
    shown.add_scatter(x=[1], y=[1], xaxis="x2", yaxis="y")


def rectangle(shown: go.Figure) -> None:
    shown.add_shape(type="rect", x0=1, x1=2, y0=0, y1=1)


def note(shown: go.Figure) -> None:
    shown.add_annotation(x=1, y=1, text="here")


@pytest.mark.parametrize("change", [by_date, words, hsl, numbers_as_colours, another_axis, another_x, rectangle, note])
def test_what_it_cannot_draw_is_left_to_plotly(notebook_renderer: None, change: Any) -> None:
    shown = two_runs()
    change(shown)
    assert list(shown._repr_mimebundle_()) == [PLOTLY]
