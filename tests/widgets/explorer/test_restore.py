"""An explorer that is reopened from a save: as it was, paused, and what the page says is to be run."""

import time

import pytest

import dfa_lab as dfa
from dfa_lab.errors import DfaLabError
from dfa_lab.widgets.explorer import still_picture, words
from dfa_lab.widgets.pictures import still


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def opened():
    shown = []
    yield lambda one: shown.append(one) or one
    for one in shown:
        one.close()


def panel(explorer):
    """What the page's controls have."""
    return explorer._screen._panel_state(explorer.runner.status())


def run(code):
    """What a cell with this shows."""
    return eval(code, {"dfa": dfa})  # noqa: S307


@pytest.fixture
def saved(tmp_path, opened):
    """An explorer with two lanes, trained and saved below ``tmp_path``."""
    explorer = opened(
        dfa.Explorer(
            task="moons",
            widths=(8,),
            hide=["seed"],
            lock=["task"],
            theme="dark",
            speed=None,
            patience=7,
            autosave=tmp_path,
        )
    )
    explorer.act("step", steps=20)
    explorer.act("fork", fields={"rule": "bp"})
    explorer.runner.wait()
    explorer.act("select", lane=1)
    explorer.act("change", fields={"lr": 0.3})
    explorer.act("limit", steps_per_s=500)
    explorer.act("step", steps=5)
    explorer.runner.wait()
    until(lambda: [one.steps for one in dfa.Explorer.restore(autosave=tmp_path)] == [25])
    until(lambda: explorer.runner.saved_steps == 25)
    return explorer


def test_it_is_as_it_was_and_paused(saved, tmp_path, opened):
    again = opened(dfa.Explorer.restore(1, autosave=tmp_path))
    assert again.runner.status() == saved.runner.status()
    assert (again.lane, again.chosen.settings.lr) == (1, 0.3)
    assert again.model.restrictions == saved.model.restrictions
    assert panel(again)["settings"] == panel(saved)["settings"]
    for mine, theirs in zip(again.runner.lanes, saved.runner.lanes, strict=True):
        assert mine.history.digest() == theirs.history.digest()
        assert mine.history.equals(theirs.history)
    assert again.runner._training._idle_limit == 7 * 60
    again.act("undo")
    again.runner.wait()
    assert again.chosen.settings.lr == 0.1


def test_options_stand_before_what_was_saved(saved, tmp_path, opened):
    again = opened(dfa.Explorer.restore(1, autosave=tmp_path, theme="projector", lock=[], speed=12))
    assert (again.model.restrictions.theme, again.model.restrictions.lock) == ("projector", ())
    assert again.model.restrictions.hide == ("seed",)
    assert again.runner.status().limit == 12
    with pytest.raises(DfaLabError, match="theme"):
        dfa.Explorer.restore(1, autosave=tmp_path, theme="no such")


def test_closing_it_closes_its_runner(saved, tmp_path):
    again = dfa.Explorer.restore(1, autosave=tmp_path)
    runner = again.runner
    again.close()
    assert runner.closed


def test_the_page_is_told_what_to_run(saved, tmp_path, opened, monkeypatch):
    name = saved.runner.saved.name
    assert panel(saved)["restore"] == f"dfa.Explorer.restore({str(tmp_path / name)!r})  # step 25"
    again = opened(run(panel(saved)["restore"]))
    assert again.experiment.steps_done == 25
    assert panel(again)["restore"] == ""
    monkeypatch.setenv("DFA_LAB_AUTOSAVE", str(tmp_path))
    assert panel(saved)["restore"] == f"dfa.Explorer.restore({name!r})  # step 25"
    assert opened(run(panel(saved)["restore"])).experiment.steps_done == 25


def test_without_a_number_it_lists(saved, tmp_path):
    assert "<table>" in dfa.Explorer.restore(autosave=tmp_path)._repr_html_()


def test_parts_are_saved_too_and_none_without(tmp_path, monkeypatch, opened):
    monkeypatch.setenv("DFA_LAB_AUTOSAVE", str(tmp_path))
    part = opened(dfa.Transport(dfa.Experiment(task="moons", widths=(8,))))
    part.runner.play(3)
    part.runner.wait()
    until(lambda: len(dfa.Explorer.restore()) == 1)
    silent = opened(dfa.Explorer(task="moons", widths=(8,), autosave=None))
    silent.act("step", steps=3)
    silent.runner.wait()
    silent.close()
    assert len(dfa.Explorer.restore()) == 1
    assert opened(dfa.Explorer.restore(1)).experiment.steps_done == 3


def test_below_the_still_picture_stands_what_goes_on_from_the_save(saved, opened, monkeypatch):
    notes = []
    monkeypatch.setattr(still_picture, "REST", 0.0)
    monkeypatch.setattr(still_picture, "BETWEEN", 0.0)
    monkeypatch.setattr(still_picture, "still", lambda run, note: notes.append(note) or still(run, note))
    picture = still_picture.StillPicture()
    picture.begin()
    for restoring in ("", words.restoring(saved.runner), words.restoring(saved.runner)):
        picture.look(saved.experiment, restoring, running=False)
        until(lambda: not (picture._thread and picture._thread.is_alive()))
    assert len(notes) == 2, "it is drawn again where there is another save, and only there"
    assert "restore" not in notes[0]
    again = opened(run(notes[1].partition("import dfa_lab as dfa; ")[2].strip()))
    assert again.experiment.steps_done == 25
