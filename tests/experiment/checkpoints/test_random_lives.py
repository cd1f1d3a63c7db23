"""Runs of random lives, saved at a random moment: what is done to both afterwards, errors too, leaves them the same."""

import random
import threading

import pytest
import torch

import dfa_lab as dfa
from killed_runs import module
from resumed import SMALL, assert_same, resumed

pytestmark = pytest.mark.slow

VALUES = {
    "rule": [*dfa.RULES, {"name": "kp", "decay": 0.02}, {"name": "ldfa", "rank": 1}],
    "lr": [0.01, 0.3, 5.0, 1e4],
    "batch_size": [1, 7, 40, 300],
    "optimizer": ["sgd", "adam", "rmsprop"],
    "momentum": [0.0, 0.9],
    "weight_decay": [0.0, 1e-3],
    "feedback_seed": range(9),
    "feedback_init": ["uniform", "orthogonal", "transpose", {"name": "aligned", "angle": 30}],
    "feedback_scale": [0.5, -1.0, 0.0],
    "activation_derivative": ["exact", "step", "1 - tanh(x)**2"],
    "probe_every": [None, 0, 3, 20],
    "record_every": [1, 3, 10],
}
DEEDS = {
    "train": lambda run, dice: run.train(dice.choice([1, 2, 5, 13])),
    "change": lambda run, dice: run.change(**{(one := dice.choice(list(VALUES))): dice.choice(VALUES[one])}),
    "undo": lambda run, dice: run.undo(),
    "measure": lambda run, dice: run.measure(),
    "references": lambda run, dice: run.references(),
    "reset": lambda run, dice: run.reset(lr=dice.choice([0.01, 0.1])),
}
OFTEN = [5, 5, 1, 1, 0.3, 0.3]


def live(run, seed, deeds):
    """Do so many random things to ``run``; gives the errors there were, such as that it diverged."""
    dice, errors = random.Random(seed), []
    for deed in dice.choices(list(DEEDS), OFTEN, k=deeds):
        try:
            DEEDS[deed](run, dice)
        except dfa.DfaLabError as error:
            errors.append(str(error))
    return errors


@pytest.mark.parametrize("seed", range(12))
def test_a_run_that_was_saved_somewhere_in_its_life_lives_on_as_the_other(seed, tmp_path):
    given = {} if seed % 3 else {"module": module()}
    own = {**SMALL, **([{}, {"replicas": 2}, {}][seed % 3])}
    run = dfa.Experiment(**{name: value for name, value in own.items() if seed % 3 or name != "widths"}, **given)
    live(run, seed, seed)
    torch.manual_seed(seed)
    other = resumed(run, tmp_path, **({"module": module()} if given else {}))
    assert_same(run, other)
    assert live(run, 100 + seed, 12) == live(other, 100 + seed, 12)
    assert_same(run, other)


def test_files_that_another_thread_writes_while_a_run_trains_are_whole_runs(tmp_path):
    run, ended, files = dfa.Experiment(**SMALL, rule="kp", optimizer="adam"), threading.Event(), []

    def keep():
        while not ended.is_set():
            files.append(run.save(tmp_path / f"{len(files)}.safetensors"))

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    for _ in range(20):
        run.train(5)
        run.change(lr=0.01 if run.settings.lr > 0.01 else 0.02)
        run.change(rule="fa" if run.settings.rule == "kp" else "kp", batch_size=run.settings.batch_size + 1)
    ended.set()
    thread.join()
    assert len(files) > 1
    for path in files[:: max(1, len(files) // 8)]:
        other = dfa.Experiment.load(path)
        for step, fields in run.history.changes()[len(other.history.changes()) :]:
            other.train(step - other.steps_done)
            other.change(**fields)
        assert other.history.equals(run.history)
        assert other.settings == run.settings
