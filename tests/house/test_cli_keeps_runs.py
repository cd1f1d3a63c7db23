"""``dfa-lab train --save --resume``: the same run, stopped and gone on with, to the last bit."""

import json
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

import dfa_lab as dfa
from command_line import run
from dfa_lab.cli import kept_run

pytestmark = pytest.mark.slow

RUN = ("train", "--task", "moons", "--widths", "8", "--set", "batch_size=16", "--set", "probe_size=16")


def whole(steps=60):
    one = dfa.Experiment(task="moons", widths=(8,), batch_size=16, probe_size=16)
    one.train(steps)
    return one


def test_a_run_in_two_parts_is_the_run_in_one(tmp_path, capsys):
    first, second = tmp_path / "first", tmp_path / "second"
    assert run(*RUN, "--steps", "25", "--save", str(first), "--json") == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 25
    assert run("train", "--resume", str(first), "--steps", "60", "--save", str(second), "--json") == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 60
    assert dfa.Experiment.load(first).history.equals(whole(25).history)
    assert dfa.Experiment.load(second).history.equals(whole().history)


def test_the_same_command_begins_goes_on_and_ends(tmp_path, capsys):
    file = str(tmp_path / "run")
    command = (*RUN, "--save", file, "--resume", file)
    assert run(*command, "--steps", "20") == 0
    assert "begins anew" in capsys.readouterr().err
    for steps, said in (("60", ""), ("60", "at step 60 already; --steps 1060 goes on")):
        assert run(*command, "--steps", steps) == 0
        out, err = capsys.readouterr()
        assert said in err
        assert "steps: 60" in out
    assert dfa.Experiment.load(file).history.equals(whole().history)


def test_epochs_are_counted_over_both_parts(tmp_path):
    file = str(tmp_path / "run")
    assert run(*RUN, "--epochs", "1", "--save", file) == 0
    assert dfa.Experiment.load(file).samples_seen == 1600
    assert run("train", "--resume", file, "--epochs", "2", "--save", file) == 0
    assert dfa.Experiment.load(file).samples_seen == 3200


def test_live_settings_beside_resume_are_changes_and_others_are_refused(tmp_path, capsys):
    file = str(tmp_path / "run")
    assert run(*RUN, "--steps", "5", "--save", file) == 0
    again = ("train", "--resume", file, "--steps", "9", "--save", file)
    assert run(*again, "--widths", "8", "--rule", "fa", "--set", "lr=0.05") == 0
    assert dfa.Experiment.load(file).history.changes() == [(5, {"rule": "fa", "lr": 0.05})]
    assert run(*again, "--set", "lr=0.05") == 0
    assert len(dfa.Experiment.load(file).history.changes()) == 1
    capsys.readouterr()
    assert run(*again, "--widths", "9") == 2
    assert "widths was given as (9,) beside --resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--resume", "{}/nothing"), "no run can be loaded from '{}/nothing': No such file or directory; give"),
        (("--resume", "{}/nothing", "--save", "{}/other"), "no run can be loaded from '{}/nothing'"),
        (("--save", "{}/no/folder/run"), "save cannot write to '{}/no/folder/run': there is no folder '{}/no/folder'"),
        (("--resume", "{}"), "no run can be loaded from '{}'"),
    ],
)
def test_a_file_that_cannot_be_used_is_said_before_training(arguments, said, tmp_path, capsys):
    assert run(*RUN, *(one.format(tmp_path) for one in arguments)) == 2
    out, err = capsys.readouterr()
    assert said.replace("{}", str(tmp_path)) in err
    assert ".part" not in err
    assert "step/s" not in err, "it did not train"
    assert out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("resumed", [(), ("--resume", "{}/other"), ("--resume", "{}/nothing")])
def test_a_file_that_is_there_is_not_replaced_by_another_run(resumed, tmp_path, capsys):
    kept, other = tmp_path / "kept", tmp_path / "other"
    assert run(*RUN, "--steps", "5", "--save", str(kept)) == 0
    dfa.Experiment(task="moons", widths=(8,)).save(other)
    before = kept.read_bytes()
    capsys.readouterr()
    assert run(*RUN, "--save", str(kept), *(one.format(tmp_path) for one in resumed)) == 2
    out, err = capsys.readouterr()
    assert f"--save was given {str(kept)!r}, a file that is there already" in err
    assert f"expected --resume {kept} beside it to go on with it, or another name; or delete it" in err
    assert (out, kept.read_bytes()) == ("", before)


