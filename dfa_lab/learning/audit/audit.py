"""audit: which rule really produced each gradient.

Every layer is checked locally. From the δ that it received and its inputs, ``recompute.py`` computes its parameters'
gradients and the signal that it should send down, by every rule that could be in use; a feedback point is checked from
the error e at the output. So one bad layer puts no blame on the layers below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from dfa_lab.learning.alignment import Recording, record
from dfa_lab.learning.audit.of_mlp import audit_mlp
from dfa_lab.learning.audit.of_modules import Auditor
from dfa_lab.learning.audit.reach import unread_points
from dfa_lab.learning.audit.result import Audit
from dfa_lab.learning.interface import called, cloned
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.modules import DIRECT, Converted, RuledActivation
from dfa_lab.learning.networks import network_of
from dfa_lab.learning.recording import copied_buffers, side_effect_free


def audit(
    net: nn.Module,
    inputs: Any,
    targets: Tensor,
    loss_fn: Callable[[Any, Any], Tensor],
    *,
    reduction: str = "mean",
) -> Audit:
    """A row for each parameter that learns: the rule expected, every rule that explains its gradient, relative error.

    Use it after changing a network or writing a rule. ``loss_fn(output, targets)`` gives a scalar; ``reduction`` is its
    own. Runs two forward and backward passes, and leaves parameters, ``.grad``, buffers, random streams and mode as
    they were. Warns once of feedback points that the output does not come from. Raises ``DfaLabError`` for a network
    that learns by no rule, inputs that the network cannot take, and a loss that is not one finite number.

    A layer's rows compare its parameters' gradients and the signal it sends down, both recomputed from the δ that it
    received; the rows of what feeds a feedback point also compare the signal that the point received. So a layer that
    does not use its own rule has the rows that are not clean. Many rules explain a layer that no signal depends on;
    "dfa+bp" explains what learns both from a point and past it, by a skip connection. What belongs to no layer of a
    rule's (class tokens, normalisations, γ) is checked by autograd, from one more forward pass over the same batch from
    the same state. A row whose gradient cannot be found so has ``checked`` False and the ``reason``; where more rows
    are unchecked than checked ``clean`` is None. A layer whose ``forward`` is called in place of the module is not
    clean, nor is one whose weight is used past it: the ``reason`` says so, with the mapping to paste.

    >>> import torch, dfa_lab as dfa
    >>> net = dfa.MLP([2, 3, 2], rule="fa")
    >>> rows = dfa.audit(net, torch.ones(4, 2), torch.tensor([0, 1, 1, 0]), torch.nn.functional.cross_entropy)
    >>> rows.clean, rows[0].parameter, rows[0].expected
    (True, 'weights.0', 'fa')
    """
    learner = network_of(net)
    if isinstance(learner, MLP):
        return audit_mlp(learner, inputs, targets, loss_fn, reduction)
    with side_effect_free(learner):
        _draw(learner, inputs)
        with copied_buffers(learner):  # the network runs a second time from the same state
            recording = record(learner, _watched(learner), inputs, targets, loss_fn, reduction, with_inputs=True)
            _warn_of_unread(learner, recording)
            auditor = Auditor(learner, recording, targets, reduction)
            with _without_hooks(learner):
                auditor.check_calls()
        with _without_hooks(learner):
            return Audit(auditor.rows())


def _draw(converted: Converted, inputs: Any) -> None:
    """Before the first pass of all, one that draws direct feedback: the points that it leaves out are none."""
    modules = [converted.root.get_submodule(name) for name in converted.direct_points()]
    if all(DIRECT in module._buffers for module in modules):
        return
    converted.conversion.only_draws = True
    try:
        called(converted.root, cloned(inputs))
    finally:
        converted.conversion.only_draws = False


def _warn_of_unread(converted: Converted, recording: Recording) -> None:
    for name in unread_points(converted, recording):
        converted.conversion.unread.setdefault(name, False)
    converted.conversion.warn_of_unread()


@contextmanager
def _without_hooks(converted: Converted) -> Iterator[None]:
    """Inside, what is recomputed is the parameters' own gradients, which no hook of theirs changes."""
    hooked = [(one, one._backward_hooks) for one in converted.root.parameters() if one._backward_hooks]
    try:
        for one, _ in hooked:
            one._backward_hooks = None
        yield
    finally:
        for one, hooks in hooked:
            one._backward_hooks = hooks


def _watched(converted: Converted) -> list[str]:
    """Every module that carries δ, is a feedback point or has a derivative of its own."""
    carrying, points = converted.carrying, converted.points
    return [
        name
        for name, module in converted.root.named_modules()
        if name in carrying or name in points or isinstance(module, RuledActivation)
    ]
