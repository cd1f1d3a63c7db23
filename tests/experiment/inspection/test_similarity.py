"""similarity: the table of linear CKA between two runs or networks; what it is of, and what it refuses."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

import dfa_lab as dfa
from dfa_lab.learning.similarity import by_gram_matrices
from noise import Noise


def small(**fields):
    return dfa.Experiment(**{"task": "moons", "widths": (8, 5), "probe_size": 64, **fields})


def convolutional(noise=nn.Identity):
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(72, 6), nn.Tanh()
    return nn.Sequential(*layers, nn.Linear(6, 10), noise())


def pictures():
    """A task whose samples are pictures (1, 8, 8); an MLP takes them flat."""
    digits = dfa.TASKS["digits"]()
    return dfa.Task.from_arrays(digits.train_inputs[:300].reshape(-1, 1, 8, 8), digits.train_targets[:300])


def by_hand(run):
    """The activities of an MLP's hidden layers on its probe batch, in plain torch."""
    h, found = run.trainer.probe.batch()[0], []
    for weight, bias in list(zip(run.net.weights, run.net.biases, strict=True))[:-1]:
        h = torch.tanh(h @ weight.detach().T + bias.detach())
        found.append(h.double())
    return found


def test_cells_are_cka_of_the_hidden_layers_on_the_probe_batch():
    a, b = small(), small(widths=(6, 7, 4), seed=3, rule="fa")
    a.train(30), b.train(20)
    table = dfa.similarity(a, b)
    wanted = [[by_gram_matrices(x, y) for y in by_hand(b)] for x in by_hand(a)]
    np.testing.assert_allclose(table.to_numpy(), wanted, atol=1e-6)
    assert list(table.index) == ["layer 1", "layer 2"]
    assert list(table.columns) == ["layer 1", "layer 2", "layer 3"]
    assert (table.index.name, table.columns.name) == ("dfa", "fa")
    assert (table.dtypes == np.float64).all()
    np.testing.assert_allclose(dfa.similarity(b, a).to_numpy(), table.to_numpy().T, atol=1e-12)


def test_without_a_second_it_is_the_network_that_the_run_began_from():
    run = small()
    began = copy.deepcopy(run.net)
    np.testing.assert_allclose(np.diag(dfa.similarity(run)), 1, atol=1e-12)
    run.train(200)
    run.change(activation_derivative="step", lr=0.01)
    table = dfa.similarity(run)
    assert table.columns.name == "untrained"
    np.testing.assert_allclose(table.to_numpy(), dfa.similarity(run, began).to_numpy(), atol=1e-12)
    assert (np.diag(table) < 0.999).all()


def test_a_module_begins_from_what_was_given():
    module = convolutional()
    run = dfa.Experiment(task=pictures(), module=module, rule="dfa", probe_size=40, batch_size=16)
    np.testing.assert_allclose(np.diag(dfa.similarity(run)), 1, atol=1e-12)
    run.train(20)
    table = dfa.similarity(run)
    assert list(table.index) == ["2", "6"]
    with torch.no_grad():
        module.eval()
        images = run.trainer.probe.batch()[0]
        began = [module[:3](images).flatten(1).double(), module[:7](images).double()]
        own = copy.deepcopy(run.net).eval()
        now = [own[:3](images).flatten(1).double(), own[:7](images).double()]
    wanted = [[by_gram_matrices(x, y) for y in began] for x in now]
    np.testing.assert_allclose(table.to_numpy(), wanted, atol=1e-5)


@pytest.mark.parametrize("module", [None, convolutional])
def test_a_run_that_was_saved_or_forked_still_knows_what_it_began_from(tmp_path, module):
    task, own = pictures(), None if module is None else module()
    fields = {"task": task, "rule": "fa", "batch_size": 16, "probe_size": 32}
    run = dfa.Experiment(module=own, **fields) if module else dfa.Experiment(widths=(7, 6), **fields)
    run.train(10)
    run.change(rule="dfa")
    run.train(10)
    table = dfa.similarity(run)
    run.save(tmp_path / "run.safetensors")
    loaded = dfa.Experiment.load(tmp_path / "run.safetensors", module=own, task=task)
    for other in (loaded, run.fork(name="fa")):
        np.testing.assert_array_equal(dfa.similarity(other), table)


def test_flat_and_pictured_runs_of_one_task_are_compared_on_the_same_samples():
    task = pictures()
    pictured = dfa.Experiment(task=task, module=convolutional(), rule="fa", probe_size=40)
    flat = dfa.Experiment(task=task, widths=(9,), probe_size=40)
    images = pictured.trainer.probe.batch()[0]
    table = dfa.similarity(pictured, flat)
    assert table.shape == (2, 1)
    np.testing.assert_array_equal(table, dfa.similarity(pictured.net, flat.net, inputs=images))
    np.testing.assert_array_equal(table, dfa.similarity(pictured, flat.net))
    np.testing.assert_array_equal(table, dfa.similarity(pictured, flat, inputs=images.double().numpy()))
    np.testing.assert_allclose(table.T, dfa.similarity(flat, pictured), atol=1e-12)


