"""The folder of saved runs: what is listed, found and kept, whatever else lies there and whoever else writes."""

import json
import os
import threading
import time

import pytest

import dfa_lab as dfa
from dfa_lab.atomic_file import LEFT_OVER
from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.autosave import (
    Autosave,
    LaneRecord,
    Taken,
    autosave_folder,
    default_folder,
    found,
    place,
    saved_runs,
)
from dfa_lab.experiment.autosave.saved_run import INDEX, write_saved
from dfa_lab.experiment.autosave.saved_runs import keep_within_bounds

NAME = "20260102-{:06d}-00ff"


def saved(root, number, *, size=100, count=1, minutes=None, steps=None):
    """A save of ``size`` bytes, a minute later than the one before, of a run of ``number`` steps unless given."""
    path = root / NAME.format(number)
    when = f"2026-01-02T10:{number if minutes is None else minutes:02d}:00+00:00"
    document = {"task": "moons", "rule": "dfa", "needs": [], "runner": {}, "screen": {}, "when": when}
    document["steps"] = number if steps is None else steps
    write_saved(path, count, document, [(LaneRecord(0, "DFA"), lambda file: file.write_bytes(b"x" * size))])
    return path


def numbers(root):
    return [one.steps for one in saved_runs(root)]


def test_the_list_is_a_table_the_newest_first(tmp_path):
    for number in (2, 1, 3):
        saved(tmp_path, number)
    runs = saved_runs(tmp_path)
    assert [(one.number, one.steps) for one in runs] == [(1, 3), (2, 2), (3, 1)]
    lines = repr(runs).splitlines()
    assert lines[0].split() == ["saved", "task", "rule", "steps", "runs", "needs", "name"]
    assert lines[1].split()[0] == "1"
    assert runs[0].name in lines[1]
    page = runs._repr_html_()
    assert page.count("<tr>") == 4
    assert "moons" in page
    assert (runs[0], runs[-1], len(runs[1:])) == (next(iter(runs)), runs[2], 2)


def test_an_empty_list_says_where_it_looked(tmp_path):
    nowhere = tmp_path / "<none>"
    assert repr(saved_runs(nowhere)) == f"no saved runs in {nowhere}"
    assert "&lt;none&gt;" in saved_runs(nowhere)._repr_html_()


def test_the_oldest_go_first_where_there_are_too_many_or_too_much(tmp_path):
    for number in range(1, 8):
        saved(tmp_path, number)
    newest = saved(tmp_path, 9)
    keep_within_bounds(tmp_path, newest, saves=5)
    assert numbers(tmp_path) == [9, 7, 6, 5, 4]
    size = sum(one.stat().st_size for one in newest.iterdir())
    keep_within_bounds(tmp_path, newest, size=3 * size + 10)
    assert numbers(tmp_path) == [9, 7, 6]
    keep_within_bounds(tmp_path, newest, size=1)
    assert numbers(tmp_path) == [9]
    assert [one.name for one in tmp_path.iterdir()] == [newest.name]


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        ([7940, *[2] * 9], [2, 2, 2, 2, 2, 7940]),  # a script's short runs do not push a long one out
        ([2] * 10, [2] * 6),
        ([5, 900, 30, 7, 800, 1, 2, 3, 4], [4, 3, 2, 800, 30, 900]),
        ([900, 800, 700, 600, 500, 400, 1], [1, 400, 500, 700, 800, 900]),  # nor do long ones the newest
    ],
)
def test_of_the_saves_before_the_newest_half_the_shortest_run_goes_first(tmp_path, steps, kept):
    for number, one in enumerate(steps, 1):
        newest = saved(tmp_path, number, steps=one)
        keep_within_bounds(tmp_path, newest, saves=6)
    assert numbers(tmp_path) == kept


def test_of_two_runs_as_long_the_older_goes_first(tmp_path):
    for number in range(1, 9):
        newest = saved(tmp_path, number, steps=2)
    keep_within_bounds(tmp_path, newest, saves=6)
    assert sorted(one.name for one in tmp_path.iterdir()) == [NAME.format(number) for number in range(3, 9)]


def test_where_they_take_too_much_the_newest_half_are_the_last_to_go(tmp_path):
    for number, steps in enumerate([900, 2, 800, 3, 4, 5], 1):
        newest = saved(tmp_path, number, steps=steps)
    size = sum(one.stat().st_size for one in newest.iterdir())
    for room, kept in ((5, [5, 4, 3, 800, 900]), (4, [5, 4, 3, 900]), (3, [5, 4, 3]), (2, [5, 4])):
        keep_within_bounds(tmp_path, newest, saves=6, size=room * size + 50)
        assert numbers(tmp_path) == kept


def test_nothing_that_somebody_else_wrote_is_removed(tmp_path):
    own = [tmp_path / "letter.txt", tmp_path / "20260102-000001-zzzz" / "a.txt", tmp_path / "sub" / INDEX]
    old, newest = saved(tmp_path, 1), saved(tmp_path, 2)
    own.append(old / "notes.txt")
    for file in own:
        file.parent.mkdir(exist_ok=True)
        file.write_text("mine")
    (tmp_path / NAME.format(9)).symlink_to(tmp_path / "sub")
    keep_within_bounds(tmp_path, newest, saves=1)
    assert all(file.read_text() == "mine" for file in own)
    assert numbers(tmp_path) == [2]


