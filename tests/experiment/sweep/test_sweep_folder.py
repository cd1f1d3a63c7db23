"""A sweep's folder: what is done is not trained again, what failed is, and damaged files are named."""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path

import pandas as pd
import pytest

import dfa_lab as dfa
from dfa_lab.experiment.sweep.run_folder import RunFolder

pytestmark = pytest.mark.slow

SMALL = {"task": "moons", "widths": (8,), "batch_size": 16, "progress": False, "steps": 20}
#: Under the name of the module stands its function in the package.
MODULE = importlib.import_module("dfa_lab.experiment.sweep.sweep")
GRID = {"rule": ["bp", "dfa"], "lr": [0.1, 0.2]}


@pytest.fixture
def trained(monkeypatch):
    """The settings of every run that is trained from here on."""
    seen = []
    real = dfa.experiment.jobs.job.train_runs

    def train(runs, *rest):
        seen.extend(runs)
        return real(runs, *rest)

    monkeypatch.setattr("dfa_lab.experiment.jobs.job.train_runs", train)
    return seen


def same(one, two):
    pd.testing.assert_frame_equal(one.drop(columns="seconds"), two.drop(columns="seconds"))


def test_what_is_done_is_not_trained_again(tmp_path, trained):
    plain = dfa.sweep(GRID, seeds=2, **SMALL)
    frame = dfa.sweep(GRID, seeds=2, folder=tmp_path, **SMALL)
    assert len(trained) == 16
    same(plain, frame)
    again = dfa.sweep(GRID, seeds=2, folder=tmp_path, **SMALL)
    assert len(trained) == 16
    pd.testing.assert_frame_equal(frame, again)
    more = dfa.sweep(GRID | {"rule": ["dfa", "bp", "fa"]}, seeds=3, folder=tmp_path, **SMALL)
    assert len(trained) == 16 + 18 - 8
    assert len(more) == 18
    loaded = dfa.load_sweep(tmp_path)
    assert len(loaded) == 18
    assert not loaded.duplicated(["rule", "lr", "seed"]).any()


@pytest.mark.parametrize("other", [{"steps": 21}, {"batch_size": 17}, {"metrics": ["test_loss"]}])
def test_another_setting_is_another_run(tmp_path, trained, other):
    dfa.sweep(GRID, folder=tmp_path, **SMALL)
    dfa.sweep(GRID, folder=tmp_path, **SMALL | other)
    assert len(trained) == 8


def test_the_table_of_a_folder_is_the_sweeps_and_holds_what_is_done_so_far(tmp_path):
    frame = dfa.sweep({"widths": [(8,), (4, 4)], "feedback_init": [{"name": "aligned", "angle": 30}]},
                      seeds=[4, 2], folder=tmp_path, **{k: v for k, v in SMALL.items() if k != "widths"})  # fmt: skip
    loaded = dfa.load_sweep(tmp_path)
    pd.testing.assert_frame_equal(frame, loaded)
    assert loaded.attrs == frame.attrs
    assert frame.widths.tolist() == [(8,), (8,), (4, 4), (4, 4)]
    sorted((tmp_path / "runs").iterdir())[1].unlink()
    part = dfa.load_sweep(str(tmp_path))
    assert len(part) == 3
    assert part.attrs["done"] == 3


