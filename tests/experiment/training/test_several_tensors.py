"""Experiments on modules that take and return several tensors, have positions, or another precision."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa
from dfa_lab.experiment.inspection import network_state
from dfa_lab.learning.ops import CROSS_ENTROPY_OF_CLASSES, LOSSES, Loss
from returning import PACKS, Arguments, Returning, token_batch

IGNORED = -100


def tokens(count=40, **options):
    batch, t = token_batch(count, torch.float32)
    return dfa.Task.from_arrays(batch, t, **options)


class Tagger(nn.Module):
    """Says a class for each token."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.body = nn.Sequential(nn.Linear(6, 6), nn.Tanh())
        self.head = nn.Linear(6, 3)

    def forward(self, input_ids, attention_mask=None):
        return self.head(self.body(self.embedding(input_ids)))


class Pixels(nn.Module):
    """Says a class for each pixel, classes first."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 2, 1))

    def forward(self, x):
        return self.body(x)


def tags(ignored=False):
    batch, _ = token_batch(40, torch.float32)
    ids, mask = batch["input_ids"], batch["attention_mask"]
    targets = torch.where(mask.bool(), ids % 3, IGNORED) if ignored else ids % 3
    return dfa.Task.from_arrays({"input_ids": ids, "attention_mask": mask}, targets)


def experiment(module, task, rule="dfa", **fields):
    torch.manual_seed(0)
    fields = {"lr": 0.05, "batch_size": 8, "probe_size": 6} | fields
    return dfa.Experiment(module=module(), task=task, rule=rule, **fields)


def all_it_can(run):
    """Train with three live changes, and everything that reads a run."""
    run.train(3)
    run.change(rule="fa" if run.settings.rule != "fa" else "dfa")
    run.train(2)
    run.change(lr=0.01)
    run.train(2)
    run.change(batch_size=5)
    run.train(2)
    run.measure()
    assert run.history.last_step == 9
    assert run.snapshot().layers
    assert np.isfinite(run.history.last("gradient_alignment", layer=1))
    state = network_state(run)
    assert len(state.sample.says) == run.task.outputs
    fork = run.fork(rule="bp")
    fork.train(2)
    run.references()
    run.undo()
    assert "<table" in run.task._repr_html_()
    run.reset()
    run.train(1)
    return run


@pytest.mark.parametrize("rule", ["dfa", "fa"])
def test_inputs_in_a_mapping_and_outputs_in_one_train_and_change(rule):
    all_it_can(experiment(Arguments, tokens(), rule, output="logits"))


def test_a_mapping_is_the_same_run_as_a_tuple_of_the_same():
    batch, t = token_batch(40, torch.float32)
    tasks = [dfa.Task.from_arrays(given, t) for given in (batch, tuple(batch.values()))]
    one, two = (experiment(Arguments, task, output="logits").train(6) for task in tasks)
    assert one.digest() == two.digest()


@pytest.mark.parametrize("name", ["mapping", "ModelOutput", "dataclass", "tuple", "function", "transformers"])
def test_a_network_that_packs_its_output_makes_the_same_run(name):
    if name == "transformers":
        pytest.importorskip("transformers")
    pack, place = PACKS[name]
    task = dfa.Task.from_arrays(torch.randn(40, 6, generator=torch.Generator().manual_seed(0)), np.arange(40) % 4)
    packed, plain = (
        experiment(lambda pack=pack: Returning(pack), task, output=place).train(6),
        experiment(lambda: Returning(lambda y, h: y), task).train(6),
    )
    assert packed.digest() == plain.digest()


def test_the_task_keeps_integers_and_masks_and_splits_all_tensors_alike():
    batch, t = token_batch(40)
    batch["keep"] = batch["attention_mask"].bool().numpy()
    task = dfa.Task.from_arrays(batch, t, test_share=0.25, seed=3)
    assert repr(task) == "Task('own', 30 + 10 samples)"
    kinds = {name: task.train_inputs[name].dtype for name in ("input_ids", "attention_mask", "keep")}
    assert kinds == {"input_ids": torch.int64, "attention_mask": torch.int64, "keep": torch.bool}
    assert task.train_inputs["state"][1][0].dtype == torch.float32
    assert task.inputs == 5 + 5 + 6 + 6 + 5
    alone = dfa.Task.from_arrays(batch["input_ids"], t, test_share=0.25, seed=3, tokens=True)
    assert torch.equal(alone.train_inputs, task.train_inputs["input_ids"])
    assert torch.equal(alone.test_targets, task.test_targets)
    given = dfa.Task.from_arrays(batch, t, batch, t)
    assert torch.equal(given.test_inputs["input_ids"], batch["input_ids"])


@pytest.mark.parametrize(
    ("inputs", "targets", "words"),
    [
        (
            {"a": torch.zeros(4, 2), "b": torch.zeros(3)},
            torch.zeros(4).long(),
            r"shape \(4, 2\), \(3,\), targets \(4,\)",
        ),
        ({}, torch.zeros(4).long(), "shape none"),
        ({"a": torch.zeros(4, 2), "b": torch.full((4,), torch.nan)}, torch.tensor([0, 1, 0, 1]), "NaN or infinity"),
        ({"a": [[1], [2, 3]]}, torch.zeros(2).long(), r"inputs\['a'\] cannot be read as an array"),
        (torch.zeros(4, 2), torch.full((4,), IGNORED), "targets are all -100"),
        (torch.zeros(4, 2), torch.zeros(4, 1).long(), r"expected \(N,\) classes"),
        (torch.zeros(4, 2), torch.full((4, 3), -7), "class numbers from 0"),
    ],
)
def test_data_that_make_no_task_are_refused(inputs, targets, words):
    with pytest.raises(dfa.DfaLabError, match=words):
        dfa.Task.from_arrays(inputs, targets)


def test_an_mlp_takes_one_input_and_gives_one_answer():
    with pytest.raises(dfa.DfaLabError, match="several inputs; an MLP"):
        dfa.Experiment(task=tokens())
    with pytest.raises(dfa.DfaLabError, match="a target for each token; an MLP"):
        dfa.Experiment(task=dfa.Task.from_arrays(torch.zeros(8, 3), torch.arange(24).reshape(8, 3) % 2))
    with pytest.raises(dfa.DfaLabError, match="without module"):
        dfa.Experiment(task="moons", output="logits")


def test_without_output_the_experiment_says_how_to_name_it():
    with pytest.raises(dfa.DfaLabError, match=r"Experiment: it holds 'logits' \(2, 3\)"):
        experiment(Arguments, tokens(), "fa")
    with pytest.raises(dfa.DfaLabError, match=r"gave \(2, 3\) for 2 samples of task 'own'; expected a tensor \(2, 5\)"):
        experiment(Arguments, tokens(outputs=5), output="logits")


@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("rule", ["dfa", "fa"])
def test_a_class_for_each_token_trains_and_changes(rule, ignored):
    run = all_it_can(experiment(Tagger, tags(ignored), rule))
    assert run.settings.rule != "bp"


@pytest.mark.parametrize("ignored", [False, True])
def test_loss_and_accuracy_are_over_the_tokens_that_have_a_class(ignored):
    task = tags(ignored)
    run = experiment(Tagger, task, "bp", lr=0.5)
    run.train(30)
    inputs, targets = task.test_inputs, task.test_targets
    with torch.no_grad():
        logits = run.net(**inputs).reshape(-1, 3)
    said = {"test_loss": float(F.cross_entropy(logits, targets.reshape(-1)))}  # leaves −100 out
    heard = targets.reshape(-1) != IGNORED
    said["test_accuracy"] = float((logits.argmax(-1) == targets.reshape(-1))[heard].double().mean())
    assert heard.all() != ignored
    assert run.evaluate() == pytest.approx(said, abs=1e-6)
    assert said["test_accuracy"] > 0.5


@pytest.mark.parametrize("ignored", [False, True])
def test_an_update_is_gradient_descent_on_the_mean_over_tokens(ignored):
    task = tags(ignored)
    run = experiment(Tagger, task, "bp", lr=1.0, batch_size=4)
    inputs, targets = run.trainer.batches.peek(4)
    twin = copy.deepcopy(run.module)
    F.cross_entropy(twin(**inputs).reshape(-1, 3), targets.reshape(-1)).backward()
    run.step()
    for own, other in zip(run.net.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(own.detach(), (other - other.grad).detach(), atol=1e-6)


def test_a_batch_without_a_class_changes_nothing():
    task = dfa.Task.from_arrays(torch.randn(8, 3), np.array([IGNORED] * 7 + [1]), torch.randn(2, 3), np.array([0, 1]))
    for run in (
        dfa.Experiment(task=task, widths=(4,), rule="dfa", batch_size=1, lr=1.0),
        experiment(lambda: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), task, batch_size=1, lr=1.0),
    ):
        before = {name: one.clone() for name, one in run.net.state_dict().items()}
        moved = 0
        for _ in range(8):
            _, t = run.trainer.batches.peek(1)
            run.step()
            same = all(torch.equal(one, before[name]) for name, one in run.net.state_dict().items())
            assert same == (int(t) == IGNORED)
            before = {name: one.clone() for name, one in run.net.state_dict().items()}
            moved += not same
        assert moved == 1


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("replicas", [(), (3,)])
def test_the_loss_of_what_has_a_class_agrees_with_torch_by_hand_and_by_autograd(reduction, replicas):
    draw = torch.Generator().manual_seed(0)
    output = torch.randn(*replicas, 7, 4, generator=draw, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(0, 4, (*replicas, 7), generator=draw)
    targets[..., 2:5] = IGNORED
    loss = Loss(CROSS_ENTROPY_OF_CLASSES.by_autograd, CROSS_ENTROPY_OF_CLASSES.by_hand, reduction)
    parts = zip(output.reshape(-1, 7, 4), targets.reshape(-1, 7), strict=True)
    wanted = torch.stack([F.cross_entropy(o, t, reduction=reduction) for o, t in parts])
    value, error = loss.value_and_error(output.detach(), targets)
    assert torch.allclose(value.reshape(-1), wanted, atol=1e-12)
    assert torch.allclose(loss(output, targets), wanted.sum(), atol=1e-12)
    for one in (wanted.sum(), loss(output, targets)):
        (e,) = torch.autograd.grad(one, output)
        assert torch.allclose(e, error, atol=1e-12)
    plain, _ = LOSSES["cross_entropy"].value_and_error(output.detach()[..., :2, :], targets[..., :2])
    assert plain.isfinite().all()


def test_a_class_for_each_pixel():
    x = torch.randn(20, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    task = dfa.Task.from_arrays(x, (x[:, 0] > 0).long())
    run = all_it_can(experiment(Pixels, task, "fa"))
    run.train(30)
    with torch.no_grad():
        said = run.net(task.test_inputs)
    assert run.evaluate()["test_loss"] == pytest.approx(float(F.cross_entropy(said, task.test_targets)), abs=1e-6)
    assert run.evaluate()["test_accuracy"] == pytest.approx(
        float((said.argmax(1) == task.test_targets).double().mean()), abs=1e-6
    )


class Listener(nn.Module):
    """A 1-d convolution in front of what says a class for each token, classes last or first."""

    def __init__(self, classes_first=False):
        super().__init__()
        self.front, self.classes_first = nn.Conv1d(2, 5, 3, padding=1), classes_first
        self.body = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 3))

    def forward(self, x):
        output = self.body(self.front(x).mT)
        return output.mT if self.classes_first else output


class Matched(nn.Module):
    """As a ``Listener``, but what says the class is no layer that is known."""

    def __init__(self):
        super().__init__()
        self.front = nn.Sequential(nn.Conv1d(2, 5, 3, padding=1), nn.Tanh(), nn.Conv1d(5, 6, 1), nn.Tanh())
        self.match = nn.Parameter(torch.randn(6, 3))

    def forward(self, x):
        return self.front(x).mT @ self.match


def sounds(count=40):
    x = torch.randn(count, 2, 7, generator=torch.Generator().manual_seed(0))
    return dfa.Task.from_arrays(x, x.sum(1).sign().long() + 1, outputs=3)


@pytest.mark.parametrize("rule", ["bp", "fa", "dfa", "drtp", "sdfa", "dkp"])
@pytest.mark.parametrize("classes_first", [False, True])
def test_a_class_for_each_token_behind_a_1d_convolution(rule, classes_first):
    task = sounds()
    run = all_it_can(experiment(lambda: Listener(classes_first), task, rule))
    with torch.no_grad():
        said = run.net(task.test_inputs)
    said = said if classes_first else said.mT
    assert run.evaluate()["test_loss"] == pytest.approx(float(F.cross_entropy(said, task.test_targets)), abs=1e-6)


def test_an_output_that_is_read_the_other_way_round_says_what_to_give():
    said = (
        r"the module gave \(2, 7, 3\) for 2 samples of task 'own'; expected a tensor \(2, 3, 7\).* What it gave is "
        r"read as \(N, C, L\); Experiment\(module=dfa.convert\(module, rule, output=…, maps=False\), task=…\) reads "
        r"three dimensions as \(N, T, C\)\."
    )
    with pytest.raises(dfa.DfaLabError, match=said):
        experiment(Matched, sounds())
    experiment(lambda: dfa.convert(Matched(), "dfa", maps=False), sounds()).train(3)
    with pytest.raises(dfa.DfaLabError, match="the module gave") as caught:  # more classes, whichever way
        experiment(Listener, dfa.Task.from_arrays(sounds().train_inputs, sounds().train_targets, outputs=4))
    assert "is read as" not in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_data_are_cast_to_the_module_s_precision(dtype, loss):
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(40, 6, generator=draw)
    targets = np.arange(40) % 4 if loss == "cross_entropy" else torch.randn(40, 4, generator=draw)
    task = dfa.Task.from_arrays(x, targets)
    run = all_it_can(experiment(lambda: Returning(lambda y, h: y).to(dtype), task))
    assert {one.dtype for one in run.net.parameters()} == {dtype}
    plain = experiment(lambda: Returning(lambda y, h: y), task)
    own = experiment(lambda: Returning(lambda y, h: y).to(dtype), task)
    close = {torch.float64: 1e-6, torch.bfloat16: 0.05, torch.float16: 0.01}[dtype]
    for run in (plain, own):
        run.train(5)
    assert own.evaluate()["test_loss"] == pytest.approx(plain.evaluate()["test_loss"], rel=close)


def test_the_data_themselves_stay_as_they_are():
    task = tokens()
    before = {name: one.clone() for name, one in task.train_inputs.items() if name != "state"}
    run = experiment(lambda: Arguments().double(), task, output="logits")
    run.train(3)
    assert run.task is task
    assert all(torch.equal(one, task.train_inputs[name]) for name, one in before.items())
    assert task.train_inputs["state"][0].dtype == torch.float32


def test_an_explorer_shows_it(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    torch.manual_seed(0)
    explorer = dfa.Explorer(module=Arguments(), task=tokens(), rule="dfa", output="logits", batch_size=8)
    try:
        explorer.act("step", steps=2)
        explorer.experiment.change(rule="fa")
        explorer.act("step", steps=2)
        explorer.runner.wait()
        assert explorer.experiment.steps_done == 4
        assert explorer._repr_mimebundle_()
        explorer.experiment.reset(rule="drtp")
        assert explorer.experiment.output == "logits"
    finally:
        explorer.close()


@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_samples_without_a_class_in_an_mlp_are_as_if_left_out(rule):
    """The explicit step, too: a batch of which half has no class learns as the other half by itself."""
    torch.manual_seed(0)
    inputs, targets = torch.randn(12, 6), torch.arange(12) % 3
    padded, blank = torch.cat([inputs, torch.randn(12, 6)]), torch.cat([targets, torch.full((12,), -100)])
    tests = {"test_inputs": inputs, "test_targets": targets}
    options = {"widths": (8,), "rule": rule, "optimizer": "sgd"}
    whole = dfa.Experiment(task=dfa.Task.from_arrays(padded, blank, **tests), batch_size=24, **options)
    half = dfa.Experiment(task=dfa.Task.from_arrays(inputs, targets, **tests), batch_size=12, **options)
    whole.train(2)
    half.train(2)
    for one, two in zip(whole.net.weights, half.net.weights, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)
