"""audit: which rule really produced each gradient.

Every layer is checked locally. From the δ that arrived at it and the inputs it had, its parameters' gradients and the
signal it should send down are recomputed through its anatomy (``anatomy.py``), for every rule that could be; a feedback
point from the e that arrived at the output. So one bad layer does not blame those below it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from dfa_lab.learning.alignment import undisturbed
from dfa_lab.learning.audit.of_mlp import audit_mlp
from dfa_lab.learning.audit.of_modules import Auditor
from dfa_lab.learning.audit.result import Audit
from dfa_lab.learning.audit.trace import trace
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.modules import Converted, RuledActivation
from dfa_lab.learning.networks import network_of


def audit(
    net: nn.Module,
    inputs: Any,
    targets: Tensor,
    loss_fn: Callable[[Any, Any], Tensor],
    *,
    reduction: str = "mean",
) -> Audit:
    """A row for each parameter that learns: the rule expected, every rule that explains its gradient, relative error.

    A layer's rows are judged by its parameters' gradients and by the signal it sends down, both from the δ that arrived
    there; the rows of what feeds a feedback point also by the signal that arrived at the point. So the rows of a layer
    whose own rule is not used are the ones that are not clean. A layer that no signal depends on is explained by many
    rules; what learns both from a point and past it, by a skip connection, by "dfa+bp". A row whose gradient cannot be
    recomputed by itself (of a module that holds both parameters and layers) has ``checked`` False and counts as clean.
    Layers are seen where they are called as modules: one whose ``forward`` is called instead is not clean.

    ``loss_fn(output, targets)`` gives a scalar; ``reduction`` is its own. Runs one forward and one backward pass, and
    leaves parameters, ``.grad``, buffers, random streams and mode as they were. Raises ``DfaLabError`` for a network
    that learns by no rule, and for a loss that is not one finite number.
    """
    learner = network_of(net)
    if isinstance(learner, MLP):
        return audit_mlp(learner, inputs, targets, loss_fn, reduction)
    with undisturbed(learner):
        seen = trace(learner, _watched(learner), inputs, targets, loss_fn, reduction)
        return Audit(Auditor(learner, seen, targets, reduction).rows())


def _watched(converted: Converted) -> list[str]:
    """Every module that carries δ, holds parameters, is a feedback point or has a derivative of its own."""
    carrying, points = converted.conversion.buffers.carrying, converted.conversion.points
    found = []
    for name, module in converted.root.named_modules():
        alone = any(True for _ in module.parameters(recurse=False)) and not any(True for _ in module.children())
        if name in carrying or name in points or alone or isinstance(module, RuledActivation):
            found.append(name)
    return found
