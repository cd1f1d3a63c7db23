"""expect: assertions with tolerances, for the exercises of a tutorial and for graders such as nbgrader and otter.

Each is silent and returns None where what is expected holds, so that a test prints the same for every student. Where it
does not hold, it raises ``AssertionError`` with one sentence: what was measured, what was expected, what to try. An
argument that cannot be used is a ``DfaLabError``: then the check is wrong, not the answer. Nothing is changed in what
is checked.

>>> import dfa_lab as dfa
>>> run = dfa.Experiment(task="moons", widths=(16,), rule="dfa")
>>> run.train(500).last_step
500
>>> dfa.expect.learns(run, above=0.8)
>>> dfa.expect.angle(run, layer=1, below=80)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.history import METRICS, History
from dfa_lab.experiment.run import Experiment
from dfa_lab.learning.audit import audit
from dfa_lab.learning.networks import network_of
from dfa_lab.learning.rules import RULES

__all__ = ["angle", "learns", "rule_is_used"]

#: Rows of an audit that a message names; beyond that it says how many more there are.
NAMED = 3


def learns(run: Experiment, above: float) -> None:
    """Expect a test accuracy of more than ``above``, a share from 0 to 1, at the step where ``run`` stands.

    With replicas it is the mean over them. The whole test split is measured here and now. Raises ``DfaLabError`` for
    what is no Experiment, a task that has no classes, and another ``above``.

    >>> import dfa_lab as dfa
    >>> try:
    ...     dfa.expect.learns(dfa.Experiment(task="moons", widths=(16,)), above=0.9)
    ... except AssertionError as error:
    ...     print(error)
    test accuracy is 0... at step 0, expected above 0.9: the run was not trained yet, call run.train(steps).
    """
    _check_run(run, "learns", "an Experiment", (Experiment,))
    wanted = _number("above", above, 0, 1)
    found = run.evaluate().get("test_accuracy")
    if found is None:
        raise DfaLabError(
            f"task {run.task.name!r} has no classes, and so no accuracy; expect.learns needs a task that has."
        )
    accuracy = sum(found) / len(found) if isinstance(found, list) else found
    if not accuracy > wanted:
        mean = f" (mean of {len(found)} replicas)" if isinstance(found, list) else ""
        hint = "train longer, or try another lr or rule" if run.steps_done else _UNTRAINED
        where = f"test accuracy is {accuracy:.3f}{mean} at step {run.steps_done:,}"
        raise AssertionError(f"{where}, expected above {wanted:g}: {hint}.")


def angle(
    run: Experiment | History,
    layer: int,
    *,
    below: float | None = None,
    above: float | None = None,
    metric: str = "gradient_alignment",
) -> None:
    """Expect the last measured angle of hidden ``layer`` (from 1) ``below`` or ``above`` so many degrees, or between.

    ``metric`` is "gradient_alignment", between the δ by the rule and by backpropagation, or "weight_alignment", between
    the feedback and the weights it stands for. The last row of the history counts, also where the run went on since
    (``run.measure()`` makes a new one); with replicas their mean. Raises ``DfaLabError`` for another metric, a
    layer that there is not (a History knows of those alone that it has measured), degrees outside 0–180, and where
    neither ``below`` nor ``above`` is given.

    >>> import dfa_lab as dfa
    >>> run = dfa.Experiment(task="moons", widths=(16,), rule="bp")
    >>> run.train(10).last_step
    10
    >>> dfa.expect.angle(run, 1, below=1)
    """
    _check_run(run, "angle", "an Experiment or a History", (Experiment, History))
    history = run.history if isinstance(run, Experiment) else run
    if metric not in ("gradient_alignment", "weight_alignment"):
        raise DfaLabError(f"metric was given as {shown(metric)}; expected 'gradient_alignment' or 'weight_alignment'.")
    if below is None and above is None:
        raise DfaLabError("expect.angle was given neither below nor above; expected one or both, in degrees.")
    high = None if below is None else _number("below", below, 0, 180)
    low = None if above is None else _number("above", above, 0, 180)
    known = history.layers(metric)
    if not known and isinstance(run, Experiment):  # nothing is measured yet: the network itself says how many there are
        known = list(range(1, len(run.snapshot().layers) + 1))
    unknown = (isinstance(run, Experiment) or known) and layer not in known
    if isinstance(layer, bool) or not isinstance(layer, int) or layer < 1 or unknown:
        nothing = "a network with hidden layers" if isinstance(run, Experiment) else "a hidden layer's number, from 1"
        has = f"one of {', '.join(map(str, known))}" if known else nothing
        raise DfaLabError(f"layer was given as {shown(layer)}; expected {has}.")
    bounds = {"below": high, "above": low}
    wanted = " and ".join(f"{name} {bound:g}°" for name, bound in bounds.items() if bound is not None)
    what = f"{METRICS[metric].label} of layer {layer}"
    found, newest = history.last(metric, layer), history.newest(metric, layer)
    if found is None or newest is None:
        raise AssertionError(f"{what} was never measured, expected {wanted}: {_UNTRAINED}.")
    where = f"{what} is {{}} at step {newest[0]:,}, expected {wanted}"
    if math.isnan(found):
        raise AssertionError(f"{where.format('not defined')}: does the rule send a signal to this layer?")
    if high is not None and not found < high:
        raise AssertionError(f"{where.format(f'{found:.1f}°')}: 90° is chance, train longer or look at the derivative.")
    if low is not None and not found > low:
        raise AssertionError(f"{where.format(f'{found:.1f}°')}: is the rule, or the derivative, the one asked for?")


def rule_is_used(
    net: nn.Module, inputs: Any, targets: Tensor, loss_fn: Callable[[Any, Any], Tensor], *, rule: str | None = None
) -> None:
    """Expect that every gradient of ``net`` is made by its own rule, as ``dfa.audit`` finds; with ``rule``, that one.

    Arguments and their order are those of ``dfa.audit``, which also says what is an error; ``rule`` is a name of
    ``dfa.RULES``, that of all layers. What could not be checked is no failure, unless it is most of the network.

    >>> import torch, dfa_lab as dfa
    >>> net, inputs, targets = dfa.MLP([2, 3, 2], rule="fa"), torch.ones(4, 2), torch.tensor([0, 1, 1, 0])
    >>> dfa.expect.rule_is_used(net, inputs, targets, torch.nn.functional.cross_entropy, rule="fa")
    """
    if rule is not None:
        wanted = RULES.resolve(rule).name
        used = _rules_of(net)
        if used != {wanted}:
            raise AssertionError(
                f"the network's rule is {' and '.join(sorted(used))}, expected {wanted}: give rule={wanted!r} where it "
                f"is made, or call dfa.set_rule(net, {wanted!r})."
            )
    rows = audit(net, inputs, targets, loss_fn)
    if failures := rows.failures():
        said = [f"{one.parameter} by {' or '.join(one.explained) or 'no known rule'}" for one in failures[:NAMED]]
        more = f" and {len(failures) - NAMED} more" if len(failures) > NAMED else ""
        expected = " and ".join(dict.fromkeys(one.expected for one in failures))
        raise AssertionError(
            f"{len(failures)} of {len(rows)} gradients are not made by the network's rule ({', '.join(said)}{more}), "
            f"expected {expected}: print(dfa.audit(…)) shows every row."
        )
    if rows.clean is None:
        raise AssertionError(
            f"{len(rows.unchecked())} of {len(rows)} gradients could not be checked, expected at most half: "
            "print(dfa.audit(…)) says why."
        )


_UNTRAINED = "the run was not trained yet, call run.train(steps)"


def _rules_of(net: nn.Module) -> set[str]:
    """The names of the rules in use, layer by layer."""
    network: Any = network_of(net)
    return {one.name for one in getattr(network, "rules", {}).values()} or {network.rule.name}


def _check_run(run: object, place: str, expected: str, kinds: tuple[type, ...]) -> None:
    if not isinstance(run, kinds):
        inside = isinstance(getattr(run, "experiment", None), Experiment)
        hint = ": give its .experiment" if inside else ""
        raise DfaLabError(f"expect.{place} got {shown(run)}; expected {expected}{hint}.")


def _number(name: str, given: Any, low: float, high: float) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not low <= given <= high:
        percent = ", a share: 0.93 for 93 %" if high == 1 else ", in degrees"
        raise DfaLabError(f"{name} was given as {shown(given)}; expected a number from {low:g} to {high:g}{percent}.")
    return float(given)
