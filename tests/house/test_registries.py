"""Whatever is registered runs: every rule, init, activation, derivative, optimizer: twenty steps on digits."""

import ast
import math
from pathlib import Path

import pytest
import torch

import dfa_lab as dfa
from dfa_lab.learning.rules import catalogue
from dfa_lab.widgets.pictures.catalogue import PICTURES

REGISTRIES = {
    "rule": dfa.RULES,
    "feedback_init": dfa.FEEDBACK_INITS,
    "activation": dfa.ACTIVATIONS,
    "activation_derivative": dfa.DERIVATIVES,
    "optimizer": dfa.OPTIMIZERS,
    "weight_init": dfa.WEIGHT_INITS,
}


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [None, 2])
@pytest.mark.parametrize(("field", "name"), [(field, name) for field, names in REGISTRIES.items() for name in names])
def test_every_registered_name_learns_on_digits(field, name, replicas):
    run = dfa.Experiment(task="digits", widths=(16, 16), lr=0.02, replicas=replicas, **{field: name})
    before = [weight.detach().clone() for weight in run.net.weights]
    run.train(20)
    assert run.steps_done == 20
    assert run.history.layers("gradient_alignment") == [1, 2]
    assert all(math.isfinite(loss) for loss in run.history.values("train_loss")[1].flatten())
    moved = [not torch.equal(old, new) for old, new in zip(before, run.net.weights, strict=True)]
    assert moved == [name != "shallow"] * 2 + [True]
    inputs, targets = run.task.test_inputs[:32], run.task.test_targets[:32]
    audit = dfa.audit(run.net, inputs, targets, run.task.objective)
    assert audit.clean, audit.to_frame()


def test_every_rule_of_the_catalogue_is_registered():
    made = [node for node in ast.walk(ast.parse(Path(catalogue.__file__).read_text())) if isinstance(node, ast.Call)]
    rules = [node for node in made if getattr(node.func, "id", "") in ("Rule", "Layerwise", "Direct", "Frozen")]
    names = [keyword.value.value for node in rules for keyword in node.keywords if keyword.arg == "name"]
    assert names == list(dfa.RULES)[: len(rules)]


def test_the_error_for_an_unknown_name_lists_all_that_is_offered():
    with pytest.raises(dfa.DfaLabError, match="matrix"):
        PICTURES["nothing"]


def test_an_entry_from_another_process_is_checked_too():
    with pytest.raises(dfa.DfaLabError, match="'half' was given as 5; expected a Metric"):
        dfa.METRICS.put("half", 5)
    assert "half" not in dfa.METRICS
