"""Long runs keep their records: many steps, many changes, as session, JSON, share text and script; their figures."""

from __future__ import annotations

from array import array

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.history.series import Series
from runs import until

pytestmark = pytest.mark.slow


def session(changes: int, steps: int) -> dfa.Session:
    settings = dfa.Settings(task="moons", widths=(4,))
    return dfa.Session(settings, tuple((k, {"lr": 0.1 + (k % 97) / 1000}) for k in range(changes)), steps)


@pytest.mark.parametrize(("changes", "steps"), [(0, 10**9), (11_000, 10**9), (3, 10**12)])
def test_a_long_session_is_written_and_read(changes: int, steps: int) -> None:
    made = session(changes, steps)
    assert dfa.Session.from_text(made.to_text()) == made
    assert dfa.Session.read(made.to_json()) == made
    assert str(steps) in made.script()


def test_a_run_of_a_billion_steps_and_many_changes_says_how_it_is_made_again() -> None:
    run = dfa.Experiment(task="moons", widths=(4,))
    run.train(5)
    for number in range(10_001):
        run.history.add_change(5, {"lr": (0.1, 0.1 + number / 1e6)})
    run.trainer.steps_done = 10**9
    assert run.session().steps == 10**9
    assert len(run.session().changes) == 10_001
    assert "train(1000000000 - run.steps_done)" in run.to_script()
    runner = dfa.Runner(run)
    runner.stop_at(2 * 10**9)
    runner.wait(10)
    assert runner.status().stop_at == 2 * 10**9
    runner.close()


@pytest.mark.parametrize("changes", [1001, 3000])
def test_an_explorers_own_share_text_loads_back(changes: int) -> None:
    explorer = dfa.Explorer(task="moons", widths=(4,))
    for number in range(changes):
        explorer.experiment.history.add_change(0, {"lr": (0.1, 0.1 + number / 1e6)})
    explorer.act("share")
    until(lambda: explorer.model.shared[0], 60)
    text = explorer.model.shared[0]
    explorer.act("load", text=text)
    explorer.runner.wait(60)
    assert explorer.status()["error"] == ""
    explorer.close()


def test_what_an_explorer_would_not_take_back_it_does_not_offer() -> None:
    explorer = dfa.Explorer(task="moons", widths=(4,))
    for number in range(10_001):
        explorer.experiment.history.add_change(0, {"lr": (0.1, 0.1 + number / 1e6)})
    explorer.act("share")
    until(lambda: "10,001 changes" in explorer.status()["error"], 60)
    assert explorer.model.shared == ("", "")
    long = session(10_001, 20_000).to_text()
    explorer.act("load", text=long)
    assert "at most 10,000" in explorer.status()["error"]
    explorer.close()


def test_the_figure_and_the_report_of_a_long_run_are_small() -> None:
    history, rows = dfa.History(), 10**6
    history.series["train_loss", None] = Series(
        array("q", range(0, 100 * rows, 100)), array("q", range(rows)), array("d", range(rows))
    )
    for number in range(3000):
        history.add_change(number, {"lr": (0.1, 0.2)})
    figure = dfa.figure(history)
    assert len(figure.to_json()) < 2_000_000
    line = next(trace for trace in figure.data if trace.name == "run, training loss")
    assert (line.y.min(), line.y.max(), line.x.max()) == (0.0, rows - 1.0, 100.0 * (rows - 1))
    assert len(dfa.report(history)) < 8_000_000, "plotly's program is 4.5 MB of it"
