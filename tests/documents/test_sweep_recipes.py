"""The recipes for Optuna, trackers of experiments and clusters, run against the packages where they are installed."""

import contextlib
import json
import sqlite3
import warnings

import pytest
from test_docs import blocks

import dfa_lab as dfa
from places import ROOT

PARTS = {part.splitlines()[0]: part for part in (ROOT / "docs" / "recipes.md").read_text().split("\n## ")[1:]}


def needed(package):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(package, reason=f"{package} is not installed, and dfa_lab does not need it")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Runs the code of a part in a folder of its own; gives the names."""
    monkeypatch.chdir(tmp_path)
    for name in ("WANDB_DIR", "TRACKIO_DIR", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def run(part, change=lambda code: code):
        names = {}
        for code in blocks(PARTS[part]):
            exec(compile(change(code), "recipes.md", "exec"), names)
        return names

    return run


def test_every_part_is_tried_somewhere():
    named = {"Hugging Face's Trainer", "Lightning", "Optuna", "TensorBoard", "Weights & Biases", "trackio"}
    assert set(PARTS) == named


@pytest.mark.slow
def test_optunas_lines_find_settings_by_sweeps(here):
    optuna = needed("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names = here("Optuna")
    study, frame, trials = names["study"], names["frame"], names["trials"]
    assert len(study.trials) == 18
    assert all(trial.state.is_finished() for trial in study.trials)
    for trial in trials:
        told = study.trials[trial.number]
        mine = frame[(frame.lr == told.params["lr"]) & (frame.feedback_scale == told.params["feedback_scale"])]
        assert mine.rule.unique().tolist() == [told.params["rule"]]
        assert told.value == pytest.approx(mine.test_accuracy.mean())
    assert study.best_value > 0.8
    assert len(names["pruned"].trials) == 8


@pytest.mark.slow
def test_a_trial_whose_runs_failed_is_said_to_have_failed(here, monkeypatch):
    optuna = needed("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    whole = dfa.sweep

    def sweep(*arguments, **options):
        frame = whole(*arguments, **options)
        frame.loc[0, "test_accuracy"] = float("nan")  # as of a run that diverged
        return frame

    monkeypatch.setattr(dfa, "sweep", sweep, raising=False)
    names = here("Optuna", lambda code: "" if "objective" in code else code)
    states = [trial.state for trial in names["study"].trials]
    assert [state.name for state in states].count("FAIL") == 3


def recorded(history):
    """Name -> step -> value, of all that a history holds."""
    found = {}
    for metric, layer in history.series:
        name = metric if layer is None else f"{metric}/{layer}"
        steps, values = history.values(metric, layer)
        found[name] = dict(zip(steps.tolist(), values.mean(axis=1).tolist(), strict=True))
    return found


@pytest.mark.slow
def test_tensorboard_has_every_number(here, tmp_path):
    needed("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    expected = recorded(here("TensorBoard")["run"].history)
    written = EventAccumulator(str(tmp_path / "logs" / "dfa"))
    written.Reload()
    assert "train_loss" in written.Tags()["scalars"]
    for name in written.Tags()["scalars"]:
        for event in written.Scalars(name):
            assert event.value == pytest.approx(expected[name][event.step], rel=1e-6, nan_ok=True)
    assert len(written.Scalars("train_loss")) == len(expected["train_loss"]) == 50


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_wandb_has_every_number(here, tmp_path):
    wandb = needed("wandb")
    given = {}
    log = wandb.Run.log

    def kept(self, data, step=None, **more):
        given.setdefault(step, {}).update(data)
        return log(self, data, step=step, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wandb.Run, "log", kept)
        names = here("Weights & Biases")
    expected = recorded(names["run"].history)
    assert len([step for step in given if "train_loss" in given[step]]) == 50
    for step, data in given.items():
        for name, value in data.items():
            assert value == pytest.approx(expected[name][step], nan_ok=True)
    assert list((tmp_path / "WANDB_DIR" / "wandb").glob("offline-run-*/*.wandb"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_trackio_has_every_number(here, tmp_path):
    needed("trackio")
    expected = recorded(here("trackio")["run"].history)["train_loss"]
    (base,) = [path for path in (tmp_path / "TRACKIO_DIR").rglob("*.db") if "dfa" in path.name]
    with sqlite3.connect(base) as connection:
        rows = connection.execute("select step, metrics from metrics").fetchall()
    found = {step: json.loads(text)["train_loss"] for step, text in rows if "train_loss" in json.loads(text)}
    assert found == pytest.approx(expected)


SCALING = (ROOT / "docs" / "scaling.md").read_text()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_lines_for_slurm_ask_for_jobs_and_train_the_sweep(tmp_path, monkeypatch):
    """The job is the one that Slurm would be given; workers of this process stand in for it."""
    jobqueue, distributed = needed("dask_jobqueue"), needed("distributed")
    monkeypatch.chdir(tmp_path)
    (code,) = blocks(SCALING)
    asked = []

    class Cluster(distributed.LocalCluster):
        def scale(self, jobs):
            asked.append(jobs)
            super().scale(jobs)

    def cluster(**options):
        with jobqueue.SLURMCluster(**options) as slurm:
            asked.append(slurm.job_script())
        return Cluster(n_workers=0, threads_per_worker=1, processes=False, dashboard_address=None)

    names = {"SLURMCluster": cluster}
    exec(compile(code.replace("from dask_jobqueue import SLURMCluster\n", ""), "scaling.md", "exec"), names)
    assert "#SBATCH -t 02:00:00" in asked[0]
    assert "export OMP_NUM_THREADS=1" in asked[0]
    assert asked[1] == 2
    frame = names["frame"]
    assert len(dfa.load_sweep("sweeps/slurm")) == 8
    here = dfa.sweep({"lr": [0.03, 0.1]}, seeds=4, steps=100, task="moons", executor=1, progress=False)
    assert frame.drop(columns="seconds").equals(here.drop(columns="seconds"))


@pytest.mark.slow
def test_a_scheduler_by_its_address_trains_the_sweep_of_a_file(tmp_path, capsys):
    distributed = needed("distributed")
    from dfa_lab.cli import main

    path = tmp_path / "first.toml"
    path.write_text('task = "moons"\nwidths = [8]\nsteps = 20\nseeds = 2\n[grid]\nrule = ["bp", "dfa"]\n')
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        arguments = ["sweep", str(path), "--scheduler", cluster.scheduler_address, "--folder", str(tmp_path / "kept")]
        with contextlib.suppress(SystemExit):
            main(arguments)
    assert "dfa" in capsys.readouterr().out
    frame = dfa.load_sweep(tmp_path / "kept")
    here = dfa.sweep({"rule": ["bp", "dfa"]}, seeds=2, steps=20, task="moons", widths=(8,), executor=1, progress=False)
    assert frame.error.isna().all()
    assert frame.drop(columns="seconds").equals(here.drop(columns="seconds"))
