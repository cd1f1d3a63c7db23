"""The untrained network is measured before play, which changes nothing in the run."""

import pytest

import dfa_lab as dfa
from runs import FAST


def angles(run):
    return {layer: run.history.series["weight_alignment", layer] for layer in run.history.layers("weight_alignment")}


@pytest.fixture
def explorer():
    made = dfa.Explorer(**FAST, speed=None)
    yield made
    made.close()


def asked(explorer, do, **message):
    explorer.act(do, **message)
    explorer.runner.wait(10)
    assert explorer.status()["error"] == ""
    return explorer.experiment


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ("measure", {}),
        ("reset", {}),
        ("new_seed", {}),
        ("new_run", {"fields": {"widths": [8]}}),
        ("preset", {"name": "moons"}),
        ("load", {"text": dfa.Session(dfa.Settings(**FAST)).to_text()}),
    ],
)
def test_it_is_measured_before_play(explorer, do, message):
    explorer.runner.wait(10)
    assert explorer.experiment.steps_done == 0
    assert angles(explorer.experiment), "when the explorer was made"
    if do != "measure":
        asked(explorer, "step", steps=3)
    run = asked(explorer, do, **message)
    assert run.steps_done == 0
    assert all(len(series) == 1 for series in angles(run).values())
    assert angles(run)


def test_the_run_is_the_same_to_the_last_bit():
    explorer, alone = dfa.Explorer(**FAST, speed=None), dfa.Experiment(**FAST)
    run = asked(explorer, "step", steps=25)
    alone.train(25)
    assert run.history.digest() == alone.history.digest()
    run = asked(explorer, "reset")
    run = asked(explorer, "step", steps=25)
    assert run.history.digest() == alone.history.digest()
    explorer.close()


def test_it_hides_no_error_of_the_command_before(explorer, monkeypatch):
    monkeypatch.setattr(explorer.experiment, "reset", lambda **_: 1 / 0)
    explorer.act("reset")
    with pytest.raises(ZeroDivisionError):
        explorer.runner.wait(10)
    assert "Reset failed with ZeroDivisionError" in explorer.status()["error"]


def test_parts_by_themselves_measure_it_too():
    run = dfa.Experiment(**FAST)
    view = dfa.NetworkView(run)
    view.runner.wait(10)
    assert angles(run)
    view.close()


def test_without_threads_nothing_is_measured_that_was_not_asked_for(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    explorer = dfa.Explorer(**FAST)
    explorer.act("reset")
    assert not angles(explorer.experiment)
    explorer.close()
