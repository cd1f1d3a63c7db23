"""torture: the attacks on files, processes and memory, for a moment; and what is broken on purpose they do find."""

import json
import time

import pytest

import dfa_lab as dfa
from attacks import (
    autosave_kills,
    children,
    counts,
    explorers,
    full_disk,
    kills,
    long_records,
    other_processes,
    runs,
    short_memory,
    soak,
    sweep_kills,
)
from dfa_lab import atomic_file

pytestmark = pytest.mark.slow


def made(attack, times, first=0):
    """Some rounds of an attack, made here."""
    found = counts.Counts()
    attack(counts.Plan(times, seed=1, first=first), found)
    return found


def wrong(found):
    return {what: found.details[what] for what in found.wrong}


def a_little_off(load):
    """``load``, with a weight of the network in its last bit another."""

    def loaded(*given, **named):
        run = load(*given, **named)
        weight = next(run.net.parameters()).data
        weight.view(-1)[0] = weight.view(-1)[0].nextafter(weight.new_tensor(9.0))
        return run

    return loaded


def test_kills():
    found = made(kills.attack, 4)
    assert wrong(found) == {}
    assert found.right["the file is loaded"] == 4


def test_a_file_that_holds_another_run_is_found(monkeypatch):
    monkeypatch.setattr(dfa.Experiment, "load", a_little_off(dfa.Experiment.load))
    assert any(what.startswith("resumed to the last bit") for what in made(kills.attack, 1).wrong)


def test_kills_of_programs_that_save_by_themselves():
    found = made(autosave_kills.attack, 3)
    assert wrong(found) == {}
    assert found.right["each save is reopened"] >= 3


def test_full_disks_and_files_cut_off(monkeypatch):
    monkeypatch.setattr(full_disk, "PARTS", 10)
    found = made(full_disk.attack, 1)
    assert wrong(found) == {}
    assert found.right["save: refused"] == found.right["load of what is cut off: refused"] == 10


def test_a_file_written_over_the_former_one_is_found(monkeypatch):
    monkeypatch.setattr(full_disk, "PARTS", 5)
    monkeypatch.setattr(
        atomic_file,
        "replace_file",
        lambda place, content, **_: place.write_bytes(content.encode() if isinstance(content, str) else content),
    )
    found = made(full_disk.attack, 1)
    assert {"save: the former file is whole", "report: the former file is whole"} <= set(found.wrong)


def test_explorers():
    found = made(explorers.attack, 4)
    assert wrong(found) == {}
    assert found.figures["explorers"] == 4


def test_an_explorer_that_is_kept_is_found(monkeypatch):
    kept, close = [], dfa.Explorer.close
    monkeypatch.setattr(dfa.Explorer, "close", lambda self: (kept.append(self.experiment), close(self)))
    assert "nothing of them is alive" in made(explorers.attack, 2).wrong


SMALLER = {**short_memory.LARGE, "widths": (300, 200)}


def test_short_memory(monkeypatch):
    monkeypatch.setattr(short_memory, "LARGE", SMALLER)
    monkeypatch.setattr(short_memory, "MORE", 5.0)
    assert wrong(made(short_memory.attack, 5)) == {}


def test_a_run_that_short_memory_leaves_torn_is_found(monkeypatch):
    def torn(run, numbers):
        run.net.weights[0].data.add_(1)
        raise MemoryError

    monkeypatch.setattr(short_memory, "LARGE", SMALLER)
    monkeypatch.setattr(short_memory, "CALLS", {"torn": torn})
    assert list(made(short_memory.attack, 1).wrong) == ["torn: the run is whole"]


#: What a forked child does without its parent's locks.
FREE = ("nothing", "a run of its own", "a run of its own in a thread", "history")


def test_other_processes(monkeypatch):
    chosen = {name: other_processes.OF_PARENT[name] for name in FREE}
    monkeypatch.setattr(other_processes, "OF_PARENT", chosen)
    found = made(other_processes.attack, 4, first=6)  # the run itself is looked at in round 9
    assert wrong(found) == {}
    assert found.right["the parent's run is whole"] == 1


def test_a_child_that_hangs_is_found(monkeypatch):
    monkeypatch.setattr(other_processes, "SECONDS", 0.1)
    monkeypatch.setattr(other_processes, "OF_PARENT", {"sleep": lambda explorer: time.sleep(100)})
    assert list(made(other_processes.attack, 1).wrong) == ["forked, sleep: it does not hang"]


def test_a_child_says_what_it_does_and_how_it_ends():
    child = children.Child(lambda say: [say({"a": 1}), say([2])])
    assert list(child.said(20)) == [{"a": 1}, [2]]
    assert child.end(20)
    assert child.code == 0
    failed = children.Child(lambda say: json.loads("?"))
    assert "JSONDecodeError" in next(failed.said(20))["error"]
    assert failed.end(20)
    assert failed.code == 1


def test_soak():
    found = made(soak.attack, 4)
    assert wrong(found) == {}
    assert found.figures["steps"] > 0


def test_growth_is_read_off_a_line():
    readings = [(60.0 * k, 500 + k / 60 * 7, 300 + k / 60 * 2, 1 + k / 60, 10.0 * k, 1000.0 * k) for k in range(1, 61)]
    found = counts.Counts()
    soak._judge(soak.np.array(readings), 60.0, found)
    assert found.figures["growth, MB an hour"] == pytest.approx(7)
    assert found.figures["growth of what is in use, MB an hour"] == pytest.approx(2)
    assert found.figures["growth of the history's columns, MB an hour"] == pytest.approx(1)
    assert found.figures["steps a second, second half"] == pytest.approx(1000 / 60)
    assert list(found.wrong) == ["growth below 5 MB an hour"]


def test_long_records():
    history, found = long_records.recorded(20_000), counts.Counts()
    long_records._texts(history, found)
    long_records._chart(history, found)
    assert wrong(found) == {}
    assert len(history.series["train_loss", None]) == 2_000 + 2


def test_a_run_made_again_differs_where_one_is_changed():
    run = dfa.Experiment(**runs.SMALL, widths=(4,))
    run.train(3)
    assert runs.is_whole(run) == ""
    run.net.weights[0].data.view(-1)[0] += 1e-6
    assert runs.is_whole(run).startswith("tensors weights.0")


@pytest.mark.timeout(300)
def test_sweeps_killed(monkeypatch):
    monkeypatch.setattr(sweep_kills, "KILLS", 3)
    monkeypatch.setattr(sweep_kills, "MORE", 4)  # most of so short a sweep is its beginning
    monkeypatch.setitem(sweep_kills.SWEEP, "seeds", 4)
    found = made(sweep_kills.attack, 1)
    assert wrong(found) == {}
    assert found.right["the last call's frame is that of a clean sweep"] == 1


def test_a_sweep_that_gives_other_numbers_the_second_time_is_found(monkeypatch):
    swept = sweep_kills.swept

    def another(folder=None):
        frame = swept(folder)
        return frame if folder is None else frame.iloc[1:]

    monkeypatch.setattr(sweep_kills, "KILLS", 0)
    monkeypatch.setattr(sweep_kills, "MORE", 4)
    monkeypatch.setitem(sweep_kills.SWEEP, "seeds", 1)
    monkeypatch.setitem(sweep_kills.SWEEP, "steps", 10)
    monkeypatch.setattr(sweep_kills, "swept", another)
    assert "the last call's frame is that of a clean sweep" in made(sweep_kills.attack, 1).wrong
