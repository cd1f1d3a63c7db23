"""History: tidy out, JSON there and back, rows taken back."""

import json
import math

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.history.history import Event


def make_history(replicas=1):
    history = dfa.History({"lr": 0.1}, replicas=replicas, name="a run")
    for step in (0, 10, 20):
        values = [step + k / 3 for k in range(replicas)]
        history.record("train_loss", values, step=step, samples=step * 8)
        history.record("weight_alignment", [math.nan] * replicas, step=step, samples=step * 8, layer=2)
    history.record("samples_per_s", [123.0] * replicas, step=20, samples=160)
    history.events.append(Event(10, "lr", 0.1, 0.2))
    return history


def test_the_frame_is_tidy():
    frame = make_history(replicas=2).to_frame()
    assert list(frame.columns) == ["step", "samples", "metric", "layer", "replica", "value"]
    rows = frame[frame.metric == "train_loss"]
    assert rows.step.tolist() == [0, 0, 10, 10, 20, 20]
    assert rows.samples.tolist() == [0, 0, 80, 80, 160, 160]
    assert rows.replica.tolist() == [0, 1] * 3
    assert rows.value.tolist() == [0, 1 / 3, 10, 10 + 1 / 3, 20, 20 + 1 / 3]
    assert rows.layer.isna().all()
    assert set(frame[frame.metric == "weight_alignment"].layer) == {2}
    assert len(dfa.History().to_frame()) == 0


def test_what_was_measured_twice_at_a_step_stands_in_the_frame_once():
    history = dfa.History(replicas=2)
    rows = [(0, 1.0, True), (0, 1.0, True), (0, 1.0, False), (8, math.nan, False), (8, math.nan, True)]
    rows += [(9, 3.0, True), (9, 4.0, False), (10, 4.0, False), (10, 4.0, False), (12, 4.0, True)]
    rows += [(16, 5.0, False), (16, 5.0, True), (16, 5.0, True)]
    for step, value, by_hand in rows:
        history.record("test_loss", [value, 2 * value], step=step, samples=step, by_hand=by_hand)
    frame = history.to_frame().query("replica == 0")
    # 9: a change between
    assert frame.step.tolist() == [0, 8, 9, 9, 10, 10, 12, 16]
    assert frame.value.fillna(-1).tolist() == [1, -1, 3, 4, 4, 4, 4, 5]
    assert dfa.History.from_json(history.to_json()).to_frame().equals(history.to_frame())


def test_a_run_measured_before_its_first_step_has_step_0_once():
    run = dfa.Experiment(task="moons", widths=(4, 4), rule="dfa")
    run.measure()
    run.train(3)
    run.measure()
    frame = run.history.to_frame()
    assert not frame.duplicated(["step", "metric", "layer", "replica"]).any()


def test_events_frame():
    frame = make_history().events_frame()
    assert frame.to_dict("records") == [{"step": 10, "field": "lr", "old": 0.1, "new": 0.2}]
    assert list(dfa.History().events_frame().columns) == ["step", "field", "old", "new"]


@pytest.mark.parametrize("replicas", [1, 3])
def test_json_there_and_back(replicas):
    history = make_history(replicas)
    history.record("test_loss", [math.inf] * replicas, step=20, samples=160)
    again = dfa.History.from_json(history.to_json())
    assert again.equals(history)
    assert (again.name, again.run_id, again.settings) == ("a run", history.run_id, {"lr": 0.1})
    assert again.to_frame().equals(history.to_frame())
    assert json.loads(history.to_json())["version"] == 1


def test_equality_leaves_clock_readings_out_and_nothing_else():
    one, two = make_history(), make_history()
    two.record("samples_per_s", 999.0, step=30, samples=240)
    assert one.equals(two)
    two.record("train_loss", 1.0, step=30, samples=240)
    assert not one.equals(two)
    three = make_history()
    three.events.append(Event(10, "rule", "fa", "bp"))
    assert not one.equals(three)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "3", '{"format": "dfa_lab.history", "version": 99}', '{"format": "x", "version": 1}']
)
def test_other_texts_are_refused(text):
    with pytest.raises(dfa.DfaLabError):
        dfa.History.from_json(text)


def test_damaged_text_is_refused():
    document = json.loads(make_history().to_json())
    document["series"][0]["values"].pop()
    with pytest.raises(dfa.DfaLabError, match="unequal length"):
        dfa.History.from_json(json.dumps(document))


def test_a_callable_is_written_by_its_name():
    history = make_history()
    history.settings["activation_derivative"] = math.sin
    history.add_change(20, {"activation_derivative": ("exact", math.cos)})
    again = dfa.History.from_json(history.to_json())
    assert again.settings["activation_derivative"] == "<sin>"
    assert again.events[-1].new == "<cos>"
    assert again.to_frame().equals(history.to_frame())


def test_a_layers_metric_needs_its_layer():
    with pytest.raises(dfa.DfaLabError, match="give layer=1"):
        make_history().last("weight_alignment")


def test_truncating_takes_rows_and_events_back():
    history = make_history(replicas=2)
    history.truncate(10, changes=0)
    assert history.values("train_loss")[0].tolist() == [0, 10]
    assert history.values("train_loss")[1].shape == (2, 2)
    assert history.values("samples_per_s")[0].tolist() == []
    assert history.events == []
    assert history.revision == 1


def test_a_copy_goes_on_by_itself():
    history = make_history()
    other = history.copy()
    other.record("train_loss", 5.0, step=30, samples=240)
    assert history.last_step == 20
    assert other.last_step == 30
    assert other.run_id != history.run_id


@pytest.mark.parametrize(
    ("metric", "value", "layer"),
    [("loss", 1.0, None), ("train_loss", 1.0, 2), ("weight_alignment", 1.0, None), ("train_loss", [1.0, 2.0], None)],
)
def test_rows_that_do_not_fit_are_refused(metric, value, layer):
    with pytest.raises(dfa.DfaLabError):
        dfa.History().record(metric, value, step=0, samples=0, layer=layer)


@pytest.mark.parametrize(
    "settings", [{"rule": 0.5}, {"task": [1]}, {"rule": {"name": 3}}, {"lr": float("nan")}, [1], "digits"], ids=repr
)
def test_settings_that_no_run_has_are_refused(settings):
    document = json.loads(make_history().to_json())
    document["settings"] = settings
    with pytest.raises(dfa.DfaLabError, match=r"damaged|no history"):
        dfa.History.from_json(json.dumps(document))


@pytest.mark.parametrize("event", [["1", "lr", 0.1, 0.2, 0], [1, None, 0.1, 0.2, 0], [1]], ids=repr)
def test_a_change_without_a_step_or_a_setting_is_refused(event):
    document = json.loads(make_history().to_json())
    document["events"] = [event]
    with pytest.raises(dfa.DfaLabError, match=r"damaged|no history"):
        dfa.History.from_json(json.dumps(document))
