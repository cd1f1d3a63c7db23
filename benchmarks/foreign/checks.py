"""What is tried on each architecture. Every check gives a cell of the table, or raises."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import dfa_lab as dfa
from foreign.architecture import Built

STEPS, LR = 30, 1e-3
LAYERWISE = ("bp", "fa")
#: The largest relative difference of a gradient in float64 from the original's.
SAME = 1e-9


def doubled(values: Any) -> Any:
    """Floating tensors in float64."""
    if isinstance(values, dict):
        return {name: doubled(value) for name, value in values.items()}
    if isinstance(values, tuple):
        return tuple(doubled(value) for value in values)
    return values.double() if isinstance(values, Tensor) and values.is_floating_point() else values


def call(net: nn.Module, inputs: Any) -> Any:
    if isinstance(inputs, dict):
        return net(**inputs)
    return net(*inputs) if isinstance(inputs, tuple) else net(inputs)


def located(given: Any, output: Any) -> Tensor:
    """The network's output in what it returned."""
    found: Tensor = given if output is None else given[output]
    return found


def converted(built: Built, rule: str) -> nn.Module:
    """The module converted by the rule's name alone, or by the mapping it needs."""
    chosen: Any = rule
    if built.mapping is not None and rule in LAYERWISE:
        chosen = {name: rule if one == "{rule}" else one for name, one in built.mapping.items()}
    place = {} if built.output is None else {"output": built.output}
    return dfa.convert(built.module, chosen, **place, **built.extra)


def gradients(net: nn.Module, built: Built, targets: Any) -> tuple[float, dict[str, Tensor | None]]:
    """Of one pass with seed 0, so that dropout falls alike."""
    torch.manual_seed(0)
    net.zero_grad()
    loss = built.loss(located(call(net, built.inputs), built.output), targets)
    loss.backward()
    return loss.item(), {name: one.grad for name, one in net.named_parameters()}


def bp_error(built: Built) -> str:
    """``bp``'s gradient of every parameter against the original module's, in float64: the largest relative error."""
    plain = copy.deepcopy(built.module).double()
    twin = Built(plain, doubled(built.inputs), doubled(built.targets), built.loss, built.output, built.extra)
    net = converted(twin, "bp")
    loss, wanted = gradients(copy.deepcopy(plain), twin, twin.targets)
    found_loss, found = gradients(net, twin, twin.targets)
    if list(found) != list(wanted):
        raise AssertionError("the parameters' names are not the module's")
    worst = abs(loss - found_loss) / max(abs(loss), 1e-300)
    largest = max(float(one.norm()) for one in wanted.values() if one is not None)
    for name, one in wanted.items():
        other = found[name]
        if one is None or other is None:
            if one is not other:
                raise AssertionError(f"{name}: one gradient is None, the other is not")
            continue
        size = max(float(one.norm()), 1e-6 * largest)  # what is zero but for rounding has no direction
        worst = max(worst, float((one - other).norm()) / size)
    if worst > SAME:
        raise AssertionError(f"relative error {worst:.1e}")
    return f"{worst:.0e}" if worst else "0"


def audited(built: Built, rule: str) -> str:
    """Rows of the audit and how many were not checked; raises where it is not clean."""
    torch.manual_seed(0)
    result = dfa.audit(converted(built, rule), built.inputs, built.targets, built.loss)
    unchecked = sum(not row.checked for row in result)
    failures = result.failures()
    if failures:
        named = ", ".join(f"{row.parameter} ({row.error:.0e})" for row in failures[:3])
        raise AssertionError(f"not clean: {len(failures)} of {len(result)} rows, {named}")
    if not result.clean:
        raise AssertionError(f"not clean: {unchecked} of {len(result)} rows unchecked")
    return f"{len(result)}, {unchecked} ({100 * unchecked / max(len(result), 1):.0f} %)"


def aligned(built: Built, rule: str) -> str:
    """Rows of ``measure_alignment``; for none the reason it gives."""
    torch.manual_seed(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = dfa.measure_alignment(converted(built, rule), built.inputs, built.targets, built.loss)
    if result:
        angles = [row.gradient_alignment for row in result if math.isfinite(row.gradient_alignment)]
        return f"{len(result)} rows" + (f", {sum(angles) / len(angles):.0f}°" if angles else ", no angle")
    reasons = [str(one.message) for one in caught if "align" in str(one.message)] or [getattr(result, "reason", "")]
    if not reasons[0]:
        raise AssertionError("an empty table without a word")
    return f"none: {reasons[0][:60]}"


def trained(built: Built, rule: str) -> str:
    """The loss before the first and after the last of 30 steps of Adam."""
    torch.manual_seed(0)
    net = converted(built, rule)
    call(net, built.inputs)
    optimizer = torch.optim.Adam(net.parameters(), lr=LR)
    dfa.attach(net, optimizer)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        with dfa.lesson(net, built.targets):
            loss = built.loss(located(call(net, built.inputs), built.output), built.targets)
            loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if not all(math.isfinite(one) for one in losses):
        raise AssertionError("a loss that is not finite")
    return f"{losses[0]:.2f} → {losses[-1]:.2f}"


def experiment(built: Built) -> str:
    """An Experiment with three live changes on the batch."""
    with torch.no_grad():
        outputs = located(call(built.module, built.inputs), built.output).shape[-1]
    tokens = isinstance(built.inputs, Tensor) and not built.inputs.is_floating_point()
    batch = built.inputs, built.targets
    task = dfa.Task.from_arrays(*batch, *batch, tokens=tokens, outputs=outputs)
    place = {} if built.output is None else {"output": built.output}
    module = dfa.convert(built.module, "fa", **place) if place else built.module
    run = dfa.Experiment(module=module, task=task, rule="fa", optimizer="adam", lr=LR, batch_size=8, probe_size=8)
    run.train(4)
    for change in ({"rule": "dfa"}, {"lr": 3e-4, "feedback_scale": 0.5}, {"rule": "usf", "batch_size": 4}):
        run.change(**change)
        run.train(4)
    if run.steps_done != 16 or not math.isfinite(run.history.last("train_loss") or math.nan):
        raise AssertionError("the run did not reach its end")
    return "yes"


def with_backpropagation(built: Built) -> str:
    """30 steps of the module itself, for comparison."""
    return trained(built, "bp")


CHECKS: dict[str, Callable[[Built], str]] = {
    "bp error": bp_error,
    "audit fa": lambda built: audited(built, "fa"),
    "audit dfa": lambda built: audited(built, "dfa"),
    "alignment fa": lambda built: aligned(built, "fa"),
    "alignment dfa": lambda built: aligned(built, "dfa"),
    "30 steps bp": with_backpropagation,
    "30 steps fa": lambda built: trained(built, "fa"),
    "30 steps dfa": lambda built: trained(built, "dfa"),
}
