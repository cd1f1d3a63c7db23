"""A change touches what it changes, and checks and parses that once, from the command to the step."""

import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
import torch

import dfa_lab as dfa
from dfa_lab.experiment.run.trainer import Trainer
from dfa_lab.experiment.settings import Settings
from dfa_lab.learning.activations import parser
from dfa_lab.learning.feedback import sampling
from dfa_lab.learning.mlp import Stepper

FAST = {"task": "moons", "widths": (8, 8), "batch_size": 8, "probe_every": 20}
ROOT = Path(dfa.__file__).parent


@pytest.fixture
def runner():
    made = dfa.Runner(dfa.Experiment(**FAST, activation_derivative="1 - tanh(x)**2 / 7"), threaded=False)
    made.experiment.train(30)
    made.measure()  # so that at rest nothing is left to measure
    return made


@pytest.fixture
def counted(monkeypatch):
    """How often each of some functions was called in this thread: what another test left behind does not count."""
    calls, here = Counter(), threading.get_ident()

    def count(where, name, label):
        original = getattr(where, name)

        def counting(*given, **named):
            if threading.get_ident() == here:
                calls[label] += 1
            return original(*given, **named)

        monkeypatch.setattr(where, name, counting)

    count(parser._Parser, "__init__", "parsed")
    count(Settings, "__init__", "checked")
    count(sampling, "draw_matrix", "drawn")
    count(type(dfa.RULES), "split", "rule looked up")
    count(type(dfa.DERIVATIVES), "split", "derivative looked up")
    count(Stepper, "__init__", "built")
    count(torch.Tensor, "clone", "copied")
    return calls


def step(runner):
    """The next step; what it measures is no part of it."""
    runner.experiment.trainer.pending.probe = False
    runner.experiment.step()


@pytest.mark.parametrize("text", ["x * 0 + 0.25", "where(x > 0, 1, 0.5)"])
def test_a_text_is_parsed_once_from_the_command_to_the_step(runner, counted, text):
    parser_calls = counted["parsed"]
    runner.change(activation_derivative=text)
    step(runner)
    assert counted["parsed"] - parser_calls == 1
    assert counted["checked"] == 1
    assert runner.experiment.settings.activation_derivative == text
    runner.change(batch_size=5, lr=0.2)  # the text stays, and nobody reads it again
    runner.undo()
    step(runner)
    assert counted["parsed"] - parser_calls == 1


@pytest.mark.parametrize(
    "fields", [{"batch_size": 16}, {"record_every": 3}, {"probe_size": 9}, {"probe_every": 7}], ids=str
)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_what_is_not_the_networks_leaves_the_network_alone(runner, counted, monkeypatch, fields, optimizer):
    if optimizer != "sgd":
        runner.change(optimizer=optimizer)
        step(runner)
    learner = runner.experiment.trainer.learner
    before = learner.optimizer, learner.layers, learner._step
    monkeypatch.setattr(Trainer, "measure_by_hand", lambda _: None)  # a new probe is measured at rest
    counted.clear()
    runner.change(**fields)
    assert counted == {"checked": 1}
    assert (learner.optimizer, learner.layers, learner._step) == before
    assert learner.settings is runner.experiment.settings


def test_a_rate_draws_and_resolves_nothing(runner, counted):
    runner.change(lr=0.01)
    assert not counted.keys() & {"parsed", "drawn", "rule looked up", "copied"}
    assert counted["checked"] == 1


def files_passed(action):
    """Files of dfa_lab whose functions run in ``action``."""
    found = set()

    def note(frame, event, argument):
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(str(ROOT)) and not frame.f_code.co_name.startswith("<"):
            found.add(str(Path(name).relative_to(ROOT)))

    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
    return sorted(found)


def test_a_change_of_batch_size_passes_few_files(runner):
    files = files_passed(lambda: runner.change(batch_size=32))
    assert len(files) <= 24, files  # three of them look after Ctrl-C, errors in a step, and forked processes
