"""Images kept as bytes are the same task as their numbers in float32, to the last bit."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import dfa_lab as dfa
from dfa_lab.experiment.data import network_inputs
from dfa_lab.experiment.inspection import mistakes_of

SHAPES = [(48,), (50,), (1, 6, 8), (3, 4, 4), (6, 8)]


def pair(shape):
    """A task of bytes and the one of the numbers that they are."""
    draw = np.random.default_rng(len(shape))
    split = [torch.from_numpy(draw.integers(0, 256, (count, *shape), dtype=np.uint8)) for count in (150, 70)]
    targets = [torch.arange(len(one)) % 3 for one in split]
    numbers = [torch.from_numpy(one.numpy().astype(np.float32) / np.float32(255)) for one in split]
    return [dfa.Task("own", "own", a, targets[0], b, targets[1], outputs=3) for a, b in (split, numbers)]


def test_every_byte_is_divided_as_numpy_divides():
    every = np.arange(256, dtype=np.uint8)
    wanted = torch.from_numpy(every.astype(np.float32) / np.float32(255))
    for inputs in (torch.from_numpy(every), torch.from_numpy(every).repeat(40).reshape(1, -1)):
        found = network_inputs(inputs)
        assert found.dtype == torch.float32
        assert torch.equal(found, wanted.repeat(inputs.numel() // 256).reshape(inputs.shape))
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        assert network_inputs(torch.from_numpy(every)).dtype == torch.float32
    finally:
        torch.set_default_dtype(default)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_task_of_bytes_reads_as_one_of_numbers(shape):
    stored, numbers = pair(shape)
    assert stored.stored_inputs("train").dtype == torch.uint8
    for split in ("train_inputs", "test_inputs"):
        found, wanted = getattr(stored, split), getattr(numbers, split)
        assert torch.equal(found, wanted)
        assert found.stride() == wanted.stride()
    assert stored.fingerprint == numbers.fingerprint == stored.flat().fingerprint
    assert stored.flat().stored_inputs("test").dtype == torch.uint8
    assert (stored.image, stored.inputs, stored.single) == (numbers.image, numbers.inputs, True)
    assert stored._repr_html_() == numbers._repr_html_()
    for other in (pickle.loads(pickle.dumps(stored)), copy.copy(stored)):
        assert other.stored_inputs("train").dtype == torch.uint8
        assert torch.equal(other.train_inputs, numbers.train_inputs)
    with pytest.raises(AttributeError):
        stored.train_inputs = numbers.train_inputs


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    "fields", [{"batch_size": 8}, {"batch_size": 40, "rule": "fa"}, {"batch_size": 7, "replicas": 3}], ids=str
)
def test_a_run_on_bytes_is_the_one_on_numbers(shape, fields):
    runs = [
        dfa.Experiment(task=task, widths=(16, 12), **{"rule": "dfa", "probe_size": 32, **fields})
        for task in pair(shape)
    ]
    for run in runs:
        run.train(45)
    assert runs[0].history.digest() == runs[1].history.digest()
    assert all(map(torch.equal, runs[0].net.weights, runs[1].net.weights))
    assert runs[0].evaluate() == runs[1].evaluate()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 6, 6)], ids=str)
def test_a_module_and_its_mistakes_are_the_same(shape, tmp_path):
    runs = []
    for task in pair(shape):
        torch.manual_seed(0)
        module = nn.Sequential(
            nn.Conv2d(shape[0], 4, 3, stride=2), nn.ReLU(inplace=True), nn.Flatten(), nn.LazyLinear(3)
        )
        module(torch.zeros(1, *shape))
        runs.append(dfa.Experiment(task=task, module=module, rule="dfa", batch_size=16))
        runs[-1].train(30)
    assert runs[0].history.digest() == runs[1].history.digest()
    bytes_, numbers = (mistakes_of(run) for run in runs)
    assert np.array_equal(bytes_.images, numbers.images)
    assert np.array_equal(bytes_.confidence, numbers.confidence)


def test_a_run_saved_on_numbers_goes_on_on_bytes(tmp_path):
    stored, numbers = pair((48,))
    run = dfa.Experiment(task=numbers, widths=(16,), rule="dfa", batch_size=16)
    run.train(20)
    run.save(tmp_path / "run.safetensors")
    again = dfa.Experiment.load(tmp_path / "run.safetensors", task=stored)
    for one in (run, again):
        one.train(20)
    assert run.history.digest() == again.history.digest()


def test_bytes_stay_bytes_while_a_run_trains():
    """The images in float32 would be 300 MB: a run on them in a process of its own takes less at its most."""
    code = (
        "import resource, torch, dfa_lab as dfa\n"
        "most = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "x, y = torch.zeros(100_000, 784, dtype=torch.uint8), torch.arange(100_000) % 10\n"
        "small = dfa.Task('small', '…', x[:100], y[:100], x[:100], y[:100], 10)\n"
        "x[:] = 7\n"
        "dfa.Experiment(task=small, widths=(8,)).train(2)\n"
        "before = most()\n"
        "run = dfa.Experiment(task=dfa.Task('own', '…', x, y, x[:9000], y[:9000], 10), widths=(8,))\n"
        "run.train(20); run.evaluate(); run.task.fingerprint; run.task._repr_html_()\n"
        "print(most() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 120


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.bool])
def test_other_whole_numbers_are_no_pixels(dtype):
    inputs, targets = torch.zeros(4, 3, dtype=dtype), torch.arange(4) % 2
    with pytest.raises(dfa.DfaLabError, match=r"float32 .uint8 for pixels"):
        dfa.Task("own", "own", inputs, targets, inputs, targets, outputs=2)
    several = {"a": torch.zeros(4, 3, dtype=torch.uint8)}
    with pytest.raises(dfa.DfaLabError, match="float32, int64, int32 or bool"):
        dfa.Task("own", "own", several, targets, several, targets, outputs=2)
