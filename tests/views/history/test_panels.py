"""One description of the panels: what is registered is in the live chart, the figure and the report."""

import pytest
from matplotlib.figure import Figure

import dfa_lab as dfa
from dfa_lab.experiment.history import METRICS
from dfa_lab.experiment.history.metrics import Metric
from dfa_lab.views.base.panels import ANGLES, PANELS, Line, Panel, angle_panel, line_of
from dfa_lab.views.history.plots import accuracyplot, lossplot, panels_of, throughputplot
from dfa_lab.views.report.tables import results_table, summary
from dfa_lab.widgets.chart import ChartPart
from dfa_lab.widgets.chart.chart_panels import description
from dfa_lab.widgets.controls import DOWNLOADS
from records import make


@pytest.fixture
def sparsity():
    METRICS.register("sparsity", Metric("sparsity", "share", "Share of units that are zero."))
    PANELS.register("sparsity", Panel("sparsity", "sparse units", "sparsity", (Line("sparsity"),), references=True))
    yield PANELS["sparsity"]
    del METRICS._entries["sparsity"], PANELS._entries["sparsity"]


def test_what_is_no_metric_is_not_registered():
    with pytest.raises(dfa.DfaLabError, match=r"given as the function <lambda>; expected a Metric.*metrics=\["):
        METRICS.register("half")(lambda run: 0.5)
    assert "half" not in METRICS
    assert len(dfa.sweep({"lr": [0.1]}, seeds=1, steps=2, task="moons", widths=(4,), progress=False)) == 1


def test_a_registered_panel_is_everywhere(sparsity, monkeypatch):
    run, reference = make("a"), make("bp", seed=1)
    for history in (run, reference):
        history.record("sparsity", 0.25, step=40, samples=1280)
    figure = dfa.figure(run, references=[reference])
    assert "sparse units<br>(share)" in [figure.layout[name].title.text for name in figure.layout if "yaxis" in name]
    assert {"a, sparsity", "bp, sparsity"} <= {one.name for one in figure.data}
    sent = []
    monkeypatch.setattr(ChartPart, "send", lambda self, header, buffers: sent.append(header))
    ChartPart().show(run, {})
    assert description(sparsity) in sent[0]["panels"]
    assert "sparsity" in {one["metric"] for one in sent[0]["series"]}
    report = dfa.report(run)
    assert '<th scope="col" class="number">sparsity</th>' in report
    assert '<td class="number">25.0%</td>' in report


def test_a_chart_draws_a_panel_registered_after_it_was_made(monkeypatch, request):
    sent = []
    monkeypatch.setattr(ChartPart, "send", lambda self, header, buffers: sent.append(header))
    chart = ChartPart()
    request.getfixturevalue("sparsity")
    run = make("a")
    run.record("sparsity", 0.25, step=40, samples=1280)
    chart.show(run, {})
    assert "sparsity" in {one["metric"] for one in sent[0]["series"]}


def test_a_registered_panel_comes_after_accuracy_and_loss(sparsity):
    run = make("a")
    run.record("sparsity", 0.25, step=40, samples=1280)
    run.record("test_loss", 0.5, step=40, samples=1280)
    run.record("test_accuracy", 0.75, step=40, samples=1280)
    assert "test accuracy 75.0%; test loss 0.5; " in summary(run, "a")
    assert results_table([("a", run)]).head[3:] == [
        "test accuracy",
        "test loss (nats or squared units)",
        "training loss (nats or squared units)",
        "sparsity",
    ]


def test_a_png_has_a_registered_panel(sparsity, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *_, **__: drawn.extend(ax.get_ylabel() for ax in self.axes if ax.get_visible())
    )
    run = dfa.Experiment(widths=(4,), task="moons", probe_every=5)
    run.train(5)
    run.history.record("sparsity", 0.25, step=5, samples=1280)
    DOWNLOADS["png"].make({"a": run}, run)
    assert drawn[0] == "weight alignment (degrees)"
    assert drawn[-1] == "sparse units (share)"
    assert {"loss (nats or squared units)", "test accuracy (share)"} <= set(drawn)


def test_the_plots_have_the_words_of_the_panels():
    for name, plot in (("loss", lossplot), ("accuracy", accuracyplot), ("throughput", throughputplot)):
        axes = plot(make(), ax=Figure().add_subplot())
        assert axes.get_ylabel() == f"{PANELS[name].title} ({PANELS[name].axis_unit})"


def test_an_angle_has_the_line_of_its_panel_or_one_of_its_own():
    assert [line_of(metric) for metric in ANGLES] == list(PANELS["alignment"].lines)
    assert line_of("signal_alignment").dashed
    assert not line_of("feedback_product_alignment").dashed
    assert angle_panel("signal_alignment").metrics == ("signal_alignment",)


def test_bps_speed_is_in_the_live_chart_alone():
    assert PANELS["throughput"].metrics == ("samples_per_s",)
    assert [one["metric"] for one in description(PANELS["throughput"])["lines"]] == [
        "samples_per_s",
        "bp_samples_per_s",
    ]


def test_a_series_without_rows_is_no_panel_of_a_history():
    history = dfa.History()
    history.record("samples_per_s", 50_000.0, step=100, samples=6400)
    assert panels_of(history) == ["throughput"]
    history.truncate(0, changes=0)
    assert panels_of(history) == []


def test_the_similarity_has_a_panel_where_it_was_asked_for():
    asked, left = (dfa.Experiment(task="moons", widths=(4, 3), replicas=2) for _ in range(2))
    asked.record_similarity()
    asked.train(10), left.train(10)
    words = "similarity to the<br>untrained network<br>(0 to 1)"

    def titles(*runs):
        layout = dfa.figure(*runs).layout
        return [layout[name].title.text for name in layout if name.startswith("yaxis")]

    assert words in titles(left, asked)
    assert {one.name for one in dfa.figure(asked).data if one.name and "untrained" in one.name} >= {
        "dfa, similarity to the untrained network, layer 1",
        "dfa, similarity to the untrained network, layer 2",
    }
    assert words not in titles(left)
    assert words not in titles(dfa.History()), "an empty figure"