class Weighted(nn.Module):
    """Two hidden layers of x (N, 4), times a number for each sample: (N,), or (N, …) of which it takes the mean."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))

    def forward(self, x, w):
        return self.layers(x * w.reshape(len(w), -1).float().mean(1, keepdim=True))


@pytest.mark.parametrize("shape", [(40,), (40, 1), (40, 2, 3)])
@pytest.mark.parametrize("kind", [torch.float32, torch.int64])
def test_inputs_of_several_tensors_may_have_one_number_a_sample(shape, kind):
    torch.manual_seed(0)
    inputs = torch.randn(40, 4), torch.randint(1, 4, shape).to(kind)
    task = dfa.Task.from_arrays(inputs, list(range(3)) * 13 + [0])
    run = dfa.Experiment(task=task, module=Weighted(), rule="dfa", probe_size=16)
    run.train(5)
    np.testing.assert_allclose(np.diag(dfa.similarity(run, run.fork(rule="bp"))), 1, rtol=1e-6)
    inputs = torch.cat([inputs[0], inputs[0]])[:40] * 2, inputs[1]
    other = dfa.Experiment(
        task=dfa.Task.from_arrays(inputs, list(range(3)) * 13 + [0]), module=Weighted(), rule="dfa", probe_size=16
    )
    with pytest.raises(dfa.DfaLabError, match="different data"):
        dfa.similarity(run, other)


def test_replicas_are_a_level_each_beside_its_own():
    several, other, one = small(replicas=3), small(replicas=3, rule="fa", seed=5), small(seed=9)
    several.train(10), other.train(10)
    table = dfa.similarity(several, other)
    assert table.index.names == ["replica", "dfa"]
    assert table.shape == (6, 2)
    for number in range(3):
        alone = [small(seed=number), small(rule="fa", seed=5 + number)]
        alone[0].net.load_state_dict({k: v[number] for k, v in several.net.state_dict().items()}, strict=False)
        alone[1].net.load_state_dict({k: v[number] for k, v in other.net.state_dict().items()}, strict=False)
        np.testing.assert_allclose(table.loc[number], dfa.similarity(*alone), atol=1e-6)
    assert dfa.similarity(several, one).index.nlevels == 2
    assert dfa.similarity(one, several).shape == (6, 2)
    assert dfa.similarity(several).shape == (6, 2)


@pytest.mark.parametrize("rule", ["dfa", "fa", "kp", "brsf", "drtp", "bp"])
@pytest.mark.parametrize("kind", ["mlp", "module", "replicas"])
def test_measuring_changes_nothing_of_the_run(kind, rule):
    def made():
        if kind == "module":
            return dfa.Experiment(task=pictures(), module=convolutional(Noise), rule=rule, batch_size=16, probe_size=32)
        return small(rule=rule, replicas=2 if kind == "replicas" else None)

    measured, twin = made(), made()
    for run in (measured, twin):
        torch.manual_seed(3)  # a probe lets Noise draw
        run.train(3)
    before = {key: value.clone() for key, value in measured.net.state_dict().items()}
    hooks = [len(one._forward_hooks) for one in measured.net.modules()]
    random, modes = torch.get_rng_state(), [one.training for one in measured.net.modules()]
    dfa.similarity(measured), dfa.similarity(measured, measured)
    assert all(torch.equal(value, before[key]) for key, value in measured.net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert [one.training for one in measured.net.modules()] == modes
    assert [len(one._forward_hooks) for one in measured.net.modules()] == hooks
    for run in (measured, twin):
        torch.manual_seed(5)  # a probe lets Noise draw
        run.train(5)
    assert measured.history.digest() == twin.history.digest()


def test_a_layer_that_is_the_same_for_all_samples_is_nan():
    run = small()
    with torch.no_grad():
        run.net.weights[1].zero_()
    table = dfa.similarity(run)
    assert math.isnan(table.loc["layer 2", "layer 1"])
    assert table.loc["layer 1", "layer 1"] == 1


def not_finite():
    net = dfa.MLP([2, 4, 2])
    with torch.no_grad():
        net.weights[0][0, 0] = math.nan
    return net


REFUSED = {
    "no network": (lambda: dfa.similarity(3), "expected an Experiment"),
    "a plain module": (lambda: dfa.similarity(nn.Linear(2, 2), small()), "dfa.convert"),
    "a history": (lambda: dfa.similarity(small(), small().history), "expected an Experiment"),
    "a runner": (lambda: dfa.similarity(dfa.Runner(small(), threaded=False)), "give its .experiment"),
    "a network alone": (lambda: dfa.similarity(dfa.MLP([2, 3, 2])), "second network"),
    "no inputs": (lambda: dfa.similarity(dfa.MLP([2, 3, 2]), dfa.MLP([2, 3, 2])), "inputs="),
    "other probe sizes": (lambda: dfa.similarity(small(), small(probe_size=32)), "32 and 64"),
    "other data": (lambda: dfa.similarity(small(), small(task="linear")), "different data"),
    "too few samples": (lambda: dfa.similarity(small(), inputs=torch.ones(2, 2)), "2 samples"),
    "inputs of another width": (lambda: dfa.similarity(small(), inputs=torch.ones(9, 3)), "3"),
    "inputs not finite": (lambda: dfa.similarity(small(), inputs=torch.full((9, 2), math.nan)), "finite"),
    "weights not finite": (lambda: dfa.similarity(small(), not_finite()), "layer 1 are not all finite"),
    "no hidden layer": (lambda: dfa.similarity(small(widths=())), "no hidden layer"),
    "other replicas": (lambda: dfa.similarity(small(replicas=2), small(replicas=3)), "2 and 3 replicas"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_compared_is_said(name):
    call, words = REFUSED[name]
    with pytest.raises(dfa.DfaLabError, match=words):
        call()
