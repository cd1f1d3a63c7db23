"""What one does to a network that learns by a rule, an MLP or a converted one: switch, redraw, teach, attach."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.learning.activations import Derivative
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.modules import Converted, conversion_of, unwrapped
from dfa_lab.registry import Choice


def learner_of(net: nn.Module) -> MLP | Converted:
    """The MLP itself, or the view of a converted network; either may be wrapped in DistributedDataParallel or compiled.

    Raises ``DfaLabError`` for any other module.
    """
    inner = unwrapped(net, MLP)
    return inner if isinstance(inner, MLP) else conversion_of(net)


def set_rule(net: nn.Module, rule: Any) -> None:
    """Let ``net`` learn by ``rule`` from the next forward pass on; feedback drawn before is found again.

    A converted network also takes a mapping of layer names or patterns to rules, as ``convert`` does.
    """
    learner_of(net).set_rule(rule)


def set_derivative(net: nn.Module, derivative: Choice | Derivative | Sequence[Choice | Derivative]) -> None:
    """Let ``net`` multiply every signal with ``derivative`` from the next forward pass on."""
    learner: Any = learner_of(net)
    learner.set_derivative(derivative)


def redraw_feedback(
    net: nn.Module,
    init: Choice | Sequence[Choice] | None = None,
    scale: float | Sequence[float] | None = None,
    seed: int | Sequence[int] | None = None,
) -> None:
    """Draw all of ``net``'s feedback anew; what is not given stays as it was. Moves no other random stream."""
    learner: Any = learner_of(net)  # sequences are for an MLP with replicas; another refuses them
    learner.redraw_feedback(init, scale, seed)


def change_feedback(net: nn.Module, rule: Any, drawing: Mapping[str, Any]) -> None:
    """Another rule and other matrices at once; ``drawing`` as ``redraw_feedback`` takes it, empty to keep them.

    An init may suit only the rule before, or only the one after.
    """
    try:
        if drawing:
            redraw_feedback(net, **drawing)
        set_rule(net, rule)
    except DfaLabError:
        set_rule(net, rule)
        redraw_feedback(net, **drawing)


@contextmanager
def lesson(net: nn.Module, targets: Tensor, reduction: str = "mean") -> Iterator[None]:
    """Inside, ``net`` knows what e alone does not tell: DRTP hears ``targets``, sDFA e's batch factor.

    ``targets`` are class numbers (…, N) or values (…, N, n_out); ``reduction``, "mean" or "sum", is the loss's own. Run
    the forward pass inside. Rules that need only e take no notice. Raises ``DfaLabError`` for another reduction.
    """
    if reduction not in ("mean", "sum"):
        raise DfaLabError(f"reduction was given as {shown(reduction)}; expected 'mean' or 'sum', as the loss has it.")
    learner = learner_of(net)
    before, learner.lesson = learner.lesson, (targets, reduction)
    try:
        yield
    finally:
        learner.lesson = before


def attach(net: nn.Module, optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    """Let feedback change with every step of ``optimizer`` (kp, wm, dkp learn, brsf is drawn anew).

    The function returned ends that. Feedback moves with the weights that this optimizer has; frozen ones and others
    stay. Rules whose feedback stays as it is take no notice, so a network may be attached once and switched at will;
    attaching the same optimizer again changes nothing. Under DistributedDataParallel attach the wrapped network: dkp
    then moves by what all processes heard. Raises ``DfaLabError`` for what is no optimizer, or has none of the
    network's parameters.
    """
    learner = learner_of(net)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise DfaLabError(f"attach was given a {type(optimizer).__name__}; expected a torch.optim.Optimizer.")

    def stepped() -> set[int]:
        return {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}

    if not stepped() & {id(parameter) for parameter in net.parameters()}:
        raise DfaLabError("attach was given an optimizer of other parameters; expected some of net.parameters().")
    if isinstance(learner, Converted) and isinstance(net, nn.parallel.DistributedDataParallel):
        learner.conversion.averaged = True
    known = _attached.setdefault(optimizer, {})
    inner = learner if isinstance(learner, MLP) else learner.root
    if id(inner) in known:
        return known[id(inner)]
    before: list[Any] = []

    def note(*_: Any) -> None:
        before[:] = [learner.weights_before(stepped())]

    def move(*_: Any) -> None:
        if before:
            learner.move_feedback(before.pop())

    hooks = optimizer.register_step_pre_hook(note), optimizer.register_step_post_hook(move)
    learner.attached += 1

    def detach() -> None:
        if known.get(id(inner)) is detach:
            del known[id(inner)]
            learner.attached -= 1
            for hook in hooks:
                hook.remove()

    known[id(inner)] = detach
    return detach


#: Which networks each optimizer moves feedback for: by their id, the function that ends it.
_attached: weakref.WeakKeyDictionary[torch.optim.Optimizer, dict[int, Callable[[], None]]] = weakref.WeakKeyDictionary()