@pytest.mark.parametrize("names", [("run", "./run"), ("~/run", "~/run")])
def test_the_file_that_is_gone_on_from_is_known_by_any_of_its_names(names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for steps in ("5", "9"):
        assert run(*RUN, "--save", names[0], *(("--resume", names[1]) if steps == "9" else ()), "--steps", steps) == 0
    assert dfa.Experiment.load("run").history.changes() == []
    assert dfa.Experiment.load("run").steps_done == 9


def test_a_run_with_a_module_is_gone_on_with_in_python(tmp_path, capsys):
    import torch

    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    file = dfa.Experiment(module=module, task="moons").save(tmp_path / "own")
    assert run("train", "--resume", file) == 2
    err = capsys.readouterr().err
    assert str(file) in err
    assert "load it in Python" in err
    assert "dfa.Experiment.load(path, module=…)" in err


def test_it_is_saved_while_it_trains(tmp_path, monkeypatch):
    """Where a file is due at every step, as many are written."""
    monkeypatch.setattr(kept_run, "APART", 0.0)
    monkeypatch.setattr(kept_run, "FIRST", 0.0)
    steps, save = [], dfa.Experiment.save

    def noted(self, path):
        steps.append(self.steps_done)
        return save(self, path)

    monkeypatch.setattr(dfa.Experiment, "save", noted)
    assert run(*RUN, "--set", "probe_every=10", "--steps", "30", "--save", str(tmp_path / "run")) == 0
    assert sorted(set(steps)) == [*range(31)]


@pytest.mark.parametrize("probe_every", [10, 1000])
def test_the_first_file_with_training_in_it_comes_early(tmp_path, monkeypatch, probe_every):
    """By a clock that goes on a second a step: after 5 s, and every 30 s from then on, whenever it is measured."""
    steps, runs, save = [], [], dfa.Experiment.save

    def noted(self, path):
        runs.append(self)
        steps.append(self.steps_done)
        return save(self, path)

    monkeypatch.setattr(dfa.Experiment, "save", noted)
    monkeypatch.setattr(kept_run, "time", SimpleNamespace(monotonic=lambda: float(runs[0].steps_done)))
    seldom = ("--set", f"probe_every={probe_every}", "--set", "record_every=1000")
    assert run(*RUN, *seldom, "--steps", "90", "--save", str(tmp_path / "run")) == 0
    assert steps == [0, 5, 35, 65, 90]


def test_a_run_that_diverges_is_kept_where_it_went_back_to(tmp_path, capsys):
    file = tmp_path / "run"
    assert run(*RUN, "--set", "lr=1e6", "--set", "weight_decay=1.0", "--save", str(file)) == 2
    assert "no longer finite" in capsys.readouterr().err
    kept = dfa.Experiment.load(file)
    assert kept.steps_done == kept.trainer.fallback.steps_done > 0


@pytest.mark.parametrize(
    ("number", "ignored"), [(signal.SIGINT, False), (signal.SIGTERM, False), (signal.SIGTERM, True)]
)
def test_a_command_that_is_stopped_keeps_the_run(tmp_path, number, ignored):
    """``ignored``: as a script's ``command &`` is begun, with SIGINT ignored."""
    file = tmp_path / "run"
    command = [sys.executable, "-m", "dfa_lab.cli", *RUN, "--steps", "10000000", "--save", str(file)]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if ignored else None
    try:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    finally:
        if ignored:
            signal.signal(signal.SIGINT, before)
    while not file.exists():
        assert process.poll() is None
        time.sleep(0.01)
    for line in iter(lambda: process.stderr.read(1), ""):  # the bar has begun: it trains
        if line == "%":
            break
    process.send_signal(number)
    said = process.stderr.read()
    assert process.wait() == 130
    run = dfa.Experiment.load(file)
    assert f"stopped at step {run.steps_done}; --resume" in said
    if run.steps_done < 20_000:  # not on a machine that is fast and late
        assert run.history.equals(whole(run.steps_done).history)
