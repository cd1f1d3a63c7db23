"""How a sweep trains its runs: hidden weights by columns where that is faster, and denormal numbers as 0 meanwhile."""

import pytest
import torch

import dfa_lab as dfa
from dfa_lab.experiment.jobs import side_by_side
from dfa_lab.experiment.jobs.denormals import are_zero, denormals_as_zero
from dfa_lab.experiment.run import Trainer

SMALL = {"task": "moons", "widths": (8, 6), "batch_size": 16}


@pytest.fixture
def switch():
    if not torch.set_flush_denormal(False):
        pytest.skip("this processor cannot count denormal numbers as 0")
    yield torch.set_flush_denormal
    torch.set_flush_denormal(False)


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_denormals_are_zero_within_and_as_before_after_it(switch, dtype, before):
    def fail():
        assert are_zero()
        raise KeyError

    switch(before)
    torch.set_default_dtype(dtype)
    try:
        with pytest.raises(KeyError), denormals_as_zero():
            fail()
        assert are_zero() is before
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_group_counts_them_as_zero_and_its_caller_does_not(switch, monkeypatch, threads):
    """With more threads it does not: they would keep the switch."""
    seen, train = [], side_by_side._steps

    def steps(trainer, *given, **named):
        seen.append((are_zero(), trainer.learner.net.weights[0].is_contiguous()))
        return train(trainer, *given, **named)

    monkeypatch.setattr(side_by_side, "_steps", steps)
    frame = dfa.sweep({"lr": [0.1]}, seeds=2, steps=9, executor=1, progress=False, threads=threads, **SMALL)
    assert frame.error.isna().all()
    assert set(seen) == {(threads == 1, False)}
    assert not are_zero()


@pytest.mark.parametrize(
    ("others", "columns"),
    [({"replicas": 2}, True), ({}, False), ({"replicas": 2, "momentum": 0.9}, False),
     ({"replicas": 2, "optimizer": "adam"}, False)],
)  # fmt: skip
def test_only_replicas_of_plain_sgd_are_laid_out_by_columns(others, columns):
    run = dfa.Experiment(**SMALL, **others)
    twin = dfa.Experiment(**SMALL, **others)
    with run.held() as trainer:
        assert isinstance(trainer, Trainer)
        before = [weight.clone() for weight in trainer.learner.net.weights]
        trainer.learner.lay_out()
        assert all(torch.equal(one, two) for one, two in zip(before, trainer.learner.net.weights, strict=True))
        assert [weight.is_contiguous() for weight in trainer.learner.net.weights] == [not columns] * 2 + [True]
    for one in (run, twin):
        one.train(30)
    for one, two in zip(run.net.weights, twin.net.weights, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)