APART = [
    ({}, {"steps": 21}, {"steps": [20] * 2 + [21] * 2}),
    ({}, {"batch_size": 64}, {"batch_size": [16] * 2 + [64] * 2}),
    ({"momentum": 0.5}, {"widths": (4, 3)}, {"widths": [(8,)] * 2 + [(4, 3)] * 2, "momentum": [0.5] * 2 + [0.0] * 2}),
    ({}, {"feedback_init": {"name": "aligned", "angle": 30}},
     {"feedback_init": ["uniform"] * 2 + ['{"angle": 30, "name": "aligned"}'] * 2}),
    ({}, {"metrics": ["test_loss"]}, {"sweep": [1] * 2 + [2] * 2}),
    ({}, {"rule": "dfa"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "told"), APART)
@pytest.mark.filterwarnings("error")
def test_no_two_runs_of_a_shared_folder_look_the_same_that_differ(tmp_path, one, other, told):
    frames = [dfa.sweep({"lr": [0.1, 0.2]}, folder=tmp_path, **{**SMALL, **given}) for given in (one, other)]
    loaded = dfa.load_sweep(tmp_path)
    assert {name: loaded[name].tolist() for name in told} == told
    assert [name for name in loaded.columns if name not in told] == list(frames[0].columns)
    both = loaded.test_loss.tolist()
    assert both == [*frames[0].test_loss, *frames[1].test_loss][: len(loaded)]
    if told:
        assert [call["steps"] for call in loaded.attrs["sweeps"]] == [20, other.get("steps", 20)]
        with pytest.raises(dfa.DfaLabError, match=next(iter(told))):
            dfa.sweepplot(loaded, x="lr", y="test_loss")


def test_a_sweep_to_which_seeds_were_added_has_one_number(tmp_path):
    grid = {"lr": [0.1, 0.2]}
    for seeds in (2, 4):
        dfa.sweep(grid, seeds=seeds, folder=tmp_path, **SMALL)
    dfa.sweep({}, lr=0.1, folder=tmp_path, metrics=["test_loss"], **SMALL)
    dfa.sweep({}, lr=0.2, seeds=5, folder=tmp_path, **SMALL)  # all but one of its runs are there
    loaded = dfa.load_sweep(tmp_path)
    first = loaded[loaded["sweep"] == 1]
    assert sorted(zip(first.lr, first.seed, strict=True)) == sorted(
        [(0.1, k) for k in range(4)] + [(0.2, k) for k in range(5)]
    )
    assert loaded["sweep"].tolist() == [1] * 8 + [2] + [1]
    dfa.sweepplot(first[first.seed < 4], x="lr")


def test_runs_of_a_metric_whose_code_was_changed_have_another_number(tmp_path):
    def one(run):
        return 1.0

    def other(run):
        return 2.0

    for seeds in (2, 3):
        for metric in (one, other):
            dfa.sweep({"lr": [0.1]}, seeds=seeds, folder=tmp_path, metrics={"m": metric}, **SMALL)
    loaded = dfa.load_sweep(tmp_path)
    assert loaded["sweep"].tolist() == [1, 1, 2, 2, 1, 2]
    assert loaded["m"].tolist() == [1.0, 1.0, 2.0, 2.0, 1.0, 2.0]


TWICE = [{"lr": [0.1]}, {"lr": [0.1, 0.3]}]


@pytest.mark.parametrize(
    ("calls", "rows"),
    [
        ([(TWICE, 5), ({"lr": [0.1]}, 6)], 4),
        ([(TWICE, 5), (TWICE, 6)], 6),
        ([({"lr": [0.1]}, 5), (TWICE, 5)], 2),
        ([(TWICE, 5), ({"lr": [0.3, 0.5]}, 5)], 4),
    ],
)
def test_of_several_sweeps_all_runs_are_done_when_each_row_is_there(tmp_path, calls, rows):
    for grid, steps in calls:
        dfa.sweep(grid, folder=tmp_path, **{**SMALL, "steps": steps})
    loaded = dfa.load_sweep(tmp_path)
    assert (loaded.attrs["runs"], loaded.attrs["done"], len(loaded)) == (rows, rows, rows)
    next((tmp_path / "runs").glob("*.json")).unlink()  # a run that two rows may be of
    part = dfa.load_sweep(tmp_path)
    assert (part.attrs["runs"], part.attrs["done"]) == (rows, len(part))
    assert len(part) < rows


def test_a_setting_that_one_sweep_fixes_and_another_varies_has_a_value_in_every_row(tmp_path):
    plain = {name: value for name, value in SMALL.items() if name != "batch_size"}
    dfa.sweep({"lr": [0.1, 0.2]}, folder=tmp_path, batch_size=8, **plain)
    dfa.sweep({"batch_size": [4, 16]}, folder=tmp_path, lr=0.05, **plain)
    dfa.sweep({"batch_size": [4, 8]}, folder=tmp_path, lr=0.1, **plain)  # one of them is there
    loaded = dfa.load_sweep(tmp_path)
    assert loaded.lr.tolist() == [0.1, 0.2, 0.05, 0.05, 0.1]
    assert loaded.batch_size.tolist() == [8, 8, 4, 16, 4]
    assert list(loaded.columns[:3]) == ["lr", "batch_size", "seed"]


def test_failed_runs_alone_run_again_and_their_errors_are_kept(tmp_path, trained):
    grid, fixed = {"lr": [0.1, 1e6]}, SMALL | {"weight_decay": 1.0}
    first = dfa.sweep(grid, seeds=2, folder=tmp_path, **fixed)
    assert first.error.notna().tolist() == [False, False, True, True]
    pd.testing.assert_frame_equal(dfa.load_sweep(tmp_path), first)
    del trained[:]
    same(dfa.sweep(grid, seeds=2, folder=tmp_path, **fixed), first)
    assert [run["lr"] for run in trained] == [1e6, 1e6]


@pytest.mark.parametrize("ahead", [0.0, 3600.0])
def test_a_run_that_failed_before_is_tried_again_whatever_the_clock_of_the_disk_says(tmp_path, trained, ahead):
    grid, fixed = {"lr": [1e6]}, SMALL | {"weight_decay": 1.0}
    dfa.sweep(grid, folder=tmp_path, **fixed)
    place = next((tmp_path / "runs").glob("*.failed.json"))
    os.utime(place, (place.stat().st_atime, place.stat().st_mtime + ahead))
    dfa.sweep(grid, folder=tmp_path, **fixed)
    assert len(trained) == 2


def test_a_run_that_another_process_tried_just_now_failed_whatever_the_clock_of_the_disk_says(tmp_path):
    place = tmp_path / "runs" / "b.failed.json"
    folder = RunFolder(tmp_path)
    assert not folder.failed_meanwhile("b")
    folder.write("b", {}, {"metrics": {}, "seconds": 1.0, "error": "no"})
    os.utime(place, (10, 10))
    assert folder.failed_meanwhile("b")
    later = RunFolder(tmp_path)
    assert not later.failed_meanwhile("b")
    os.utime(place, (8, 8))  # it failed again
    assert later.failed_meanwhile("b")


def test_a_run_that_another_process_trains_while_the_table_is_read_is_done(tmp_path, monkeypatch):
    grid, fixed = {"lr": [0.1, 1e6]}, SMALL | {"weight_decay": 1.0}
    dfa.sweep(grid, folder=tmp_path, **fixed)
    calls = RunFolder.calls

    def meanwhile(self):
        name = next((tmp_path / "runs").glob("*.failed.json")).name.removesuffix(".failed.json")
        RunFolder(tmp_path).write(name, {}, {"metrics": {"test_accuracy": 0.5}, "seconds": 1.0, "error": None})
        return calls(self)

    monkeypatch.setattr(RunFolder, "calls", meanwhile)
    loaded = dfa.load_sweep(tmp_path)
    assert loaded.error.tolist() == [None, None]
    assert loaded.test_accuracy[1] == 0.5


def test_results_that_are_gone_under_a_sweep_are_said_in_words(tmp_path):
    dfa.sweep({"lr": [0.1]}, folder=tmp_path, **SMALL)
    folder = RunFolder(tmp_path)
    (tmp_path / "runs").rename(tmp_path / "elsewhere")
    with pytest.raises(dfa.DfaLabError, match=r"runs. cannot be read .No such file.*call dfa.sweep again"):
        folder.names()


def test_a_good_run_counts_whose_earlier_error_cannot_be_deleted(tmp_path):
    dfa.sweep({"lr": [0.1]}, folder=tmp_path, **SMALL)
    (done,) = (tmp_path / "runs").glob("*.json")
    result = {"metrics": {}, "seconds": 1.0, "error": None}
    (tmp_path / "runs" / f"{done.stem}.failed.json").mkdir()  # unlink refuses it
    folder = RunFolder(tmp_path)
    folder.write(done.stem, {}, result)
    assert folder.names() == ({done.stem}, set())


def test_a_function_that_was_mended_makes_a_failed_run_a_good_one(tmp_path, trained):
    broken = True

    def metric(run):
        if broken:
            raise OSError("no disk")
        return 1.0

    # The same source, so the same name of the run.
    first = dfa.sweep({"lr": [0.1]}, folder=tmp_path, metrics=[metric], **SMALL)
    assert "no disk" in first.error[0]
    broken = False
    names = [one.name for one in (tmp_path / "runs").iterdir()]
    second = dfa.sweep({"lr": [0.1]}, folder=tmp_path, metrics=[metric], **SMALL)
    assert second.metric.tolist() == [1.0]
    assert names != [one.name for one in (tmp_path / "runs").iterdir()]


def test_errors_are_raised_where_that_is_asked_for(tmp_path):
    with pytest.raises(dfa.DfaLabError, match=r"the run .*lr=1000000.0, seed=0 failed: the loss was no longer finite"):
        dfa.sweep({"lr": [1e6, 0.1]}, folder=tmp_path, on_error="raise", weight_decay=1.0, group_size=1, **SMALL)
    assert len(dfa.load_sweep(tmp_path)) >= 1


@pytest.mark.parametrize("executor", [1, "threads"])
def test_the_rest_of_a_group_is_kept_where_an_error_is_raised(tmp_path, executor):
    from concurrent.futures import ThreadPoolExecutor

    given = ThreadPoolExecutor(1) if executor == "threads" else executor
    with pytest.raises(dfa.DfaLabError, match=r"lr=1000000.0, seed=0 failed"):
        dfa.sweep({"lr": [1e6, 0.1]}, seeds=3, folder=tmp_path, on_error="raise", weight_decay=1.0, executor=given,
                  group_size=6, **SMALL)  # fmt: skip
    assert dfa.load_sweep(tmp_path).error.notna().tolist() == [True] * 3 + [False] * 3


def test_a_sweep_that_does_not_begin_leaves_no_claims_and_no_thread(tmp_path, monkeypatch):
    import threading

    def none(*given):
        raise dfa.DfaLabError("no executor")

    before = set(threading.enumerate())
    monkeypatch.setattr(MODULE, "executor_for", none)
    with pytest.raises(dfa.DfaLabError, match="no executor"):
        dfa.sweep(GRID, folder=tmp_path, **SMALL)
    claims = [one for one in set(threading.enumerate()) - before if "claims" in one.name]
    for one in claims:
        one.join(5)
    assert not any(one.is_alive() for one in claims)
    assert list((tmp_path / "claims").iterdir()) == []


DAMAGED = [b"", b"{", b"[]", b'{"metrics": {}}', b'{"metrics": 3, "seconds": 1}', b"\xff\xfe", b"[" * 9999]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_is_named_and_its_run_is_trained_again(tmp_path, trained, content):
    frame = dfa.sweep(GRID, folder=tmp_path, **SMALL)
    place = sorted((tmp_path / "runs").iterdir())[2]
    place.write_bytes(content)
    with pytest.raises(dfa.DfaLabError, match=place.name):
        dfa.load_sweep(tmp_path)
    del trained[:]
    same(dfa.sweep(GRID, folder=tmp_path, **SMALL), frame)
    assert len(trained) == 1
    same(dfa.load_sweep(tmp_path), frame)


def test_processes_that_share_a_folder_make_the_groups_of_the_first(tmp_path, monkeypatch):
    seen, real = [], MODULE.plan
    monkeypatch.setattr(MODULE, "plan", lambda *given: seen.append(given[-1]) or real(*given))
    for executor in (1, 3):
        dfa.sweep(GRID, folder=tmp_path, executor=executor, **SMALL)
    dfa.sweep(GRID, executor=3, **SMALL)
    dfa.sweep(GRID, folder=tmp_path, executor=2, **SMALL | {"steps": 21})
    place = next(one for one in tmp_path.glob("sweep-*.json") if json.loads(one.read_text())["call"]["steps"] == 20)
    place.write_text("{")
    dfa.sweep(GRID, folder=tmp_path, executor=4, **SMALL)
    assert seen == [1, 1, 3, 2, 4]


@pytest.mark.parametrize("numbers", [(1, 3, 32), (None, 2, 4), (8, None)])
def test_of_processes_that_begin_at_once_one_says_how_many_workers_there_are(tmp_path, monkeypatch, numbers):
    monkeypatch.setattr(Path, "exists", lambda self: False)  # each looks before any has written
    folders = [RunFolder(tmp_path) for _ in numbers]
    found = [folder.describe({"steps": 5}, ["a"], one) for folder, one in zip(folders, numbers, strict=True)]
    assert found == [numbers[0]] * len(numbers)
    assert [one.suffix for one in tmp_path.iterdir() if one.is_file()] == [".json"]


def test_a_folder_without_hard_links_describes_its_sweep_too(tmp_path, monkeypatch):
    def link(*given):
        raise PermissionError("no hard links")

    monkeypatch.setattr(os, "link", link)
    assert [RunFolder(tmp_path).describe({"steps": 5}, ["a"], one) for one in (2, 3)] == [2, 2]
    assert [one.suffix for one in tmp_path.iterdir() if one.is_file()] == [".json"]


def test_a_damaged_description_and_no_folder_are_errors(tmp_path):
    dfa.sweep(GRID, folder=tmp_path / "sweep", **SMALL)
    place = next((tmp_path / "sweep").glob("sweep-*.json"))
    for text in ("", "{}", json.dumps({"call": {}, "names": []}), "[]"):
        place.write_text(text)
        with pytest.raises(dfa.DfaLabError, match=place.name):
            dfa.load_sweep(tmp_path / "sweep")
    for wrong in (tmp_path, tmp_path / "none", place, 3):
        with pytest.raises(dfa.DfaLabError):
            dfa.load_sweep(wrong)
    with pytest.raises(dfa.DfaLabError, match="folder was given as"):
        dfa.sweep(GRID, folder=place, **SMALL)


def test_what_another_process_has_claimed_is_waited_for(tmp_path, monkeypatch):
    """One claim is of a process that is gone, one of one that is alive and ends meanwhile."""
    import threading

    from dfa_lab.experiment.sweep.claims import Claims

    frame = dfa.sweep(GRID, **SMALL)
    dfa.sweep(GRID, folder=tmp_path, **SMALL)
    for place in (tmp_path / "runs").iterdir():
        place.unlink()
    groups = []
    real = Claims.take
    monkeypatch.setattr(Claims, "take", lambda self, group: groups.append(group) or real(self, group))
    dfa.sweep(GRID, folder=tmp_path, **SMALL)
    for place in (tmp_path / "runs").iterdir():
        place.unlink()
    other = Claims(tmp_path)
    assert real(other, groups[0])
    assert not real(Claims(tmp_path), groups[0])
    left = tmp_path / "claims" / groups[1]
    left.write_text(json.dumps({"host": __import__("socket").gethostname(), "process": 2**22 + 5}))
    waited = threading.Timer(0.5, other.close)
    waited.start()
    same(dfa.sweep(GRID, folder=tmp_path, **SMALL), frame)
    waited.join()
    assert list((tmp_path / "claims").iterdir()) == []


@pytest.mark.parametrize("lost", [False, True])
def test_a_group_that_was_killed_goes_on_where_it_was_saved(tmp_path, monkeypatch, lost):
    """Bit for bit; a group that has lost a replica is trained anew."""
    fixed = {**SMALL, "steps": 200, "momentum": 0.9, "weight_decay": 0.5 if lost else 0.0}
    grid = {"rule": ["kp", "dfa"], "lr": [0.1, 1e6 if lost else 0.05]}
    side = dfa.experiment.jobs.side_by_side
    whole = dfa.sweep(grid, seeds=2, executor=1, **fixed)
    monkeypatch.setattr(side, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(side, "TIMES_WRITING", 0)
    begun, save, saves = side._begun, side._save, []

    def stops(run, saved):
        if run.steps_done % 64:
            return
        save(run, saved)
        saves.append(saved)
        if len(saves) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(side, "_save", stops)
    if lost:
        assert whole.error.notna().sum() == 4
        dfa.sweep(grid, seeds=2, executor=1, folder=tmp_path, **fixed)
        assert saves == []
        return
    with pytest.raises(KeyboardInterrupt):
        dfa.sweep(grid, seeds=2, executor=1, folder=tmp_path, **fixed)
    assert [one.name for one in (tmp_path / "claims").iterdir()] == [saves[0].name]
    steps = []
    monkeypatch.setattr(side, "_begun", lambda *given: steps.append(run := begun(*given)) or run)
    monkeypatch.setattr(side, "_steps", lambda trainer, *rest, _real=side._steps, **more: (
        steps.append(trainer.steps_done), _real(trainer, *rest, **more))[1])  # fmt: skip
    same(dfa.sweep(grid, seeds=2, executor=1, folder=tmp_path, **fixed), whole)
    assert steps[1::2] == [128, 0]
    assert list((tmp_path / "claims").iterdir()) == []


@pytest.mark.parametrize(
    ("writing", "saved"), [(0.0, [*range(1, 201)]), (0.09, [*range(1, 201, 5)]), (1e6, [1, 62, 123, 184])]
)
def test_a_group_is_saved_less_often_where_writing_takes_long(monkeypatch, writing, saved):
    """A step takes a second; after a file that took 0.09 the next comes in five, or in a minute at last."""
    side, now, saves = dfa.experiment.jobs.side_by_side, [0.0], []

    def save():
        saves.append(trainer.batches.taken)
        now[0] += writing

    class Batches:
        taken = 0

        def take(self, size):
            self.taken += 1
            now[0] += 1.0
            return real.take(size)

    monkeypatch.setattr(side.time, "perf_counter", lambda: now[0])
    with dfa.Experiment(task="moons", widths=(8,), batch_size=16, probe_every=0).held() as trainer:
        real = trainer.batches
        trainer.batches = Batches()
        try:
            side._steps(trainer, 200, None, save, probed=False)
        finally:
            trainer.batches = real
    assert saves == saved


@pytest.mark.parametrize("content", [b"", b"nothing", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_damaged_half_trained_group_is_trained_anew(tmp_path, content):
    from dfa_lab.experiment.sweep.run_folder import RunFolder

    saved = []
    real = RunFolder.half_trained
    frame = dfa.sweep(GRID, executor=1, **SMALL)

    def damaged(self, group):
        place = real(self, group)
        place.write_bytes(content)
        saved.append(place)
        return place

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "half_trained", damaged)
        same(dfa.sweep(GRID, executor=1, folder=tmp_path, **SMALL), frame)
    assert saved
    assert not any(one.exists() for one in saved)