def test_what_a_killed_program_left_is_not_listed_and_goes_after_a_while(tmp_path):
    newest, half = saved(tmp_path, 1), tmp_path / NAME.format(5)
    half.mkdir()
    (half / "1-0.safetensors").write_bytes(b"half")
    (half / f".{'0' * 32}.part").write_bytes(b"ha")
    assert numbers(tmp_path) == [1]
    keep_within_bounds(tmp_path, newest)
    assert half.exists()  # maybe it is being written now
    long_ago = time.time() - 2 * LEFT_OVER
    os.utime(half, (long_ago, long_ago))
    keep_within_bounds(tmp_path, newest)
    assert not half.exists()


@pytest.mark.parametrize("left", ["7-0.safetensors", "7-1.safetensors", f".{'0' * 32}.part"])
def test_what_a_killed_program_left_beside_its_last_whole_save_goes_after_a_while(tmp_path, left):
    other, newest = saved(tmp_path, 1), saved(tmp_path, 2)
    whole = sorted(one.name for one in other.iterdir())
    (other / left).write_bytes(b"left over")
    (other / "notes.txt").write_bytes(b"mine")
    keep_within_bounds(tmp_path, newest)
    assert (other / left).exists(), "maybe it is being written now"
    long_ago = time.time() - 2 * LEFT_OVER
    for one in other.iterdir():
        os.utime(one, (long_ago, long_ago))
    keep_within_bounds(tmp_path, newest)
    assert sorted(one.name for one in other.iterdir()) == sorted([*whole, "notes.txt"])
    assert numbers(tmp_path) == [2, 1]


@pytest.mark.parametrize("killed_at", ["run", "list", "removal"])
def test_a_save_that_is_broken_off_leaves_the_former_one(tmp_path, monkeypatch, killed_at):
    path = saved(tmp_path, 1)
    first = saved_runs(tmp_path)[0]

    def killed(*given, **more):
        raise KeyboardInterrupt

    write = b"new".__len__ if killed_at == "run" else None
    target = {"list": "write_atomically", "removal": "remove_files"}.get(killed_at)
    if target:
        monkeypatch.setattr(f"dfa_lab.experiment.autosave.saved_run.{target}", killed)
    document = {"task": "moons", "rule": "fa", "steps": 2, "needs": [], "runner": {}, "screen": {}}
    document["when"] = first.when.isoformat()
    with pytest.raises(KeyboardInterrupt):
        write_saved(path, 2, document, [(LaneRecord(0, "A"), killed if write else lambda file: file.write_bytes(b"y"))])
    (now,) = saved_runs(tmp_path)
    assert now.steps == (2 if killed_at == "removal" else 1)
    assert all(file.is_file() for file, _ in now.lanes)


def test_several_write_and_remove_at_once(tmp_path):
    failed = []

    def work(place):
        try:
            for count in range(1, 15):
                path = saved(tmp_path, place, count=count, minutes=count)
                keep_within_bounds(tmp_path, path, saves=2)
                for one in saved_runs(tmp_path):
                    assert one.lanes
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(saved_runs(tmp_path)) >= 1
    for one in saved_runs(tmp_path):
        assert all(file.is_file() for file, _ in one.lanes)


def test_a_save_is_found_by_number_name_and_path(tmp_path):
    for number in (1, 2):
        saved(tmp_path, number)
    one = saved_runs(tmp_path)[1]
    for which in (2, one.name, one.path, str(one.path), one.path / INDEX, one):
        assert found(which, tmp_path).steps == 1


@pytest.mark.parametrize("which", [0, 3, -1, True, 1.0, None, "", "nowhere", b"x", [1]])
def test_what_is_not_there_is_an_error(tmp_path, which):
    for number in (1, 2):
        saved(tmp_path, number)
    with pytest.raises(DfaLabError, match="saved run"):
        found(which, tmp_path)


def test_a_save_that_went_says_how_many_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("DFA_LAB_AUTOSAVE", str(tmp_path))
    gone = NAME.format(7)
    for which in (gone, tmp_path / gone, tmp_path / gone / INDEX):
        with pytest.raises(DfaLabError) as said:
            found(which)
        assert str(said.value).startswith(f"the saved run {gone} is gone from {tmp_path}: at most 20 saves are kept")


def damaged_texts():
    good = {"format": "dfa_lab.autosave", "version": 1, "task": "moons", "rule": "dfa", "steps": 1, "needs": []}
    good |= {"runner": {}, "screen": {}, "when": "2026-01-02T10:00:00+00:00"}
    lane = {"file": "1-0.safetensors", **LaneRecord(0, "DFA").document()}
    good["lanes"] = [lane]
    wrong = [{"format": "x"}, {"version": 2}, {"steps": "many"}, {"lanes": []}, {"lanes": 5}, {"when": "soon"}]
    wrong += [{"lanes": [{**lane, **one}]} for one in ({"file": "../../x"}, {"number": -1}, {"name": 5}, {"more": 1})]
    wrong += [{"lanes": [{**lane, "forked_fields": {"widths": [1]}}]}, {"lanes": [{**lane, "scheduled": [[1]]}]}]
    texts = [json.dumps({**good, **one}) for one in wrong]
    whole = json.dumps(good)
    return [*texts, *(whole[:cut] for cut in range(0, len(whole), 40)), "[" * 100_000, "5", "\x00"]


