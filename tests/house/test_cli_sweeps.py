"""dfa-lab sweep and compare: what a file asks for is trained, what is wrong in it is one error with the file's name."""

import json
import os
import signal

import numpy as np
import pandas as pd
import pytest

import dfa_lab as dfa
from command_line import run

FIRST = """
task = "moons"
widths = [8]
steps = 20
seeds = 2
metrics = ["test_accuracy", "test_loss"]

[grid]
rule = ["bp", "dfa"]
lr = [0.03, 0.1]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "first.toml"
    path.write_text(FIRST)
    return path


def test_a_file_is_the_sweep_that_the_same_call_makes(file, tmp_path, capsys):
    assert run("sweep", file, "--csv", tmp_path / "runs.csv") == 0
    out = capsys.readouterr().out
    grid = {"rule": ["bp", "dfa"], "lr": [0.03, 0.1]}
    metrics = ["test_accuracy", "test_loss"]
    expected = dfa.sweep(grid, seeds=2, steps=20, metrics=metrics, task="moons", widths=(8,), progress=False)
    written = pd.read_csv(tmp_path / "runs.csv")
    compared = ["rule", "lr", "seed", *metrics]
    pd.testing.assert_frame_equal(written[compared], expected[compared])
    assert [line.split()[:2] for line in out.splitlines()[1:5]] == [
        ["bp", "0.03"],
        ["bp", "0.1"],
        ["dfa", "0.03"],
        ["dfa", "0.1"],
    ]
    accuracy = expected[(expected.rule == "dfa") & (expected.lr == 0.1)].test_accuracy
    assert f"{accuracy.mean():.2f}" in out.splitlines()[4]


@pytest.mark.parametrize(
    ("folder", "table"),
    [("out", "out/t.csv"), ("a/b", "a/t.csv"), ("a/b", "a/b/t.csv"), ("out/", "out/../t.csv"), ("./out", "out/t.csv")],
)
@pytest.mark.parametrize("said_in_file", [False, True])
def test_a_table_may_be_in_a_folder_that_the_sweep_makes(file, tmp_path, monkeypatch, folder, table, said_in_file):
    monkeypatch.chdir(tmp_path)
    if said_in_file:
        file.write_text(f'folder = "{folder}"\n{FIRST}')
    assert run("sweep", file, "--csv", table, *([] if said_in_file else ["--folder", folder])) == 0
    assert len(pd.read_csv(tmp_path / table)) == 8


@pytest.mark.parametrize("table", ["other/t.csv", "out/deeper/t.csv", "out2/t.csv", "~nobody-of-that-name/t.csv"])
def test_a_table_in_a_folder_that_nothing_makes_is_an_error_before_the_training(
    file, tmp_path, monkeypatch, table, capsys
):
    monkeypatch.chdir(tmp_path)
    assert run("sweep", file, "--folder", "out", "--csv", table) == 2
    assert "--csv cannot write to" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


FAILING = FIRST.replace("0.03", "1e6").replace("steps = 20", "steps = 20\nweight_decay = 1.0")


def test_a_table_is_not_written_in_a_pipes_place_and_that_is_said_before_the_training(file, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    assert run("sweep", file, "--csv", tmp_path / "pipe") == 2
    out, err = capsys.readouterr()
    assert "--csv cannot write to" in err
    assert "it is a pipe or a device" in err
    assert out == ""
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("kept", [None, "--csv", "--folder"])
def test_runs_that_fail_are_an_exit_code_and_a_line_that_says_where_their_errors_are(kept, tmp_path, capsys):
    path, place = tmp_path / "fails.toml", tmp_path / "kept"
    path.write_text(FAILING)
    assert run("sweep", path, *([] if kept is None else [kept, place])) == 1
    out, err = capsys.readouterr()
    assert [line.split()[:3] for line in out.splitlines()[2:5:2]] == [["bp", "0.1", "2"], ["dfa", "0.1", "2"]]
    said = err.splitlines()[-1]
    assert said.startswith("dfa-lab: 4 of 8 runs failed; ")
    if kept == "--csv":
        assert said.endswith(f"column error of {place}.")
        assert pd.read_csv(place)["error"].notna().sum() == 4
    elif kept:
        assert f"{place}/runs/*.failed.json" in said
        assert len(list(place.glob("runs/*.failed.json"))) == 4
    else:
        assert "--csv or --folder" in said


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("folder", [False, True])
def test_what_stops_it_prints_and_writes_what_is_done(folder, ending, file, tmp_path, capsys, monkeypatch):
    """Ctrl-C, or a scheduler."""

    def train(*given):
        if train.calls:
            signal.raise_signal(ending)
        train.calls.append(given)
        return real(*given)

    train.calls, real = [], dfa.experiment.jobs.execution.do_job
    monkeypatch.setattr("dfa_lab.experiment.jobs.execution.do_job", train)
    place = ["--folder", tmp_path / "kept"] if folder else []
    assert run("sweep", file, "--csv", tmp_path / "runs.csv", *place) == 130
    out, err = capsys.readouterr()
    assert "4 of 8 runs are done" in err.splitlines()[-1]
    assert ("goes on" in err) == folder
    assert len(out.splitlines()) == 1 + 2 + 1
    assert out.splitlines()[-1] == "4 of the sweep's 8 runs not trained yet."
    assert "failed" not in out
    assert pd.read_csv(tmp_path / "runs.csv")["error"].isna().sum() == 4


def test_choices_with_parameters_and_several_grids_come_from_a_file(tmp_path, capsys):
    path = tmp_path / "two.toml"
    first = FIRST[: FIRST.index("[grid]")]
    inits = 'feedback_init = ["uniform", {name = "aligned", angle = 45}]'
    path.write_text(f'{first}[[grid]]\nrule = ["bp"]\n[[grid]]\nrule = ["dfa"]\n{inits}\n')
    assert run("sweep", path) == 0
    assert "aligned, angle 45" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = [", "is not TOML"),
        ("\udcff", "is not TOML"),
        ("steps = 20", "there is no grid; expected steps = 1000"),
        ("[grid]\nlr = [0.1]", "there is no steps"),
        ("[grid]\nlr = [0.1]\nsteps = 5", "there is no steps, but one under [grid]: move it above; expected"),
        ("grid = 3\nsteps = 4", "grid was given as 3"),
        ("grid = []\nsteps = 4", "grid was given as []"),
        (FIRST.replace("steps", "step"), "no argument or setting of a sweep called 'step'"),
        (FIRST.replace("widths", "width"), "Did you mean 'widths'"),
        (FIRST.replace("steps = 20", "steps = -1"), "steps was given as -1"),
        (FIRST.replace("steps = 20", "steps = 20.5"), "steps was given as 20.5"),
        (FIRST.replace("seeds = 2", 'seeds = "two"'), "seeds was given as 'two'"),
        (FIRST.replace("dfa", "dfaa"), "Did you mean 'dfa'"),
        (FIRST.replace("moons", "moon"), "Did you mean 'moons'"),
        (FIRST.replace("0.03", "-1"), "lr was given as -1"),
        (FIRST.replace("lr =", "lrr ="), "lrr"),
        (FIRST.replace("test_loss", "tests_loss"), "Did you mean 'test_loss'"),
        ("folder = 3\n" + FIRST, "folder was given as 3"),
        ('on_error = "no"\n' + FIRST, "on_error was given as 'no'"),
        (FIRST + "seed = [1, 2]", "seed"),
        ("replicas = 3\n" + FIRST, "replicas"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_name(text, words, tmp_path, capsys):
    path = tmp_path / "wrong.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert run("sweep", path) == 2
    err = capsys.readouterr().err
    assert words in err
    assert str(path) in err
    assert "Traceback" not in err


def test_a_table_that_cannot_be_written_is_said_before_the_training(file, tmp_path, capsys):
    assert run("sweep", file, "--csv", tmp_path / "nothing" / "runs.csv") == 2
    out, err = capsys.readouterr()
    assert f"there is no folder '{tmp_path / 'nothing'}'" in err
    assert out == ""


def test_files_that_cannot_be_read(tmp_path, capsys):
    for path in (tmp_path, tmp_path / "nothing.toml"):
        for arguments in (["sweep", path], ["compare", path / "a", path / "b"]):
            assert run(*arguments) == 2
            err = capsys.readouterr().err
            assert "cannot be read" in err
            assert str(path) in err


def test_several_mistakes_are_one_error(tmp_path, capsys):
    path = tmp_path / "wrong.toml"
    path.write_text(FIRST.replace("0.03", "-1").replace('"bp"', '"pb"'))
    assert run("sweep", path) == 2
    err = capsys.readouterr().err
    assert "-1" in err
    assert "'pb'" in err


def test_wrong_names_and_wrong_values_are_one_error(tmp_path, capsys):
    path, text = (
        tmp_path / "wrong.toml",
        FIRST.replace("widths", "width").replace("0.03", "-1").replace("lr =", "lrr ="),
    )
    text = (
        text.replace("test_loss", "tests_loss")
        .replace("seeds = 2", 'seeds = "two"\nmomentum = 7')
        .replace("steps", "stesp")
    )
    path.write_text(text)
    assert run("sweep", path) == 2
    err = capsys.readouterr().err
    for one in (
        "'width'",
        "'stesp'",
        "there is no steps",
        "'tests_loss'",
        "'lrr'",
        "seeds was given as 'two'",
        "momentum",
    ):
        assert one in err


@pytest.mark.parametrize("suffix", ["safetensors", "json", "st", "safetensors.json", "json.safetensors"])
def test_compare_takes_saved_runs_and_histories(suffix, tmp_path, capsys):
    paths = []
    for rule in ("dfa", "bp"):
        experiment = dfa.Experiment(task="moons", widths=(8,), rule=rule)
        experiment.train(20)
        paths.append(tmp_path / f"{rule}.{suffix}")
        if suffix.startswith("json"):
            paths[-1].write_text(experiment.history.to_json())
        else:
            experiment.save(paths[-1])
    assert run("compare", *paths, "--metric", "train_loss") == 0
    out = capsys.readouterr().out
    assert [line.split() for line in out.splitlines() if line.startswith("rule")] == [["rule", "dfa", "bp"]]
    assert "training loss" in out
    assert f"{experiment.history.last('train_loss'):.3f} (1)" in out
    assert run("compare", *paths, "--metric", "train_los") == 2
    assert "Did you mean 'train_loss'" in capsys.readouterr().err


@pytest.mark.parametrize("replicas", [None, 2])
def test_compare_says_of_saved_runs_what_they_reach_at_their_last_step(replicas, tmp_path, capsys):
    run_, path = dfa.Experiment(task="moons", widths=(8,), replicas=replicas, lr=0.5), tmp_path / "run"
    for _ in range(7):
        run_.step()
    assert run_.history.newest("test_loss")[0] < 7
    run_.save(path)
    assert run("compare", path, path) == 0
    out = capsys.readouterr().out
    assert [line.split() for line in out.splitlines() if line.startswith("runs")] == [
        ["runs", *[str(replicas or 1)] * 2]
    ]
    assert "at step" not in out
    shown = float(out.split("test loss")[1].splitlines()[2].split()[0])
    assert shown == pytest.approx(np.mean(run_.evaluate()["test_loss"]), abs=0.006)
    assert shown != pytest.approx(np.mean(run_.history.last("test_loss")), abs=0.006)
    command = ["train", "--resume", path, "--steps", "7", "--json"]
    assert run(*command) == 0
    assert shown == pytest.approx(np.mean(json.loads(capsys.readouterr().out)["test_loss"]), abs=0.006)


#: The first bytes of safetensors: the length of their header, and its bracket.
HEAD = (300).to_bytes(8, "little") + b'{"__metadata__'


def test_compare_says_which_file_is_none(tmp_path, capsys):
    for name, content in (
        ("text.json", b"hello"),
        ("bytes.json", b"\xff\xfe\xff"),
        ("run.safetensors", b"hello"),
        ("cut", HEAD),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        assert run("compare", path, path) == 2
        err = capsys.readouterr().err
        assert name in err
        assert "Traceback" not in err


def test_a_scheduler_needs_dask(file, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    assert run("sweep", file, "--scheduler", "tcp://127.0.0.1:1") == 2
    assert "dfa-lab[cluster]" in capsys.readouterr().err


def test_the_home_in_a_files_folder_is_the_users(file, tmp_path, monkeypatch, capsys):
    from dfa_lab.cli.sweeps import _arguments_of

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    file.write_text('folder = "~/kept"\n' + FIRST)
    assert _arguments_of(file)["folder"] == tmp_path / "home" / "kept"
    file.write_text('folder = "kept"\n' + FIRST)
    assert _arguments_of(file)["folder"] == tmp_path / "kept"
    file.write_text('folder = "~nobody-of-this-name/kept"\n' + FIRST)
    assert run("sweep", file) == 2
    assert "folder was given as '~nobody-of-this-name/kept'" in capsys.readouterr().err
