"""Every rule by every way torch offers to differentiate a network, against the plain eager gradients."""

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import dfa_lab as dfa
from places import TESTS
from ways import WAYS, compiled, eager, network

RULES = list(dfa.RULES)


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """Rule and rank to the gradients under DistributedDataParallel (gloo), from one start of two processes."""
    folder = tmp_path_factory.mktemp("gloo")
    command = [sys.executable, str(TESTS / "ways.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    return lambda rule, rank: torch.load(folder / f"{rule}.{rank}", weights_only=True)


def close(way, rule):
    """How close: autocast computes in bfloat16, and sDFA hears a sign, which rounding may turn."""
    if way != "autocast":
        return 1e-9
    return 0.5 if rule == "sdfa" else 0.1


def assert_close(found, wanted, share):
    assert found.keys() == wanted.keys()
    for name, one in wanted.items():
        assert (found[name] - one).norm() <= share * one.norm() + 1e-12, name


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("way", WAYS)
def test_gradients_are_the_eager_ones(way, rule):
    torch._dynamo.reset()
    net, x, t = network(rule, torch.float32 if way == "autocast" else torch.float64)
    wanted = eager(net, x, t)
    if dfa.RULES[rule].listens and "func" in way:
        with pytest.raises(dfa.DfaLabError, match=r"torch\.func lets nothing out"):
            WAYS[way](net, x, t)
        return
    assert_close(WAYS[way](net, x, t), wanted, close(way, rule))
    hidden = [one.norm() > 0 for name, one in wanted.items() if name.startswith("first") and name.endswith("weight")]
    assert hidden == [rule != "shallow"]


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_two_processes_give_the_gradients_of_the_whole_batch(two_processes, rule):
    wanted = eager(*network(rule))
    for rank in range(2):
        assert_close(two_processes(rule, rank), wanted, 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_checkpoints_are_compiled(rule):
    torch._dynamo.reset()
    net, x, t = network(rule)
    wanted = eager(net, x, t)
    net.checkpointed = True
    assert_close(compiled(net, x, t), wanted, 1e-9)


def test_a_reentrant_checkpoint_behind_a_point_says_that_nothing_learns_there():
    class Behind(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Sequential(nn.Linear(6, 8), nn.Tanh())
            self.rest = nn.Sequential(nn.Linear(8, 7), nn.Tanh(), nn.Linear(7, 5))

        def forward(self, x):
            return checkpoint(self.rest, self.first(x), use_reentrant=True)

    net = dfa.convert(Behind(), "dfa", points=["first.1"])
    with pytest.warns(UserWarning, match=r"nothing after feedback point 'first\.1' gets a gradient"):
        net(torch.randn(4, 6)).sum().backward()
    assert net.first[0].weight.grad is not None
    assert net.rest[0].weight.grad is None
