"""What a user of the lowest versions sees: every plot, the figure, the report, the widgets and the commands work."""

import importlib
import importlib.metadata
from pathlib import Path

import pytest
from floors import lowest
from packaging.version import Version

import dfa_lab as dfa
from dfa_lab.cli import main

FLOORS = lowest()


@pytest.fixture(scope="module")
def run():
    made = dfa.Experiment(widths=(8, 8), probe_every=10, batch_size=16)
    made.train(30)
    made.change(rule="fa")
    made.train(10)
    return made


@pytest.mark.parametrize("name", FLOORS)
def test_these_are_the_lowest_versions(name):
    assert Version(importlib.metadata.version(name)) == Version(FLOORS[name])
    folder = Path(importlib.import_module(name.replace("-", "_")).__file__).parents[1]
    assert folder.name == ".lowest", "what is imported is what make test-lowest installed"


@pytest.mark.parametrize("plot", [dfa.alignmentplot, dfa.lossplot, dfa.accuracyplot, dfa.throughputplot])
def test_a_plot_is_drawn(run, plot):
    assert len(plot(run.history)._repr_png_()) > 1000


@pytest.mark.parametrize("view", dfa.VIEWS)
def test_a_view_of_a_step_is_drawn(run, view):
    drawn = dfa.VIEWS[view](run.snapshot())
    assert len(drawn._repr_png_()) > 1000


def test_the_figure_and_the_report(run, tmp_path):
    assert len(dfa.figure(run.history).data) > 3
    dfa.report(run.history, tmp_path / "report.html")


def test_the_explorer(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    explorer = dfa.Explorer(widths=(8,))
    explorer.act("play")
    explorer.act("save", kind="png")
    assert explorer.status()["error"] == ""
    assert explorer.experiment.steps_done == 200
    explorer.close()


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["lab", "--help"], ["serve", "--help"], ["bench", "--help"]], ids=str
)
def test_a_command_s_help(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert "Usage" in capsys.readouterr().out


def test_a_command_trains(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["train", "--widths", "8", "--steps", "5"])
    assert ended.value.code == 0
    assert "test_accuracy" in capsys.readouterr().out
