"""The bar of a sweep counts each run once, whoever trained it."""

from __future__ import annotations

import importlib
import shutil

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.sweep.claims import Claims
from dfa_lab.experiment.sweep.progress import Progress

SMALL = {"task": "moons", "widths": (8,), "batch_size": 16, "steps": 20}
GRID = {"rule": ["bp", "dfa"], "lr": [0.1, 1e6]}


def test_a_part_of_a_group_gives_way_to_its_runs(capsys):
    bar = Progress(10, 2, shown=True)
    for part, shown in ((0.5, 2.5), (1.5, 3.5)):
        bar.part(part)
        assert bar._bar.n == shown
    bar.show(4, 1)
    assert bar._bar.n == 4
    bar.part(0.5)
    assert bar._bar.n == 4.5
    bar.show(6, 1)
    bar.close()
    assert bar._bar.n == 6
    assert "6/10 runs" in capsys.readouterr().err.replace("\r", "\n").splitlines()[-1]


@pytest.fixture
def shown(monkeypatch):
    """What the bar was told: runs done, and failed."""
    told = []

    class Told(Progress):
        def show(self, done, failed):
            told.append((done, failed))
            super().show(done, failed)

    monkeypatch.setattr(importlib.import_module("dfa_lab.experiment.sweep.sweep"), "Progress", Told)
    return told


@pytest.mark.parametrize("group_size", [1, 3])
def test_runs_are_counted_as_they_are_done(shown, group_size, capsys):
    dfa.sweep(GRID, seeds=3, executor=1, group_size=group_size, weight_decay=1.0, **SMALL)
    assert shown == sorted(shown)
    assert len(set(shown)) == 12 // group_size
    assert shown[-1] == (12, 6)
    assert "6 failed" in capsys.readouterr().err


def test_runs_that_another_process_trained_are_counted_too(shown, tmp_path, monkeypatch):
    frame = dfa.sweep(GRID, folder=tmp_path / "other", executor=1, **SMALL)
    take = Claims.take

    def late(self, group):
        shutil.copytree(tmp_path / "other" / "runs", tmp_path / "own" / "runs", dirs_exist_ok=True)
        return take(self, group)

    monkeypatch.setattr(Claims, "take", late)
    del shown[:]
    again = dfa.sweep(GRID, folder=tmp_path / "own", executor=1, **SMALL)
    assert again.drop(columns="seconds").equals(frame.drop(columns="seconds"))
    assert shown[-1] == (4, 0)
