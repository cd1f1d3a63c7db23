"""Two runs that should be the same, one of them from a file; and the training and the changes to compare them by."""

import torch

import dfa_lab as dfa

#: A task with an epoch of ten steps, and what makes the rest quick.
SMALL = {"task": {"name": "moons", "samples": 200}, "widths": (6, 5), "batch_size": 16, "probe_size": 16}


def resumed(run, folder, **given):
    """The same run, from a file in ``folder``."""
    return dfa.Experiment.load(run.save(folder / "run.safetensors"), **given)


def tensors_of(checkpoint):
    """Every tensor that a run goes on with, by name."""
    found = {f"net.{name}": one for name, one in checkpoint.learner.net.items()}
    found |= {f"buffers.{name}": one for name, one in checkpoint.learner.buffers.items() if one is not None}
    for number, own in (checkpoint.learner.optimizer or {"state": {}})["state"].items():
        found |= {f"optimizer.{number}.{name}": one for name, one in own.items() if isinstance(one, torch.Tensor)}
    drawn = (*checkpoint.learner.random, *checkpoint.streams.generators)
    found |= {f"random.{number}": one for number, one in enumerate(drawn)}
    place = torch.tensor([checkpoint.streams.place, checkpoint.steps_done, checkpoint.samples_seen])
    losses = torch.tensor([*checkpoint.losses.total, checkpoint.losses.count], dtype=torch.float64)
    return found | {"permutations": checkpoint.streams.permutations, "place": place, "losses": losses}


def assert_same(one, other):
    """Both stand at the same place, can go back to the same, and have the same record, to the last bit."""
    assert one.history.equals(other.history)
    assert one.history.digest() == other.history.digest()
    assert one.settings == other.settings
    assert one.undoable == other.undoable
    assert (one.trainer.fallback is None) == (other.trainer.fallback is None)
    pairs = [(one.state(), other.state())]
    pairs += [(one.trainer.fallback, other.trainer.fallback)] if one.trainer.fallback else []
    for here, there in pairs:
        first, second = tensors_of(here), tensors_of(there)
        assert first.keys() == second.keys()
        assert [name for name in first if not torch.equal(first[name], second[name])] == []
        assert (here.settings, here.pending, here.changes, counted(here)) == (
            there.settings,
            there.pending,
            there.changes,
            counted(there),
        )


def counted(checkpoint):
    """How many rows of each series there were, but of those that come by the clock."""
    return {key: count for key, count in checkpoint.rows.items() if key[0] != "samples_per_s"}


def go_on(run):
    """Training across the ends of epochs, with changes of every kind, and two taken back."""
    run.train(3)
    run.change(lr=0.02, batch_size=24)
    run.train(9)
    run.undo()
    run.change(rule="kp", feedback_scale=0.5)
    run.train(5)
    run.undo()
    run.train(4)
    return run
