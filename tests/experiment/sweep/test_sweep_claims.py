"""Claims of a sweep's groups, half-trained groups, and the names of runs: nothing stays behind, equal runs are one."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.sweep.claims import Claims
from dfa_lab.experiment.sweep.run_names import RunNames

SMALL = {"task": "moons", "widths": (8,), "batch_size": 16, "progress": False, "steps": 20}


@pytest.mark.parametrize("others", [False, True])
def test_an_interrupt_while_a_claim_is_made_leaves_no_claim_and_anothers_alone(tmp_path, monkeypatch, others):
    real = Path.open

    def interrupted(self, *mode):
        if not others:
            real(self, *mode).close()
        raise KeyboardInterrupt

    claims, other = Claims(tmp_path), Claims(tmp_path)
    assert not others or other.take("a")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", interrupted)
        with pytest.raises(KeyboardInterrupt):
            claims.take("a")
    claims.close()
    assert [one.name for one in (tmp_path / "claims").iterdir()] == ["a"] * others
    other.close()


def test_a_folder_that_takes_no_claims_is_named(tmp_path, monkeypatch):
    def full(*given, **more):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "file").mkdir()
    (tmp_path / "file" / "claims").write_text("")
    with pytest.raises(dfa.DfaLabError, match="claims"):
        Claims(tmp_path / "file")
    claims = Claims(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(dfa.DfaLabError, match=r"claims.*No space left"):
            claims.take("a")
    assert claims.take("b")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", full)
        with pytest.raises(dfa.DfaLabError, match=r"claims.*No space left"):
            claims.release("b")
        claims.close()


def test_half_trained_groups_go_when_the_whole_folder_is_done(tmp_path):
    grid = {"lr": [0.1, 0.2]}
    dfa.sweep(grid, folder=tmp_path, **SMALL)
    left = [tmp_path / "claims" / f"{letter * 32}.safetensors" for letter in "ab"]
    for place in left:
        place.write_bytes(b"half")
    other = Claims(tmp_path)
    assert other.take("b" * 32)
    open_run = next((tmp_path / "runs").iterdir())
    open_run.rename(tmp_path / "away")
    dfa.sweep({"lr": [0.3]}, folder=tmp_path, **SMALL)
    assert all(place.exists() for place in left)  # another sweep in the folder may go on with them
    dfa.sweep(grid, folder=tmp_path, **SMALL)
    assert [place.exists() for place in left] == [False, True]
    other.close()


def test_a_group_that_fails_leaves_no_half_trained_file(tmp_path, monkeypatch):
    side = dfa.experiment.jobs.side_by_side
    place, real = tmp_path / "half.safetensors", side._train

    def fails(runs, steps, metrics, tick, saved):
        if len(runs) > 1:
            saved.write_bytes(b"half")
            raise MemoryError
        return real(runs, steps, metrics, tick, saved)

    monkeypatch.setattr(side, "_train", fails)
    runs = [{"task": "moons", "widths": (8,), "batch_size": 16, "seed": seed} for seed in (0, 1)]
    assert [one["error"] for one in side.train_runs(runs, 5, [], saved=place)] == [None, None]
    assert not place.exists()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uniform", {"name": "uniform"}),
        ({"name": "aligned", "angle": 45}, {"angle": 45.0, "name": "aligned"}),
        ({"1": "exact"}, {"1": {"name": "exact"}}),
        ({"name": "points", "x": [-1, 0.0]}, {"name": "points", "x": [-1.0, 0]}),
    ],
)
def test_equal_settings_are_one_run(one, other):
    name_of = RunNames(5, [], [])
    names = [name_of({"feedback_init": value}) for value in (one, other, {"name": "aligned", "angle": 45.5})]
    assert names[0] == names[1] != names[2]


def test_plain_settings_are_written_as_they_were():
    made = RunNames(5, [], [])._made
    assert made("feedback_init", "uniform") == '["feedback_init", "uniform", []]'
    assert made("lr", 1.0) == '["lr", 1.0, []]'
    assert made("feedback_init", {"name": "aligned", "angle": 45}) == (
        '["feedback_init", {"angle": 45, "name": "aligned"}, []]'
    )
