"""A class that writes its own parameters into a state and no more, as torch_geometric's Linear: feedback is there."""

import copy

import pytest
import torch
from torch import nn

import dfa_lab as dfa


class Own(nn.Linear):
    """A layer of a package: it saves by itself."""

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        for name, one in self._parameters.items():
            destination[f"{prefix}{name}"] = one if keep_vars else one.detach()


class Block(nn.Module):
    """A block, and so a feedback point, that does."""

    def __init__(self, width):
        super().__init__()
        self.linear = Own(width, 8)

    def forward(self, x):
        return torch.tanh(self.linear(x))

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        pass


def network(linear=Own):
    torch.manual_seed(0)
    return nn.Sequential(linear(4, 8), nn.ReLU(), linear(8, 8), nn.Tanh(), linear(8, 3))


X = torch.ones(5, 4)


@pytest.mark.parametrize("rule", ["fa", "kp", "brsf", "dfa", {"0": "bp", "*": "fa"}])
def test_the_state_is_that_of_plain_layers_and_loads(rule):
    plain, own = (dfa.convert(network(kind), rule, example=X) for kind in (nn.Linear, Own))
    assert set(own.state_dict()) == set(plain.state_dict())
    assert list(plain.state_dict()) == list(copy.deepcopy(plain).state_dict())
    again = dfa.convert(network(), rule, feedback_seed=5)
    again.load_state_dict(own.state_dict())
    assert all(torch.equal(one, again.state_dict()[name]) for name, one in own.state_dict().items())
    assert again.state_dict().keys() == own.state_dict().keys()


def test_a_point_of_such_a_class_inside_a_larger_module():
    made = [dfa.convert(nn.Sequential(Block(4), Block(8), nn.Linear(8, 3)), "dfa", points=["0", "1"]) for _ in range(2)]
    for net in made:
        net(X)
    dfa.set_feedback(made[0], {"0": torch.ones(3, 8)})
    first, second = (nn.ModuleDict({"inner": net}) for net in made)
    assert "inner.0.direct_output" in first.state_dict()
    second.load_state_dict(first.state_dict())
    assert torch.equal(made[1].state_dict()["0.direct_output"], torch.ones(3, 8))


def test_a_run_of_such_layers_goes_back_and_is_saved(tmp_path):
    task = dfa.Task.from_arrays(torch.randn(12, 4), torch.randint(0, 3, (12,)))
    run = dfa.Experiment(module=network(), task=task, rule="kp", batch_size=4)
    run.train(3)
    run.save(tmp_path / "run.safetensors")
    again = dfa.Experiment.load(tmp_path / "run.safetensors", module=network(), task=task)
    for one in (run, again):
        one.train(3)
    assert run.history.digest() == again.history.digest()
