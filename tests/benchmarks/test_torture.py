"""torture: each attack for a moment finds nothing wrong; and what is broken on purpose it does find."""

import importlib
import json
import random

import pytest

import dfa_lab as dfa
import torture
from attacks import changes, counts, damaged_files, hostile_input, interrupts, runs
from dfa_lab.experiment.history.history import History
from dfa_lab.experiment.runner.lanes import Lanes
from dfa_lab.experiment.training.batches import Batches

pytestmark = pytest.mark.slow


def made(attack, times, **options):
    """Some rounds of an attack, made here."""
    found = counts.Counts()
    attack(counts.Plan(times, seed=1), found, **options)
    return found


def wrong(found):
    return {what: found.details[what] for what in found.wrong}


@pytest.fixture
def few_changes(monkeypatch):
    monkeypatch.setattr(changes, "CHANGES", 40)
    monkeypatch.setattr(changes, "PACE", 0.002)


def test_changes(few_changes):
    found = made(changes.attack, 2)
    assert wrong(found) == {}
    assert found.figures["changes"] == 2 * 4 * 40


def test_a_lost_change_is_found(few_changes, monkeypatch):
    change, lost = Lanes.change, changes.tied(2_000_020)["lr"]  # the 21st of the second thread
    monkeypatch.setattr(
        Lanes, "change", lambda self, fields, lane: None if fields.get("lr") == lost else change(self, fields, lane)
    )
    assert "a thread's changes are there in its order" in made(changes.attack, 1).wrong


def test_half_a_change_is_found(few_changes, monkeypatch):
    change = Lanes.change

    def half(self, fields, lane):
        for name, value in fields.items():
            change(self, {name: value}, lane)

    monkeypatch.setattr(Lanes, "change", half)
    assert "events are changes or undos" in made(changes.attack, 1).wrong


#: Calls that Ctrl-C leaves whole.
WHOLE = ("train", "change", "undo", "fork", "reset", "evaluate", "references", "snapshot", "history.to_json")


def test_interrupts():
    found = made(interrupts.attack, 2 * len(WHOLE), calls=WHOLE)
    assert wrong(found) == {}
    assert found.right["calls that it interrupted"] > 10


def test_a_torn_step_is_found(monkeypatch):
    take = Batches.take

    def torn(self, size):
        take(self, size)
        raise KeyboardInterrupt  # a batch is taken, and no step is counted

    run = interrupts.run_of(random.Random(3))
    assert runs.is_whole(run) == ""
    with monkeypatch.context() as broken:
        broken.setattr(Batches, "take", torn)
        broken.setattr(type(run.trainer), "undo_step", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            run.trainer.step()
    assert runs.is_whole(run) != ""


def test_sigint_comes_at_the_line_asked_for():
    run = dfa.Experiment(**runs.SMALL, widths=(4,))
    with interrupts.at_line(None) as seen:
        run.evaluate()
    assert seen[0] > 10
    with pytest.raises(KeyboardInterrupt), interrupts.at_line(5) as seen:
        run.evaluate()
    assert seen[0] == 6


def test_hostile_input():
    kinds = len(hostile_input.KINDS)
    found = made(hostile_input.attack, kinds - 1)  # histories are looked at by another test
    assert wrong(found) == {}
    assert found.right["message: taken"] >= 50


def test_an_error_of_another_kind_is_found(monkeypatch):
    monkeypatch.setattr(History, "from_json", lambda text: json.loads("?"))
    found = counts.Counts()
    hostile_input.KINDS["history JSON"](None, random.Random(0), found, "here")
    assert list(found.wrong) == ["history JSON: a DfaLabError is what is raised"]


@pytest.mark.parametrize("name", damaged_files.NAMES)
def test_files_of_the_attack_are_read_and_one_that_is_cut_off_is_not(name, tmp_path):
    for place in (tmp_path / "whole", tmp_path / "cut"):
        place.mkdir()
        for one, content in damaged_files.files().items():
            (place / f"{one}-ubyte").write_bytes(content)
        task = {"name": "fashion_mnist", "folder": str(place)}
        if place.name == "whole":
            assert len(dfa.Experiment(task=task, widths=(4,)).task.train_targets) == 20
        else:
            (place / f"{name}-ubyte").write_bytes(damaged_files.files()[name][:-1])
            with pytest.raises(dfa.DfaLabError, match=name):
                dfa.Experiment(task=task, widths=(4,))


def test_the_table_and_the_exit_code(capsys, monkeypatch):
    found = counts.Counts()
    found.check("a", True)
    found.check("b", False, "it was 3")
    found.figures["steps"] = 12000.0
    monkeypatch.setattr(torture, "made_apart", lambda name, plan: found)
    assert torture.main(["changes"]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["changes", "a", "1", "0"] in lines
    assert ["changes", "b", "0", "1"] in lines
    assert ["changes", "steps", "12,000"] in lines
    assert ["changes:", "b:", "wrong", "1", "times,", "the", "first:", "it", "was", "3"] in lines
    found.wrong.clear()
    assert torture.main(["changes"]) == 0


def test_an_attack_in_a_process_of_its_own_that_crashes_is_wrong(monkeypatch):
    monkeypatch.setattr(torture, "__file__", "there is no such file")
    found = torture.made_apart("changes", counts.Plan(1))
    assert list(found.wrong) == ["the attack's process ends well"]


def test_an_attack_saves_nothing_into_the_users_folder(tmp_path, monkeypatch):
    stand_in = tmp_path / "attack.py"
    stand_in.write_text(
        "import json, os, pathlib, sys\n"
        "found = {'right': {os.environ['DFA_LAB_AUTOSAVE']: 1}, 'wrong': {}, 'details': {}, 'figures': {}}\n"
        "pathlib.Path(sys.argv[3]).write_text(json.dumps(found))\n"
    )
    monkeypatch.setattr(torture, "__file__", str(stand_in))
    monkeypatch.setenv("DFA_LAB_AUTOSAVE", str(tmp_path / "saves"))
    assert "off" in torture.made_apart("changes", counts.Plan(1)).right


def test_every_attack_has_its_file():
    for name in torture.ATTACKS:
        assert callable(importlib.import_module(f"attacks.{name}").attack)
