"""What a checkpoint holds of modules, data and matrices of one's own, and what it asks for when it is loaded."""

import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

import dfa_lab as dfa
from resumed import SMALL, assert_same, resumed

TRAINING = {name: value for name, value in SMALL.items() if name != "widths"}


class Tied(nn.Module):
    """The same square weight twice, and a part that was frozen in eval mode."""

    def __init__(self, tied=True):
        super().__init__()
        self.into, self.first, self.second = nn.Linear(2, 5), nn.Linear(5, 5), nn.Linear(5, 5)
        self.norm, self.out = nn.BatchNorm1d(5), nn.Linear(5, 2)
        if tied:
            self.second.weight = self.first.weight
        self.norm.eval()
        self.into.weight.requires_grad_(False)

    def forward(self, x):
        h = torch.tanh(self.first(torch.tanh(self.into(x))))
        return self.out(self.norm(torch.tanh(self.second(h))))


def made(*layers, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(*(one() for one in layers))


def plain(seed=0):
    return made(lambda: nn.Linear(2, 6), nn.Tanh, lambda: nn.Linear(6, 5), nn.Tanh, lambda: nn.Linear(5, 2), seed=seed)


def normed(seed=0):
    return made(
        lambda: nn.Linear(2, 6), nn.Tanh, lambda: parametrizations.weight_norm(nn.Linear(6, 5)), nn.Tanh,
        lambda: nn.Linear(5, 2), seed=seed,
    )  # fmt: skip


def converted(seed=0):
    """With a matrix set by hand, points of one's own, and feedback that was drawn."""
    net = dfa.convert(plain(seed), "dfa", points=["1", "3"], feedback_init="normal", example=torch.ones(3, 2))
    dfa.set_feedback(net, {"1": torch.full((2, 6), 0.25)})
    return net


def converted_without(seed=0):
    return dfa.convert(plain(seed), "dfa", points=["1", "3"])


MODULES = {
    "tied": (Tied, {"rule": "kp"}),
    "weight norm": (normed, {"rule": "fa"}),
    "a rule for each layer": (plain, {"rule": {"2": "kp", "4": "brsf"}, "activation_derivative": {"1": "step"}}),
    "doubles": (lambda: plain().double(), {"rule": "dkp"}),
    "bfloat16": (lambda: plain().bfloat16(), {"rule": "fa"}),
    "converted": (converted, {}),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_goes_on_from_one_that_the_same_code_makes(name, tmp_path):
    make, how = MODULES[name]
    run = dfa.Experiment(module=make(), **TRAINING, **how, optimizer="adam", lr=0.01)
    run.train(13)
    fresh = make()
    for parameter in fresh.parameters():  # other numbers, as another seed makes them
        parameter.data.add_(1)
    other = resumed(run, tmp_path, module=fresh)
    for one in (run, other):
        one.train(8)
        one.change(feedback_seed=5)
        one.train(7)
        one.change(rule="bp")
        one.train(3)
    assert_same(run, other)
    assert [one.training for one in run.net.modules()] == [one.training for one in other.net.modules()]
    run.reset(), other.reset()
    run.train(3), other.train(3)
    assert_same(run, other)


def test_matrices_by_hand_of_a_converted_module_are_in_the_file(tmp_path):
    """The module given has none of its own, and another feedback; they stay through a redraw."""
    run = dfa.Experiment(module=converted(), **TRAINING)
    run.train(3)
    other = resumed(run, tmp_path, module=converted_without(seed=7))
    for one in (run, other):
        one.change(feedback_seed=8)
        assert torch.equal(one.net[1].direct_output, torch.full((2, 6), 0.25))
    assert_same(run, other)


@pytest.mark.parametrize(
    ("make", "other", "said"),
    [
        (plain, lambda: None, "whose code no file holds, and none was given"),
        (plain, lambda: "a net", "'a net' was given"),
        (plain, lambda: nn.Linear(2, 2), r"the module itself was Sequential\(\) there"),
        (plain, lambda: plain().double(), r"torch\.float32 there, and is .* torch\.float64 here"),
        (plain, lambda: plain()[:4], r"4 was Linear\(.*\) there, and is missing here"),
        (lambda: plain()[:3], lambda: plain()[:3].append(nn.ReLU()), r"3 was missing there, and is ReLU\(\) here"),
        (
            lambda: plain().append(nn.Dropout(0.1)),
            lambda: plain().append(nn.Dropout(0.2)),
            r"Dropout\(p=0\.1.* Dropout\(p=0\.2",
        ),
        (Tied, lambda: Tied(tied=False), r"shared with first\.weight there"),
        (plain, converted, "the module itself was|0 was|conversion"),
        (converted, plain, r"convert it as before, module=dfa\.convert\(…\), with points=\['1', '3'\]"),
        (converted_without, plain, r"convert it as before, module=dfa\.convert\(…\), with points=\['1', '3'\]"),
    ],
)
def test_another_module_is_refused_with_what_differs(make, other, said, tmp_path):
    task = dfa.Task.from_arrays(np.ones((20, 2)) * np.arange(20)[:, None], np.arange(20) % 2, outputs=5)
    run = dfa.Experiment(module=make(), task=task if len(list(make().children())) == 3 else SMALL["task"], probe_size=8)
    path = run.save(tmp_path / "run.safetensors")
    with pytest.raises(dfa.DfaLabError, match=r"run\.safetensors.* cannot be loaded: it trains") as caught:
        dfa.Experiment.load(path, module=other(), task=task if run.settings.task is task else None)
    assert re.search(said, str(caught.value))


def test_a_module_for_an_mlp_is_refused(tmp_path):
    path = dfa.Experiment(**SMALL).save(tmp_path / "run.safetensors")
    with pytest.raises(dfa.DfaLabError, match="it trains an MLP; leave module= out"):
        dfa.Experiment.load(path, module=plain())


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = plain()

    def forward(self, x):
        return {"hidden": x, "logits": self.net(x)}


def test_where_the_output_is_is_kept_by_name(tmp_path):
    run = dfa.Experiment(module=Named(), output="logits", **TRAINING)
    run.train(3)
    other = resumed(run, tmp_path, module=Named())
    assert other.output == "logits"
    run.train(4), other.train(4)
    assert_same(run, other)


def test_an_output_that_is_a_function_is_kept_by_the_conversion(tmp_path):
    def logits(found):
        return found["logits"]

    run = dfa.Experiment(module=Named(), output=logits, **TRAINING)
    with pytest.raises(dfa.DfaLabError, match=r"a function, which no file can hold.*dfa\.convert"):
        run.save(tmp_path / "run.safetensors")
    assert list(tmp_path.iterdir()) == []
    run = dfa.Experiment(module=dfa.convert(Named(), "dfa", output=logits), **TRAINING)
    run.train(3)
    other = resumed(run, tmp_path, module=dfa.convert(Named(), "dfa", output=logits))
    run.train(4), other.train(4)
    assert_same(run, other)


def own_task(samples=40, shift=0.0, classes=2):
    inputs = np.random.default_rng(1).normal(size=(samples, 3)) + shift
    return dfa.Task.from_arrays(inputs, np.arange(samples) % classes)


def test_data_of_ones_own_are_given_again_and_checked(tmp_path):
    run = dfa.Experiment(**{**SMALL, "task": own_task()})
    run.train(7)
    path = run.save(tmp_path / "run.safetensors")
    with pytest.raises(dfa.DfaLabError, match=r"learns a task of your own, 'own', .*give them as task="):
        dfa.Experiment.load(path)
    for wrong in (own_task(shift=1e-6), own_task(samples=41), own_task(classes=4), "moons"):
        with pytest.raises(dfa.DfaLabError, match="with other data than those of"):
            dfa.Experiment.load(path, task=wrong)
    with pytest.raises(dfa.DfaLabError, match="task was given as 7"):
        dfa.Experiment.load(path, task=7)
    other = dfa.Experiment.load(path, task=own_task())
    run.train(9), other.train(9)
    assert_same_but_for_the_task(run, other)


def assert_same_but_for_the_task(run, other):
    assert run.history.equals(other.history)
    for one, two in zip(run.net.parameters(), other.net.parameters(), strict=True):
        assert torch.equal(one, two)


def test_pictures_are_the_same_data_flat_or_not(tmp_path):
    """An MLP flattens them; what they were makes no difference."""
    shaped, flat = ({"name": "digits", "flat": one} for one in (False, True))
    run = dfa.Experiment(task=shaped, widths=(8,), probe_size=8)
    run.train(5)
    other = resumed(run, tmp_path, task=flat)
    run.train(5), other.train(5)
    assert_same_but_for_the_task(run, other)


@pytest.mark.parametrize("given", [torch.eye(2, 6), np.eye(2, 6) * -0.5])
def test_a_matrix_among_the_settings_is_in_the_file(given, tmp_path):
    run = dfa.Experiment(**{**SMALL, "widths": (6, 6)}, feedback_init=given)
    run.train(3)
    run.change(feedback_init="normal")
    run.change(rule="dfa", feedback_init=2 * given)
    other = resumed(run, tmp_path)
    for one in (run, other):
        one.train(3)
        one.undo()
        one.undo()
        one.train(3)
        assert torch.equal(one.net.feedback_matrices()[0], torch.as_tensor(given).float())
    assert_same(run, other)


@pytest.mark.parametrize("change", [False, True])
def test_a_function_without_a_name_is_refused_and_nothing_is_written(change, tmp_path):
    functions = {
        "feedback_init": lambda site, generator: torch.ones(site.shape),
        "activation_derivative": lambda x: torch.ones_like(x),
    }
    for field, function in functions.items():
        run = dfa.Experiment(**SMALL, **({} if change else {field: function}))
        if change:
            run.change(**{field: function})
            run.undo()  # it could be made again
        with pytest.raises(dfa.DfaLabError, match=r"which no file can hold\. Register it by a name"):
            run.save(tmp_path / "run.safetensors")
        assert list(tmp_path.iterdir()) == []
        run.train(2)
        assert run.steps_done == 2


def test_text_as_a_derivative_is_kept(tmp_path):
    run = dfa.Experiment(**SMALL, activation_derivative={"1": "1 - tanh(x)**2", "*": "step"})
    run.train(3)
    other = resumed(run, tmp_path)
    run.train(4), other.train(4)
    assert_same(run, other)
