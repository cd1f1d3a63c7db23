"""Whatever is registered runs: every rule, init, activation, derivative, optimizer: twenty steps on digits."""

import ast
import math
from pathlib import Path

import pytest
import torch

import dfa_lab as dfa
from dfa_lab.learning.rules import catalogue as rules
from dfa_lab.learning.rules.rule import Rules

REGISTRIES = {
    "rule": dfa.RULES,
    "feedback_init": dfa.FEEDBACK_INITS,
    "activation": dfa.ACTIVATIONS,
    "activation_derivative": dfa.DERIVATIVES,
    "optimizer": dfa.OPTIMIZERS,
    "weight_init": dfa.WEIGHT_INITS,
}


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


def test_a_rule_defined_among_the_rules_is_registered(monkeypatch):
    """Whatever stands in the file: a rule is written into its text before the last one, and the file is run."""
    source = Path(rules.__file__).read_text()
    assert isinstance(ast.parse(source).body[-1], ast.For), "no rule can stand below the loop that registers them"
    place = source.index("SHALLOW = Rule(")
    added = 'EXTRA = Rule(name="extra", title="t", paper="p", equation="e", route=Route.NONE)\n'
    fresh = Rules("learning rule")
    monkeypatch.setattr("dfa_lab.learning.rules.rule.RULES", fresh)
    names = {"__name__": rules.__name__}
    exec(compile(source[:place] + added + source[place:], rules.__file__, "exec"), names)
    assert fresh["extra"] is names["EXTRA"]
    assert list(fresh) == [*list(dfa.RULES)[:-1], "extra", "shallow"]
