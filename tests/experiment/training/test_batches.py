"""Batches gathered ahead are the batches of their indices."""

import numpy as np
import pytest
import torch

import dfa_lab as dfa
from dfa_lab.experiment.training import batches as batches_module
from dfa_lab.experiment.training.batches import Batches, IndexStreams
from dfa_lab.learning.ops.seeding import generator


@pytest.mark.parametrize("seeds", [None, 4, (7, 2, 7)])
@pytest.mark.parametrize("shape", [(32,), (5,), (4, 4, 3), (48,)])
def test_batches_gathered_ahead_are_those_of_their_indices(shape, seeds, monkeypatch):
    monkeypatch.setattr(batches_module, "AHEAD", 16 * 3 * 100)  # blocks that end before an epoch does
    inputs = torch.randn(203, *shape, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(203) % 3
    task = dfa.Task("own", "…", inputs, targets, inputs, targets, 3)
    replicas = None if seeds is None else 3
    settings = dfa.Settings(seed=seeds or 0, replicas=replicas)
    own = seeds if isinstance(seeds, tuple) else range(seeds or 0, (seeds or 0) + (replicas or 1))
    batches, streams = Batches(task, settings), IndexStreams(203, [generator(seed, "batches") for seed in own])
    sizes = np.random.default_rng(0).choice([1, 2, 3, 7, 10, 16, 40, 60, 203, 500], 120).tolist()

    def check(sizes):
        for size in sizes:
            index = streams.take(size) if replicas else streams.take(size)[0]
            found, wanted = batches.take(size)
            assert torch.equal(found, inputs[index])
            assert torch.equal(wanted, targets[index])

    check([3, 3])
    assert (batches._block is not None) == (shape != (5,))
    for _ in range(3):  # from the middle of a block, here and in another
        kept = batches.state(), streams.state()
        check(sizes)
        batches.restore(kept[0])
        streams.restore(kept[1])
        check(sizes[:20])
    kept = batches.state()
    batches = Batches(task, settings.changed(seed=99))
    batches.take(3)
    batches.restore(kept)
    check(sizes)


def test_a_module_that_overwrites_its_inputs_trains_the_same_after_a_rewind():
    class Doubling(torch.nn.Module):
        def forward(self, x):
            return x.mul_(2)

    module = torch.nn.Sequential(torch.nn.Flatten(), Doubling(), torch.nn.Linear(64, 10))
    run = dfa.Experiment(task="digits", module=module, rule="bp", batch_size=8, probe_every=1)
    data = [tensor.clone() for tensor in (run.task.train_inputs, run.task.test_inputs)]
    run.train(3)
    run.evaluate()
    run.snapshot()
    assert torch.equal(run.task.train_inputs, data[0])
    assert torch.equal(run.task.test_inputs, data[1])
    state = run.state()
    run.train(3)
    once = run.net.state_dict()["2.weight"].clone()
    run.trainer.restore(state)
    run.train(3)
    assert torch.equal(run.net.state_dict()["2.weight"], once)


def test_a_rewind_to_before_the_block_gives_the_same_batches():
    run = dfa.Experiment(task="digits", widths=(8,), batch_size=4, probe_every=0)
    batches = run.trainer.batches
    start = batches.state()
    first = [batches.take(4)[1].clone() for _ in range(200)]
    batches.take(600)  # another block of the same permutation
    batches.restore(start)
    assert all(torch.equal(one, batches.take(4)[1]) for one in first)
