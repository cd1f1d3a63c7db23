"""Tasks: the data is what it says, the split is always the same, a missing file says how to get it."""

import gzip
import math
import re
import struct
from pathlib import Path

import pytest
import torch

import dfa_lab as dfa
from dfa_lab.experiment.data import make_task
from dfa_lab.experiment.data.image_tasks import FASHION_MNIST_FOLDER
from dfa_lab.learning.ops.seeding import generator


def write_idx(path, array):
    header = struct.pack(">HBB", 0, 8, array.dim()) + struct.pack(f">{array.dim()}I", *array.shape)
    path.write_bytes(gzip.compress(header + array.to(torch.uint8).numpy().tobytes()))


def write_fashion(folder, train=6, test=4):
    for name, count in (("train", train), ("t10k", test)):
        write_idx(folder / f"{name}-images-idx3-ubyte.gz", torch.arange(count * 784).reshape(count, 28, 28) % 256)
        write_idx(folder / f"{name}-labels-idx1-ubyte.gz", torch.arange(count) % 10)


def test_digits():
    task = make_task("digits")
    assert task.train_inputs.shape == (1437, 64)
    assert task.test_inputs.shape == (360, 64)
    assert (task.train_inputs.min(), task.train_inputs.max()) == (0, 1)
    shares = torch.bincount(task.test_targets) / torch.bincount(torch.cat([task.train_targets, task.test_targets]))
    assert all(abs(share - 0.2) < 0.02 for share in shares)
    again = dfa.TASKS["digits"]()
    assert torch.equal(again.train_inputs, task.train_inputs)
    whole = torch.cat([task.train_inputs, task.test_inputs])
    assert len(torch.unique(whole, dim=0)) == 1797  # no sample is in both


def test_moons_take_parameters():
    task = make_task({"name": "moons", "samples": 50, "noise": 0.0})
    assert len(task.train_inputs) + len(task.test_inputs) == 50
    assert (task.inputs, task.outputs) == (2, 2)


@pytest.mark.parametrize("factor", [0.3, 0.8])
def test_circles_have_their_radii(factor):
    task = make_task({"name": "circles", "samples": 101, "noise": 0.0, "factor": factor})
    radii, targets = (torch.cat(parts) for parts in zip(*splits(task), strict=True))
    assert len(radii) == 101
    torch.testing.assert_close(radii.norm(dim=1), torch.where(targets == 0, 1.0, factor))


def test_spirals_are_those_of_lang_and_witbrock():
    """Their 194 points as their program prints them, divided by 6.5."""
    task = make_task({"name": "spirals", "samples": 194, "noise": 0.0, "turns": 3.0})
    found = {(*point, target) for part in splits(task) for point, target in zip(*rounded(*part), strict=True)}
    expected = set()
    for number in range(97):
        angle, radius = number * math.pi / 16, (104 - number) / 104
        point = torch.tensor([[radius * math.sin(angle), radius * math.cos(angle)]])
        for sign, target in ((1, 0), (-1, 1)):
            (place,), _ = rounded(sign * point, torch.tensor([target]))
            expected.add((*place, target))
    assert len(expected) == 194
    assert found == expected


def splits(task):
    return (task.train_inputs, task.train_targets), (task.test_inputs, task.test_targets)


def rounded(inputs, targets):
    return [tuple(round(one * 1e4) for one in point) for point in inputs.tolist()], targets.tolist()


@pytest.mark.parametrize("name", ["circles", "spirals"])
def test_points_of_the_plane_come_from_a_seed_and_are_learned(name):
    one, again, other = (dfa.TASKS.call({"name": name, "samples": 301, "seed": seed}) for seed in (0, 0, 1))
    assert torch.equal(one.train_inputs, again.train_inputs)
    assert not torch.equal(one.train_inputs, other.train_inputs)
    counts = torch.bincount(torch.cat([one.train_targets, one.test_targets]))
    assert sorted(counts.tolist()) == [150, 151]
    run = dfa.Experiment(task=name, rule="dfa", widths=(64, 64), activation="relu")
    run.train(1000)
    assert run.evaluate()["test_accuracy"] > 0.9
    assert dfa.surfaceplot(run) is not None


