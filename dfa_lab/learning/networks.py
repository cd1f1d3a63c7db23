"""Network: what an MLP and a converted module both are, and what one does to either: switch, redraw, teach, attach."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.learning.activations import Derivative
from dfa_lab.learning.feedback import FeedbackChoice, Place
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.modules import Converted, conversion_of, unwrapped
from dfa_lab.learning.rules import IGNORED, check_reduction
from dfa_lab.registry import Choice


class Network(Protocol):
    """A network that learns by a rule. ``MLP`` is one itself, ``Converted`` is the view of a converted module.

    ``lesson`` holds the targets and the loss's reduction inside ``dfa.lesson``; ``attached`` counts the optimizers
    whose steps change the feedback; ``averaged`` says that processes average what direct feedback learns from;
    ``true_gradients`` that passes are differentiated as the loss is, not by the rule.
    """

    lesson: tuple[Tensor, str] | None
    attached: int
    averaged: bool
    true_gradients: bool

    @property
    def root(self) -> nn.Module:
        """The module that holds the parameters."""

    def set_rule(self, rule: Any) -> None:
        """Learn by ``rule`` from the next forward pass on."""

    def set_derivative(self, derivative: Any) -> None:
        """Multiply every signal with ``derivative`` from the next forward pass on."""

    @property
    def feedback(self) -> Any:
        """What draws and finds the feedback: a ``FeedbackStore``."""

    def redraw_feedback(self, init: Any = None, scale: Any = None, seed: Any = None, own: bool = False) -> None:
        """Draw all feedback anew; what is not given stays as it was, and what was set by hand unless ``own``."""

    def feedback_places(self) -> list[Place]:
        """Every matrix that ``dfa.feedback`` can name."""

    def feedback_state(self) -> dict[str, Tensor]:
        """All feedback there is, by its key in ``root.state_dict()``."""

    def weights_before(self, stepped: Collection[int] | None = None) -> dict[int, Tensor]:
        """Copies of the weights whose feedback changes with them, to be taken before an optimizer step."""

    def move_feedback(self, before: Mapping[int, Tensor]) -> None:
        """Let feedback change, right after an optimizer step."""


def network_of(net: Any) -> MLP | Converted:
    """The network behind ``net``, which may be wrapped in DistributedDataParallel or compiled.

    Raises ``DfaLabError`` for a module that learns by no rule.
    """
    inner = unwrapped(net, MLP)
    return inner if isinstance(inner, MLP) else conversion_of(net)


def plain_state_dict(net: nn.Module) -> dict[str, Any]:
    """The state of ``net`` under the original module's keys alone: it loads strictly into the original.

    >>> import dfa_lab as dfa
    >>> list(dfa.plain_state_dict(dfa.convert(torch.nn.Sequential(torch.nn.Linear(2, 1)))))
    ['0.weight', '0.bias']
    """
    network = network_of(net)
    feedback = network.feedback_state()
    return {name: value for name, value in network.root.state_dict().items() if name not in feedback}


def set_rule(net: nn.Module, rule: Any) -> None:
    """Let ``net`` learn by ``rule`` from the next forward pass on; feedback drawn before is found again.

    A converted network also takes a mapping of layer names or patterns to rules, as ``convert`` does.

    >>> import dfa_lab as dfa
    >>> net = dfa.MLP([4, 8, 2], rule="dfa")
    >>> dfa.set_rule(net, "fa")
    >>> net.rule.name
    'fa'
    """
    network_of(net).set_rule(rule)


def set_derivative(net: nn.Module, derivative: Choice | Derivative | Sequence[Choice | Derivative]) -> None:
    """Let ``net`` multiply every signal with ``derivative`` from the next forward pass on.

    A choice of DERIVATIVES, text in x or a callable g(a); a mapping gives each layer one of its own, "exact" where it
    names none: hidden layers of an MLP by number, from "1", activation layers of a converted network by name; patterns
    such as "*" match several. An MLP with replicas takes a sequence. Raises ``DfaLabError`` for what matches no layer.

    >>> import dfa_lab as dfa
    >>> net = dfa.MLP([4, 8, 2])
    >>> dfa.set_derivative(net, "1 - tanh(x)**2")
    >>> dfa.set_derivative(net, {"1": "step", "*": "exact"})
    >>> net.derivative
    {'1': 'step', '*': 'exact'}
    """
    network: Network = network_of(net)
    network.set_derivative(derivative)


def redraw_feedback(
    net: nn.Module,
    init: FeedbackChoice | Sequence[FeedbackChoice] | None = None,
    scale: float | Sequence[float] | None = None,
    seed: int | Sequence[int] | None = None,
    own: bool = False,
) -> None:
    """Draw all of ``net``'s feedback anew; what is not given stays as it was. Moves no other random stream.

    Sequences are for an MLP with replicas, one value each. Matrices from ``dfa.set_feedback`` stay as they are by now;
    with ``own=True`` they are drawn too, and are yours no more. ``init`` may be a function, or a matrix, as in ``MLP``.

    >>> import dfa_lab as dfa
    >>> net = dfa.MLP([4, 8, 2], feedback_init="normal")
    >>> dfa.redraw_feedback(net, scale=0.0)
    >>> float(net.feedback_matrices()[0].abs().sum())
    0.0
    """
    network: Network = network_of(net)
    network.redraw_feedback(init, scale, seed, own)


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


def keep_feedback(net: nn.Module, keys: Collection[str]) -> None:
    """Forget the feedback whose key in the ``state_dict`` is not among ``keys``: a rule that needs it has it drawn."""
    network: Network = network_of(net)
    for key in network.feedback_state().keys() - set(keys):
        path, _, name = key.rpartition(".")
        network.root.get_submodule(path)._buffers.pop(name, None)  # a module may have several keys


def check_optimizer(net: nn.Module, optimizer: Any, caller: str) -> None:
    """Raise ``DfaLabError`` where an ``optimizer`` given to ``caller`` has none of the parameters of ``net``."""
    given = [one for group in optimizer.param_groups for one in group["params"]]
    own = list(net.parameters())
    if not {id(one) for one in given} & {id(one) for one in own}:
        copied = [one.shape for one in given] == [one.shape for one in own]
        hint = (
            " Its parameters have the same shapes: those of the module that was converted? dfa.convert gives a copy, "
            "unless inplace=True; make the optimizer after it, of net.parameters()."
        )
        raise DfaLabError(
            f"{caller} was given an optimizer of other parameters; expected some of net.parameters().{hint * copied}"
        )


@contextmanager
def lesson(net: nn.Module, targets: Tensor, reduction: str = "mean", *, ignore_index: int = IGNORED) -> Iterator[None]:
    """Inside, ``net`` has what e alone does not say: DRTP sends ``targets``, sDFA needs e's batch factor.

    ``targets`` are class numbers (…, N) or values (…, N, n_out); ``reduction``, "mean" or "sum", is the loss's own. Run
    the forward pass inside. Rules that need only e take no notice. A sample, or a place of a sequence, with the class
    number ``ignore_index``, the loss's own, has no error and does not count in a mean.

    Raises ``DfaLabError`` for another reduction, and for an ``ignore_index`` that is no whole number.

    >>> import dfa_lab as dfa
    >>> net, x, t = dfa.MLP([4, 8, 2], rule="drtp"), torch.ones(3, 4), torch.tensor([0, 1, 1])
    >>> with dfa.lesson(net, t):
    ...     torch.nn.functional.cross_entropy(net(x), t).backward()
    >>> net.weights[0].grad.shape
    torch.Size([8, 4])
    """
    check_reduction(reduction, ", as the loss has it")
    if isinstance(ignore_index, bool) or not isinstance(ignore_index, int):
        raise DfaLabError(
            f"ignore_index was given as {shown(ignore_index)}; expected a whole number, as the loss has it."
        )
    network = network_of(net)
    if ignore_index != IGNORED and isinstance(targets, Tensor) and not targets.is_floating_point():
        targets = targets.masked_fill(targets == ignore_index, IGNORED)
    before, network.lesson = network.lesson, (targets, reduction)
    try:
        yield
    finally:
        network.lesson = before


@contextmanager
def true_gradients(net: nn.Module) -> Iterator[None]:
    """Inside, gradients through ``net`` are the loss's own, of parameters and of inputs, whatever its rule.

    Under a rule ``x.grad`` follows B, and a direct rule's ends at the first feedback point. Whatever asks how the loss
    depends on the input needs this: saliency maps, sensitivity, attacks (FGSM, PGD), gradient penalties, which
    differentiate twice. Run the forward pass and ``backward`` inside: the pass decides by which gradient it is
    differentiated. Rule, derivative, feedback, correlations of dkp and ldfa, modes and random streams stay as they are,
    and need no ``lesson``; a rule that is set inside counts from the end on. An activation that has no derivative
    (``sign``) keeps its surrogate. A copy made inside learns by its rule; another thread that trains ``net`` would not:
    pause it.

    >>> import dfa_lab as dfa
    >>> net, x = dfa.MLP([2, 3, 1], rule="fa", weight_init="zeros"), torch.ones(1, 2, requires_grad=True)
    >>> with dfa.true_gradients(net):
    ...     net(x).sum().backward()
    >>> x.grad  # all weights are zero
    tensor([[0., 0.]])
    """
    network: Network = network_of(net)
    before, network.true_gradients = network.true_gradients, True
    try:
        yield
    finally:
        network.true_gradients = before


def attach(net: nn.Module, optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    """Let feedback change with every step of ``optimizer`` (kp, wm, dkp, ldfa learn, brsf is drawn anew).

    The function returned ends that. Feedback changes with the weights that this optimizer has; frozen ones and others
    stay. Rules whose feedback stays as it is take no notice, so a network may be attached once and switched at will;
    attaching the same optimizer again changes nothing, and a wrapper that steps an ``optimizer`` of its own (those of
    accelerate and Lightning) stands for that one. Under DistributedDataParallel attach the wrapped network: dkp and
    ldfa then learn from what all processes received. Raises ``DfaLabError`` for what is no optimizer, or has none of
    the network's parameters.

    >>> import dfa_lab as dfa
    >>> net = dfa.MLP([4, 8, 2], rule="kp")
    >>> detach = dfa.attach(net, torch.optim.SGD(net.parameters(), lr=0.1))
    >>> net.attached
    1
    """
    network = network_of(net)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise DfaLabError(f"attach was given a {type(optimizer).__name__}; expected a torch.optim.Optimizer.")
    optimizer = _inner(optimizer)

    def stepped() -> set[int]:
        return {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}

    check_optimizer(net, optimizer, "attach")
    if isinstance(net, nn.parallel.DistributedDataParallel):
        network.averaged = True
    known, key = _attached.setdefault(optimizer, {}), id(network.root)
    if key in known:
        return known[key]
    before: list[Any] = []

    def note(*_: Any) -> None:
        before[:] = [network.weights_before(stepped())]

    def move(*_: Any) -> None:
        if before:
            network.move_feedback(before.pop())

    hooks = optimizer.register_step_pre_hook(note), optimizer.register_step_post_hook(move)
    network.attached += 1

    def detach() -> None:
        if known.get(key) is detach:
            del known[key]
            network.attached -= 1
            for hook in hooks:
                hook.remove()

    known[key] = detach
    return detach


def _inner(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """The optimizer that takes the steps: a wrapper is an Optimizer too, but its hooks are never called."""
    while isinstance(inside := getattr(optimizer, "optimizer", None), torch.optim.Optimizer):
        optimizer = inside
    return optimizer


#: Which networks each optimizer changes feedback for: by their id, the function that ends it.
_attached: weakref.WeakKeyDictionary[torch.optim.Optimizer, dict[int, Callable[[], None]]] = weakref.WeakKeyDictionary()
