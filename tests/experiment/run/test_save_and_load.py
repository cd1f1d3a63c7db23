"""A run that was saved and loaded goes on as the one that was not, to the last bit."""

import pytest
import torch

import dfa_lab as dfa
from runs import FAST


def resumed(run, tmp_path, **given):
    """The same run, from a file."""
    return dfa.Experiment.load(run.save(tmp_path / "run.safetensors"), **given)


def tensors_of(run):
    """Every tensor that the run goes on with, by name."""
    state = run.state()
    found = {f"net.{name}": one for name, one in state.learner.net.items()}
    for number, own in (state.learner.optimizer or {"state": {}})["state"].items():
        found |= {f"optimizer.{number}.{name}": one for name, one in own.items() if isinstance(one, torch.Tensor)}
    found |= {f"random.{number}": one for number, one in enumerate((*state.learner.random, *state.streams.generators))}
    return found | {"permutations": state.streams.permutations, "place": torch.tensor(state.streams.place)}


def assert_same(one, other):
    """Both stand at the same place, with the same record, to the last bit."""
    assert one.history.equals(other.history)
    assert one.history.digest() == other.history.digest()
    assert one.settings == other.settings
    assert one.here == other.here
    first, second = tensors_of(one), tensors_of(other)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def go_on(run):
    """Training across an epoch's end, with changes of every kind, and a change taken back."""
    run.train(7)
    run.change(lr=0.02, batch_size=50)
    run.train(40)
    run.undo()
    run.change(rule="kp", feedback_scale=0.5)
    run.train(13)
    run.undo()
    run.train(5)
    return run


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "rmsprop"])
@pytest.mark.parametrize("rule", dfa.RULES)
def test_every_rule_under_every_optimizer_goes_on_from_the_middle_of_an_epoch(rule, optimizer, tmp_path):
    how = {"optimizer": "sgd", "momentum": 0.9} if optimizer == "momentum" else {"optimizer": optimizer}
    run = dfa.Experiment(task="digits", rule=rule, **{**FAST, "widths": (16, 12)}, **how, lr=0.01)
    run.train(23)
    run.change(feedback_seed=3, weight_decay=1e-3)
    run.train(10)
    other = resumed(run, tmp_path)
    assert_same(run, other)
    assert_same(go_on(run), go_on(other))