def test_linear_is_a_linear_map():
    task = make_task({"name": "linear", "inputs": 7, "outputs": 3, "samples": 400, "test_samples": 50})
    mapping = torch.linalg.lstsq(task.train_inputs.double(), task.train_targets.double()).solution
    torch.testing.assert_close(task.test_inputs.double() @ mapping, task.test_targets.double(), atol=1e-5, rtol=0)
    assert 0.5 < mapping.abs().max() <= 1
    assert (task.inputs, task.outputs, task.loss, task.classifies) == (7, 3, "squared_error", False)
    assert task.train_inputs.mean() == pytest.approx(0, abs=0.1)
    assert task.train_inputs.std() == pytest.approx(1, abs=0.1)
    assert not set(task.train_inputs[:, 0].tolist()) & set(task.test_inputs[:, 0].tolist())


def test_the_samples_of_linear_leave_its_map():
    few, many = (make_task({"name": "linear", "samples": samples}) for samples in (50, 500))
    solutions = [torch.linalg.lstsq(task.train_inputs, task.train_targets).solution for task in (few, many)]
    torch.testing.assert_close(*solutions, atol=1e-4, rtol=0)


def test_teacher_is_a_relu_network():
    """Its outputs are linear in ReLU(V x), with V drawn here as it draws it."""
    task = make_task(
        {"name": "teacher", "inputs": 4, "hidden": 3, "classes": 2, "samples": 500, "loss": "squared_error"}
    )
    assert (task.outputs, task.classifies) == (2, False)
    x, y = task.train_inputs.double(), task.train_targets.double()
    torch.testing.assert_close(y.mean(0), torch.zeros(2).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(y.std(0, correction=0), torch.ones(2).double(), atol=1e-6, rtol=0)
    hidden = generator(0, "teacher", "hidden")
    h = (x @ torch.randn(3, 4, dtype=torch.float64, generator=hidden).T).relu()
    design = torch.cat([h, torch.ones(500, 1)], 1)
    fitted = design @ torch.linalg.lstsq(design, y).solution
    torch.testing.assert_close(fitted, y, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("classes", "lowest", "highest"), [(2, 0.8, 1.2), (10, 0.6, 1.5), (100, 0.3, 2.5)])
@pytest.mark.parametrize("seed", range(3))
def test_no_class_of_a_teacher_takes_all(seed, classes, lowest, highest):
    task = make_task({"name": "teacher", "classes": classes, "samples": 20_000, "seed": seed})
    shares = torch.bincount(task.train_targets, minlength=classes) * classes / 20_000
    assert lowest < shares.min() < shares.max() < highest


def test_the_number_of_classes_leaves_the_rest_of_a_teacher():
    two, ten = (make_task({"name": "teacher", "classes": classes}) for classes in (2, 10))
    assert torch.equal(two.train_inputs, ten.train_inputs)
    assert torch.equal(two.test_inputs, ten.test_inputs)
    values = [
        make_task({"name": "teacher", "classes": classes, "loss": "squared_error"}).test_targets for classes in (2, 10)
    ]
    assert torch.equal(values[0], values[1][:, :2])
    assert torch.equal(values[1].argmax(1), ten.test_targets)


@pytest.mark.parametrize(("name", "lr"), [("linear", 0.02), ("teacher", 0.2)])
def test_tasks_from_a_seed_are_the_same_again_and_learned(name, lr):
    choice = {"name": name, "samples": 500, "test_samples": 100}
    one, again, other = dfa.TASKS.call(choice), dfa.TASKS.call(choice), dfa.TASKS.call({**choice, "seed": 1})
    assert torch.equal(one.train_inputs, again.train_inputs)
    assert torch.equal(one.train_targets, again.train_targets)
    assert not torch.equal(one.train_inputs, other.train_inputs)
    run = dfa.Experiment(task=choice, rule="dfa", widths=(16,), lr=lr)
    before = run.evaluate()["test_loss"]
    run.train(300)
    assert run.evaluate()["test_loss"] < 0.9 * before


def test_fashion_mnist_from_a_folder(tmp_path):
    write_fashion(tmp_path)
    task = make_task({"name": "fashion_mnist", "folder": str(tmp_path)})
    assert task.train_inputs.shape == (6, 784)
    assert task.test_targets.tolist() == [0, 1, 2, 3]
    assert task.train_inputs[0, 255] == 1.0
    assert task.train_inputs[0, 51] == pytest.approx(0.2)


def test_a_missing_folder_says_how_to_get_it(tmp_path):
    with pytest.raises(dfa.DfaLabError, match="apt-get install dataset-fashion-mnist"):
        make_task({"name": "fashion_mnist", "folder": str(tmp_path / "nowhere")})


@pytest.mark.parametrize(
    "damage", [lambda raw: raw[: len(raw) // 2], lambda raw: gzip.compress(b"hello"), lambda raw: b""]
)
def test_a_damaged_file_is_named(tmp_path, damage):
    write_fashion(tmp_path)
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(dfa.DfaLabError, match="t10k-images"):
        make_task({"name": "fashion_mnist", "folder": str(tmp_path)})


@pytest.mark.slow
@pytest.mark.skipif(not Path(FASHION_MNIST_FOLDER).is_dir(), reason="dataset-fashion-mnist is not installed")
def test_the_real_fashion_mnist():
    task = make_task("fashion_mnist")
    assert task.train_inputs.shape == (60_000, 784)
    assert torch.bincount(task.test_targets).tolist() == [1000] * 10
    assert task.train_inputs.mean() == pytest.approx(0.2860, abs=1e-4)  # the figure that is published for the set


def test_the_linear_network_of_lillicrap_aligns():
    """30-20-10 online, W from U(−0.01, 0.01), B from U(−0.5, 0.5): 88.5°, 37.2° and 28.5° at steps 0, 100 and 300."""
    run = dfa.Experiment(
        task="linear",
        widths=(20,),
        activation="identity",
        rule="fa",
        weight_init="small",
        feedback_scale=0.5 * 10**0.5,
        batch_size=1,
        lr=1e-3,
        replicas=10,
        probe_every=100,
    )
    run.train(300)
    steps, angles = run.history.values("gradient_alignment", layer=1)
    at = dict(zip(steps.tolist(), angles.mean(1).tolist(), strict=True))
    assert run.net.feedback_matrices()[0].abs().max() == pytest.approx(0.5, abs=0.005)
    assert at[0] == pytest.approx(90, abs=5)
    assert at[100] == pytest.approx(37, abs=3)
    assert at[300] == pytest.approx(28.5, abs=3)


@pytest.mark.parametrize(
    ("inputs", "targets", "words"),
    [
        (torch.zeros(3), torch.zeros(3).long(), "shape"),
        (torch.zeros(3, 2), torch.zeros(4).long(), "shape"),
        (torch.full((3, 2), torch.nan), torch.zeros(3).long(), "NaN"),
        (torch.zeros(3, 2).double(), torch.zeros(3).long(), "float64.*float32"),
        (torch.zeros(3, 2), torch.zeros(3), "expected .N,. int64"),
        (torch.zeros(3, 2), torch.zeros(3, 1).long(), "expected .N,. int64"),
        (torch.zeros(3, 2), torch.tensor([0, 1, 2]), "class numbers from 0 to 1"),
        (torch.zeros(0, 2), torch.zeros(0).long(), "at least 1"),
    ],
)
def test_tensors_that_make_no_task_are_refused(inputs, targets, words):
    with pytest.raises(dfa.DfaLabError, match=words):
        dfa.Task("own", "own", inputs, targets, inputs, targets, outputs=2)


def test_regression_has_no_accuracy(monkeypatch):
    def line():
        x = torch.linspace(-1, 1, 64).reshape(-1, 1)
        return dfa.Task("line", "a line", x, 2 * x, x, 2 * x, outputs=1, loss="squared_error")

    monkeypatch.setitem(dfa.TASKS._entries, "line", line)
    experiment = dfa.Experiment(task="line", widths=(8,), rule="dfa", lr=0.1, batch_size=16)
    experiment.train(300)
    assert set(experiment.evaluate()) == {"test_loss"}
    assert experiment.evaluate()["test_loss"] < 0.01


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (torch.zeros(3), "float32 for N = 3"),
        (torch.zeros(3, 4), "float32 for N = 3"),
        (torch.full((3, 2), torch.nan), "NaN"),
    ],
)
def test_targets_that_fit_no_squared_error_are_refused(targets, words):
    with pytest.raises(dfa.DfaLabError, match=words):
        dfa.Task("own", "own", torch.zeros(3, 2), targets, torch.zeros(3, 2), targets, outputs=2, loss="squared_error")


@pytest.mark.parametrize(("sample", "given"), [((8, 3), {}), ((2, 1), {}), ((8, 3), {"outputs": 4})])
def test_values_at_each_position_need_their_number_which_the_error_gives(sample, given):
    inputs, targets = torch.randn(10, *sample[:-1], 2), torch.randn(10, *sample)
    with pytest.raises(dfa.DfaLabError, match=r"position, features last, give outputs=\d+\.$") as refused:
        dfa.Task.from_arrays(inputs, targets, **given)
    number = int(re.search(r"give outputs=(\d+)", str(refused.value))[1])
    task = dfa.Task.from_arrays(inputs, targets, outputs=number)
    run = dfa.Experiment(module=torch.nn.Linear(2, sample[-1]), task=task, rule="fa")
    error = run.net(task.test_inputs).detach() - task.test_targets
    assert run.evaluate()["test_loss"] == pytest.approx(float(error.square().sum(-1).mean() / 2), rel=1e-5)


@pytest.mark.parametrize("test_targets", [torch.zeros(4, 8, 5), torch.zeros(4, 8, 3).double()])
def test_positions_whose_number_is_right_get_no_advice_about_it(test_targets):
    train = torch.zeros(4, 8, 2), torch.zeros(4, 8, 3)
    with pytest.raises(dfa.DfaLabError, match=r"or \(N, T, 3\) for T positions, float32 for N = 4 under .*'\.$"):
        dfa.Task("own", "own", *train, train[0], test_targets, outputs=3, loss="squared_error")


def test_a_test_split_of_another_width_is_refused():
    targets = torch.zeros(3).long()
    with pytest.raises(dfa.DfaLabError, match="the same shape"):
        dfa.Task("own", "own", torch.zeros(3, 2), targets, torch.zeros(3, 4), targets, outputs=2)


@pytest.mark.parametrize(
    "choice",
    [
        {"name": "moons", "samples": -5},
        {"name": "moons", "samples": 1},
        {"name": "moons", "noise": "a"},
        {"name": "circles", "factor": 2.0},
        {"name": "circles", "seed": -1},
        {"name": "spirals", "samples": -5},
        {"name": "spirals", "samples": 1},
        {"name": "spirals", "turns": "a"},
        {"name": "spirals", "noise": float("nan")},
        {"name": "spirals", "seed": -1},
        {"name": "fashion_mnist", "folder": 5},
        {"name": "linear", "inputs": 0},
        {"name": "linear", "samples": 2.5},
        {"name": "teacher", "classes": "ten"},
    ],
)
def test_parameters_a_task_cannot_use_are_refused_with_its_name(choice):
    with pytest.raises(dfa.DfaLabError, match=choice["name"]):
        make_task(choice)


@pytest.mark.parametrize(
    ("parameter", "words"), [({"seed": -1}, "a seed was given as -1"), ({"loss": "hinge"}, "hinge")]
)
def test_a_teacher_refuses_what_is_no_seed_and_no_loss(parameter, words):
    with pytest.raises(dfa.DfaLabError, match=words):
        make_task({"name": "teacher", **parameter})


@pytest.mark.slow
@pytest.mark.skipif(not Path(FASHION_MNIST_FOLDER).is_dir(), reason="dataset-fashion-mnist is not installed")
def test_an_epoch_of_fashion_mnist_by_the_command_line(capsys):
    import json

    from dfa_lab.cli import main

    with pytest.raises(SystemExit, match="0"):
        main(["train", "--task", "fashion_mnist", "--rule", "dfa", "--widths", "256,256", "--epochs", "1", "--json"])
    out, err = capsys.readouterr()
    assert json.loads(out)["samples"] >= 60_000
    assert json.loads(out)["test_accuracy"] >= 0.80
    assert "938/938" in err


def test_several_inputs_and_too_few_targets_are_one_clear_error():
    inputs = (torch.zeros(20, 3), torch.zeros(20, 2))
    with pytest.raises(dfa.DfaLabError, match=r"inputs have shape \(20, 3\), \(20, 2\), targets \(7,\)"):
        dfa.Task.from_arrays(inputs, torch.arange(7) % 2)
