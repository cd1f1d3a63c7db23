"""Buffers that no state_dict has, and extra state of any kind: files, forks and what is taken back hold them too."""

import threading

import pytest
import torch
from torch import nn

import dfa_lab as dfa
from dfa_lab.experiment.checkpoints import checkpoint_bytes, read_checkpoint
from resumed import SMALL, assert_same, resumed

TRAINING = {name: value for name, value in SMALL.items() if name != "widths"}


class Counting(nn.Sequential):
    """Scales its output by how often it was trained: by a buffer, one replaced, one that comes and grows later."""

    def __init__(self):
        super().__init__(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 2))
        self.register_buffer("seen", torch.tensor(0.0), persistent=False)
        self.register_buffer("replaced", torch.tensor(0.0), persistent=False)
        self.register_buffer("grown", None, persistent=False)
        self.register_buffer("spread", torch.ones(1).expand(3), persistent=False)
        self.register_buffer("sparse", torch.eye(2).to_sparse(), persistent=False)

    def forward(self, x):
        if self.training:
            self.seen += 1
            self.replaced = self.replaced + 1
            self.grown = torch.ones(1 if self.grown is None else min(len(self.grown) + 1, 30))
            self.spread = self.seen.expand(3)
        grown = 0 if self.grown is None else len(self.grown)
        return super().forward(x) / (1 + (self.seen + self.replaced + grown + self.spread.sum()) / 50)


class Extra(nn.Sequential):
    """The same by extra state, whose very objects it keeps when they are given back."""

    def __init__(self, extra=None):
        super().__init__(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 2))
        self.extra = {"seen": 0, "kinds": ["a", 2.5, None], 3: torch.zeros(2)} if extra is None else extra

    def get_extra_state(self):
        return self.extra

    def set_extra_state(self, state):
        self.extra = state

    def forward(self, x):
        if self.training:
            self.extra["seen"] += 1
            self.extra[3] += 1
        return super().forward(x) / (1 + (self.extra["seen"] + self.extra[3].sum()) / 50)


def plain():
    return nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 2))


def seeded(make):
    torch.manual_seed(0)
    return make()


def numbers(run):
    return [one.clone() for one in run.net.parameters()]


@pytest.mark.parametrize("make", [Counting, Extra])
def test_what_no_weight_says_is_in_files_forks_and_undos(make, tmp_path):
    whole = dfa.Experiment(module=seeded(make), **TRAINING)
    whole.train(40)
    run = dfa.Experiment(module=seeded(make), **TRAINING)
    run.train(20)
    other, fork = resumed(run, tmp_path, module=seeded(make)), run.fork()
    for one in (run, other, fork):
        one.train(20)
        assert all(map(torch.equal, numbers(one), numbers(whole)))
    other.reset()
    other.train(40)
    assert all(map(torch.equal, numbers(other), numbers(whole)))
    assert run.net.state_dict().keys() - make().state_dict().keys() == {"1.direct_output"}


@pytest.mark.parametrize("make", [Counting, Extra])
def test_what_is_taken_back_takes_them_back(make):
    run, whole = (dfa.Experiment(module=seeded(make), **TRAINING) for _ in range(2))
    run.train(7), whole.train(7)

    def fail():
        with run.restored_on_error():
            run.train(5)
            raise ZeroDivisionError

    for _ in range(2):  # what was gone back to is not trained with
        state = run.state()
        run.train(4)
        run.trainer.restore(state, history=True)
        with pytest.raises(ZeroDivisionError):
            fail()
    run.train(9), whole.train(9)
    assert all(map(torch.equal, numbers(run), numbers(whole)))


def test_the_buffers_that_a_run_began_with_are_in_the_file(tmp_path):
    module = seeded(Counting)
    module.seen += 100
    run = dfa.Experiment(module=module, **TRAINING)
    other = resumed(run, tmp_path, module=seeded(Counting))
    for one in (run, other):
        one.reset()
        one.train(3)
    assert all(map(torch.equal, numbers(run), numbers(other)))


def test_a_file_from_before_there_were_buffers_in_it_is_loaded(tmp_path):
    run = dfa.Experiment(module=seeded(plain), **TRAINING)
    document, tensors = read_checkpoint(run.save(tmp_path / "run.safetensors"))
    assert "buffers" not in document["checkpoint"]["learner"]
    assert document["module"].pop("buffers") == {}
    (tmp_path / "old").write_bytes(checkpoint_bytes(document, tensors, "old"))
    other = dfa.Experiment.load(tmp_path / "old", module=seeded(plain))
    run.train(5), other.train(5)
    assert_same(run, other)


def test_extra_state_that_no_file_holds_or_that_has_no_copy_is_an_error(tmp_path):
    extra = {"seen": 0, 3: torch.zeros(2)}
    run = dfa.Experiment(module=Extra({**extra, "of": {1, 2}}), **TRAINING)
    with pytest.raises(dfa.DfaLabError, match=r"net\._extra_state\.of is \{1, 2\}, which no file can hold"):
        run.save(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
    run = dfa.Experiment(module=Extra(dict(extra)), **TRAINING)
    run.net.extra["of"] = threading.Lock()
    with pytest.raises(dfa.DfaLabError, match=r"state _extra_state is a dict that cannot be copied .*expected tensors"):
        run.save(tmp_path / "run")