def test_a_damaged_list_of_runs_is_an_error_with_its_name_and_not_listed(tmp_path):
    path = saved(tmp_path, 1)
    for text in damaged_texts():
        (path / INDEX).write_text(text)
        assert len(saved_runs(tmp_path)) == 0, text
        with pytest.raises(DfaLabError, match=INDEX):
            found(path)


def test_a_damaged_run_is_an_error_with_its_name(tmp_path):
    path = saved(tmp_path, 1)
    with pytest.raises(DfaLabError, match=r"1-0\.safetensors"):
        dfa.Runner.restore(path)
    next(path.glob("*.safetensors")).unlink()
    with pytest.raises(DfaLabError, match=r"1-0\.safetensors"):
        dfa.Runner.restore(path)


def test_a_record_is_what_it_was_and_leaves_out_what_is_no_plain_value():
    record = LaneRecord(3, "FA", {"rule": "fa", "lr": [0.1, 0.2]}, True, 7, 2, ((9, {"lr": 0.5}),))
    assert LaneRecord.of(json.loads(json.dumps(record.document()))) == record
    own, numbered = {"activation_derivative": abs, "lr": 0.2}, {"activation_derivative": {1: "step"}}
    odd = LaneRecord(3, "FA", {"rule": "fa"} | own, scheduled=((9, own), (1000, {"lr": 0.5}), (2000, numbered)))
    said = "at step 9 (activation_derivative and lr), at step 2,000 (activation_derivative)"
    expected = LaneRecord(3, "FA", {"rule": "fa", "lr": 0.2}, scheduled=((1000, {"lr": 0.5}),), left_out=said)
    assert LaneRecord.of(odd.document()) == expected
    assert LaneRecord.of(expected.document()) == expected  # what an earlier save left out is still missing
    at_first = {name: value for name, value in record.document().items() if name != "left_out"}
    assert LaneRecord.of(at_first) == record


@pytest.mark.parametrize("path", ["~nobody-of-that-name/runs", "~nobody-of-that-name"])
def test_a_home_that_nobody_knows_is_an_error_that_says_so(tmp_path, monkeypatch, path):
    with pytest.raises(DfaLabError, match=r"the saved run was given as .*nobody-of-that-name"):
        found(path, tmp_path)
    monkeypatch.setenv("DFA_LAB_AUTOSAVE", path)
    monkeypatch.delenv("DFA_LAB_HEADLESS", raising=False)
    for lists in (saved_runs, lambda: autosave_folder(True)):
        with pytest.raises(DfaLabError, match=r"DFA_LAB_AUTOSAVE was given as .*nobody-of-that-name"):
            lists()


@pytest.mark.parametrize("name", ["runs", "a/b", "../up"])
def test_the_usual_folder_stays_the_same_where_the_program_goes_elsewhere(tmp_path, monkeypatch, name):
    place._named.cache_clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DFA_LAB_AUTOSAVE", name)
    monkeypatch.delenv("DFA_LAB_HEADLESS", raising=False)
    assert autosave_folder(True) == autosave_folder(name) == tmp_path / name
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert autosave_folder(True) == default_folder() == tmp_path / name
    monkeypatch.setenv("DFA_LAB_AUTOSAVE", "another")  # asked for here, it is one of this folder
    assert default_folder() == tmp_path / "elsewhere" / "another"
    place._named.cache_clear()


@pytest.mark.parametrize("slow", [True, False])
def test_at_the_end_no_second_save_is_written_beside_one_that_still_is(tmp_path, monkeypatch, slow):
    monkeypatch.setattr("dfa_lab.experiment.autosave.autosave.AT_END", 0.05)
    state, writing, go_on, written = [1], threading.Event(), threading.Event(), []
    document = {"task": "moons", "rule": "dfa", "steps": 1, "needs": [], "runner": {}, "screen": {}}

    def taken():
        number = state[0]

        def write(file):
            writing.set()
            go_on.wait(10)
            written.append(number)
            file.write_bytes(b"x")

        return Taken("run", {**document, "steps": number}, [(LaneRecord(0, "DFA"), write)])

    saving = Autosave(tmp_path, lambda: state[0], lambda: ("run",), taken, pytest.fail, threaded=True)
    state[0] = 2
    saving.at_rest()
    thread = saving._thread
    assert writing.wait(10)
    if not slow:
        go_on.set()
        thread.join(10)
        saving._took = 0.0
    state[0] = 3
    saving.at_end()
    go_on.set()
    thread.join(10)
    assert written == ([2] if slow else [2, 3])
    assert [one.steps for one in saved_runs(tmp_path)] == [written[-1]]
