"""The curves without a widget: what is queued, when, and how much."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dfa_lab.experiment.history.history import Event, History
from dfa_lab.experiment.history.metrics import METRICS
from dfa_lab.views.base import thin
from dfa_lab.views.base.change_labels import event_text
from dfa_lab.views.base.panels import PANELS
from dfa_lab.widgets.chart.chart_panels import description, metrics
from dfa_lab.widgets.chart.chart_part import EVENTS_A_MESSAGE, LABEL_LENGTH, POINTS_A_MESSAGE, ChartPart, Shown

STATUS = {"state": "training", "step": "0", "samples": "0", "settings": "rule dfa", "error": ""}


class Message:
    """What one message says: its header, and its series taken out of the buffer as the browser does it."""

    def __init__(self, header: dict[str, Any], buffer: bytes, spread: bool) -> None:
        self.header = header
        self.size = len(json.dumps(header)) + len(buffer)
        self.series: dict[tuple[str, int | None], np.ndarray] = {}
        self.taken: list[np.ndarray] = []
        numbers = np.frombuffer(buffer, dtype=np.float64)
        columns = 3 if spread else 2
        for chunk in header["series"]:
            taken, numbers = np.split(numbers, [columns * chunk["count"]])
            self.taken.append(taken.reshape(columns, -1))
            self.series[chunk["metric"], chunk["layer"]] = self.taken[-1]
        assert not len(numbers)


class Watched(ChartPart):
    """A chart that keeps what it queues."""

    sent: list[Message]
    spread = False

    def send(self, content: Any, buffers: Any = None) -> None:
        self.spread = content.get("spread", self.spread)
        self.__dict__.setdefault("sent", []).append(Message(content, *buffers, self.spread))


@pytest.fixture
def chart() -> Watched:
    return Watched()


def record(history: History, start: int, stop: int) -> None:
    for step in range(start, stop):
        history.record("train_loss", 1.0 / (step + 1), step=step, samples=step)
        history.record("weight_alignment", 90.0 - step, step=step, samples=step, layer=1)


def test_first_a_snapshot_then_only_what_is_new(chart: Watched) -> None:
    history = History()
    record(history, 0, 10)
    assert chart.show(history, STATUS)
    first = chart.sent[-1]
    assert first.header["type"] == "snapshot"
    assert [panel["name"] for panel in first.header["panels"]] == ["alignment", "loss", "accuracy", "throughput"]
    assert first.header["status"] == STATUS
    assert first.series["weight_alignment", 1][0].tolist() == list(range(10))

    record(history, 10, 13)
    assert chart.show(history, STATUS)
    second = chart.sent[-1]
    assert second.header["type"] == "rows"
    assert len(chart.sent) == 2
    assert second.series["train_loss", None].tolist() == [[10, 11, 12], [1 / 11, 1 / 12, 1 / 13]]
    assert "panels" not in second.header
    assert "status" not in second.header


def test_nothing_new_sends_nothing(chart: Watched) -> None:
    history = History()
    record(history, 0, 3)
    assert chart.show(history, STATUS)
    assert not chart.show(history, dict(STATUS))
    assert len(chart.sent) == 1


def test_a_status_or_an_event_alone_is_sent(chart: Watched) -> None:
    history = History()
    chart.show(history, STATUS)
    assert chart.show(history, {**STATUS, "state": "paused"})
    assert chart.sent[-1].header["status"]["state"] == "paused"
    history.events.append(Event(7, "batch_size", 64, 256))
    assert chart.show(history, {**STATUS, "state": "paused"})
    assert chart.sent[-1].header["events"] == [{"step": 7, "label": "batch size → 256"}]
    assert chart.sent[-1].header["type"] == "rows"


def test_another_history_starts_anew(chart: Watched) -> None:
    history = History()
    record(history, 0, 5)
    history.events.append(Event(2, "lr", 0.1, 0.2))
    chart.show(history, STATUS)
    fork = history.copy()
    assert chart.show(fork, STATUS)
    again = chart.sent[-1]
    assert again.header["type"] == "snapshot"
    assert again.header["run"] == fork.run_id
    assert again.series["train_loss", None].shape == (2, 5)
    assert len(again.header["events"]) == 1


def test_rows_taken_back_start_anew(chart: Watched) -> None:
    history = History()
    record(history, 0, 20)
    chart.show(history, STATUS)
    history.truncate(9)
    record(history, 10, 25)
    assert chart.show(history, STATUS)
    assert chart.sent[-1].header["type"] == "snapshot"
    assert chart.sent[-1].series["train_loss", None][0].tolist() == list(range(25))


def test_a_page_that_knows_nothing_yet_is_given_everything(chart: Watched) -> None:
    history = History()
    record(history, 0, 20)
    chart.show(history, STATUS)
    chart.whole = True
    assert chart.show(history, STATUS)
    assert (chart.sent[-1].header["type"], chart.sent[-1].series["train_loss", None].shape) == ("snapshot", (2, 20))
    assert not chart.show(history, STATUS)


@pytest.mark.parametrize("content", [None, "hello", [], {"type": "other"}, {}])
def test_what_a_page_sends_is_not_for_the_chart(chart: Watched, content: object) -> None:
    chart.show(History(), STATUS)
    assert not chart.receive(content)
    assert not chart.show(chart._runs, STATUS)


def test_every_row_arrives_once_over_many_messages(chart: Watched) -> None:
    history = History()
    for start in range(0, 3000, 3):
        record(history, start, start + 3)
        assert chart.show(history, STATUS)
    steps = np.concatenate([message.series["train_loss", None][0] for message in chart.sent])
    assert steps.tolist() == list(range(3000))
    assert len(chart.sent) == 1000


def test_a_message_does_not_grow_with_the_run(chart: Watched) -> None:
    history = History()
    record(history, 0, 100_000)
    history.events += [Event(step, "lr", 0.1, 0.2) for step in range(1000)]
    chart.show(history, STATUS)
    snapshot = chart.sent[-1]
    assert all(series.shape[1] <= POINTS_A_MESSAGE for series in snapshot.series.values())
    assert len(snapshot.header["events"]) == EVENTS_A_MESSAGE
    record(history, 100_000, 100_010)
    chart.show(history, STATUS)
    assert chart.sent[-1].series["train_loss", None].shape == (2, 10)
    assert chart.sent[-1].size < 1000


def test_replicas_send_their_mean_and_standard_deviation(chart: Watched) -> None:
    history = History(replicas=4)
    history.record("train_loss", [1.0, 2.0, 3.0, 4.0], step=5, samples=5)
    chart.show(history, STATUS)
    step, mean, sd = chart.sent[-1].series["train_loss", None]
    assert (step[0], mean[0]) == (5.0, 2.5)
    assert sd[0] == pytest.approx(np.std([1, 2, 3, 4], ddof=1))


def test_the_mean_over_layers_comes_beside_them(chart: Watched) -> None:
    history = History(replicas=2)
    history.record_layers({"weight_alignment": [[80.0, 82.0], [60.0, np.nan], [40.0, 42.0]]}, step=0, samples=0)
    chart.show(history, STATUS)
    step, mean, sd = chart.sent[-1].series["weight_alignment", "mean"]
    assert (step[0], mean[0]) == (0.0, pytest.approx((60 + 62) / 2))
    assert sd[0] == pytest.approx(np.std([60, 62], ddof=1))
    history.record("weight_alignment", [1.0, 1.0], step=5, samples=5, layer=1)
    history.record("weight_alignment", [3.0, 3.0], step=5, samples=5, layer=2)
    chart.show(history, STATUS)
    assert ("weight_alignment", "mean") not in chart.sent[-1].series, "one layer's row is missing still"
    history.record("weight_alignment", [5.0, 5.0], step=5, samples=5, layer=3)
    chart.show(history, STATUS)
    assert chart.sent[-1].series["weight_alignment", "mean"].tolist() == [[5.0], [3.0], [0.0]]


def test_one_layer_and_the_bands_have_no_mean(chart: Watched) -> None:
    history = History()
    history.record("weight_alignment", 80.0, step=0, samples=0, layer=1)
    history.record_layers({"gradient_alignment_chance": [[1.0], [2.0]]}, step=0, samples=0)
    chart.show(history, STATUS)
    assert [key for key in chart.sent[-1].series if key[1] == "mean"] == []


def test_a_task_without_classes_has_no_accuracy_panel(chart: Watched) -> None:
    history = History()
    chart.show([Shown(history, "run", classify=False)], STATUS)
    regression = [panel["name"] for panel in chart.sent[-1].header["panels"]]
    chart.show([Shown(history, "run")], STATUS)
    assert [panel["name"] for panel in chart.sent[-1].header["panels"] if panel["name"] not in regression] == [
        "accuracy"
    ]
    history.record("test_loss", 1.0, step=0, samples=0)
    chart.show(history, STATUS)
    assert [panel["name"] for panel in chart.sent[-1].header["panels"]] == regression


def test_where_a_run_diverged_is_sent_once_and_taken_back(chart: Watched) -> None:
    history = History()
    chart.show(history, STATUS)
    assert chart.show(history, STATUS, diverged=407)
    assert chart.sent[-1].header["diverged"] == 407
    assert not chart.show(history, STATUS, diverged=407)
    assert chart.show(history, STATUS)
    assert chart.sent[-1].header["diverged"] is None


@pytest.mark.parametrize("left_at", [1, 12, 29])
@pytest.mark.parametrize("read_before", [False, True])
def test_a_fork_is_drawn_from_where_it_left_the_other_run(chart: Watched, left_at: int, read_before: bool) -> None:
    parent = History()
    record(parent, 0, left_at + 1)
    fork = parent.copy()
    fork.record("weight_alignment", 0.0, step=left_at, samples=left_at, layer=1)  # measured anew after its change
    runs = [Shown(parent, "FA"), Shown(fork, "BP", since=left_at)]
    if read_before:
        chart.show(runs, STATUS)
    for history in (parent, fork):
        record(history, left_at + 1, 40)
    chart.show(runs, STATUS)
    steps: dict[tuple[str, int], list[float]] = {}
    for message in chart.sent:
        for chunk, columns in zip(message.header["series"], message.taken, strict=True):
            steps.setdefault((chunk["metric"], chunk.get("run", 0)), []).extend(columns[0])
    assert steps["train_loss", 0] == list(range(40))
    assert steps["train_loss", 1] == steps["weight_alignment", 1] == list(range(left_at, 40))


@pytest.mark.parametrize("left_at", [0, 12])
def test_a_fork_has_no_angle_and_no_speed_of_the_run_that_it_left(chart: Watched, left_at: int) -> None:
    parent = History()
    record(parent, 0, left_at + 1)
    for step in range(left_at + 1):
        parent.record("samples_per_s", 1.0, step=step, samples=step)
    fork = parent.copy()
    inherited = {key: len(series) for key, series in fork.series.items()}
    runs = [Shown(parent, "FA"), Shown(fork, "BP", since=left_at, inherited=inherited)]
    chart.show(runs, STATUS)
    drawn = [(chunk["metric"], chunk.get("run", 0)) for chunk in chart.sent[-1].header["series"]]
    assert ("weight_alignment", 0) in drawn
    assert ("samples_per_s", 0) in drawn
    assert [metric for metric, run in drawn if run] == ["train_loss"]
    fork.record("weight_alignment", 77.0, step=left_at, samples=left_at, layer=1)
    fork.record("samples_per_s", 2.0, step=left_at + 2, samples=left_at + 2)
    chart.show(runs, STATUS)
    sent = dict(zip([chunk["metric"] for chunk in chart.sent[-1].header["series"]], chart.sent[-1].taken, strict=True))
    assert [column.tolist() for column in sent["weight_alignment"]] == [[left_at], [77.0]]
    assert [column.tolist() for column in sent["samples_per_s"]] == [[left_at + 2], [2.0]]


def test_values_that_are_no_numbers_pass(chart: Watched) -> None:
    history = History()
    for step, value in enumerate([1.0, float("nan"), float("inf")]):
        history.record("train_loss", value, step=step, samples=step)
    chart.show(history, STATUS)
    np.testing.assert_array_equal(chart.sent[-1].series["train_loss", None][1], [1.0, np.nan, np.inf])
    json.dumps(chart.sent[-1].header, allow_nan=False)


def test_metrics_that_no_panel_reads_stay_at_home(chart: Watched) -> None:
    history = History()
    history.record("bp_gradient_norm", 1.0, step=0, samples=0, layer=1)
    chart.show(history, STATUS)
    assert not chart.sent[-1].series


def test_panels_read_known_metrics_and_use_their_words() -> None:
    for panel in PANELS.values():
        assert metrics(panel) <= set(METRICS)
        for line, said in zip(panel.lines, description(panel)["lines"], strict=True):
            assert said["label"]
            assert line.label or METRICS[line.metric].label.startswith(said["label"])
        json.dumps(description(panel), allow_nan=False)


def test_a_panel_on_request_comes_with_its_first_values(chart: Watched) -> None:
    history = History()
    record(history, 0, 3)
    chart.show(history, STATUS)
    assert "similarity" not in [panel["name"] for panel in chart.sent[-1].header["panels"]]
    history.record("untrained_similarity", 0.5, step=3, samples=3, layer=1)
    chart.show(history, STATUS)
    header = chart.sent[-1].header
    assert header["type"] == "snapshot"
    assert header["panels"][-1]["name"] == "similarity"
    assert chart.sent[-1].series["untrained_similarity", 1].tolist() == [[3], [0.5]]
    history.record("untrained_similarity", 0.25, step=4, samples=4, layer=1)
    chart.show(history, STATUS)
    assert chart.sent[-1].header["type"] == "rows"
    assert chart.sent[-1].series["untrained_similarity", 1].tolist() == [[4], [0.25]]


@pytest.mark.parametrize("new", [256, 0.1, None, "orthogonal", {"name": "triangle", "width": 2.0}, [1, 2], np.tanh])
def test_an_event_label_is_short_and_names_the_field(new: object) -> None:
    label = event_text(Event(3, "activation_derivative", "exact", new), LABEL_LENGTH)
    assert label.startswith("derivative")
    assert len(label) <= LABEL_LENGTH


values = st.floats(-1e6, 1e6) | st.just(float("nan"))


@given(
    gaps=hnp.arrays(np.int64, st.integers(1, 400), elements=st.integers(0, 1000)),
    data=st.data(),
    limit=st.integers(4, 100),
)
def test_thinning_keeps_least_greatest_first_and_last(gaps: np.ndarray, data: st.DataObject, limit: int) -> None:
    steps = np.cumsum(gaps).astype(np.float64)
    curve = data.draw(hnp.arrays(np.float64, len(steps), elements=values))
    keep = thin(steps, curve, limit)
    assert len(keep) <= max(limit, 4)
    assert (np.diff(keep) > 0).all()
    assert keep[0] == 0
    assert keep[-1] == len(steps) - 1
    if not np.isnan(curve).all():
        assert np.nanmin(curve[keep]) == np.nanmin(curve)
        assert np.nanmax(curve[keep]) == np.nanmax(curve)


def test_thinning_leaves_a_short_curve_alone() -> None:
    assert thin(np.arange(10.0), np.zeros(10), 10).tolist() == list(range(10))
