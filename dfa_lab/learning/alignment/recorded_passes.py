"""What flows through each layer of a converted network: one forward pass, and any number of backward passes over it.

``recording/calls.py`` has what is noted of each call. ``measure_alignment`` and ``audit`` both read these recordings.
Record inside ``side_effect_free``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.alignment.backward_paths import BackwardPaths
from dfa_lab.learning.interface import called, located, loss_advice
from dfa_lab.learning.modules import Converted, RuledActivation, RuledLayer
from dfa_lab.learning.networks import lesson
from dfa_lab.learning.ops import behind, checked_loss, mapped, torch_state
from dfa_lab.learning.recording import Call, Clones, Ends, watched


@dataclass(frozen=True)
class BackwardPass:
    """The gradients of one backward pass: ``error`` is e = ∂L/∂output, None where the network's output is no tensor.

    ``parameters`` has each parameter's gradient by name, None for one that got none.
    """

    error: Tensor | None
    parameters: dict[str, Tensor | None]
    _at: dict[Clones, list[Tensor]]

    def at(self, clones: Clones) -> list[Tensor]:
        """The gradients at a call's ``outputs``, ``inputs`` or ``cut``; zeros where none came."""
        return self._at[clones]

    def received(self, call: Call) -> Tensor:
        """What the call's first output received, a row a sample: (N, …), flat; (1, n) where it has one dimension."""
        found = self._at[call.outputs][0]
        return found.flatten(1) if found.dim() > 1 else found.reshape(1, -1)


class Recording:
    """One forward pass: its calls in order and the network's ``output``, also ``before_join`` with feedback points.

    Recorded with inputs, ``outputs`` are the clones of the output that the loss was given, ``random`` the state of
    torch's random streams at the start, and ``again`` runs the network once more on the same inputs.
    """

    again: Callable[[], Any]
    random: list[Tensor]

    def __init__(self, root: nn.Module, calls: Sequence[Call], output: Any, before_join: list[Tensor], loss: Tensor):
        self.root, self.calls, self.output, self.before_join = root, calls, output, before_join
        self.outputs = Clones(force=False)
        self._loss = loss

    def parameters(self) -> dict[str, nn.Parameter]:
        """The parameters that learn, by name."""
        return {name: one for name, one in self.root.named_parameters() if one.requires_grad}

    def backward(self) -> BackwardPass:
        """One backward pass; the graph stays."""
        named = self.parameters()
        first = [self.output] if isinstance(self.output, Tensor) else []
        groups = [clones for call in self.calls for clones in (call.outputs, call.inputs, call.cut)] + [self.outputs]
        edges = [edge for clones in groups for edge in clones.edges if edge is not None]
        wanted: list[Any] = [*first, *edges, *named.values()]
        found: list[Any] = list(torch.autograd.grad(self._loss, wanted, allow_unused=True, retain_graph=True))
        error = found.pop(0) if first else None
        parameters = dict(zip(named, found[len(edges) :], strict=True))
        at_edges = iter(found)
        return BackwardPass(error, parameters, {clones: _filled(clones, at_edges) for clones in groups})

    def activation_of(self, call: Call) -> Call | None:
        """The activation layer that the call's output goes into, no other call between; None where none can be seen."""
        if call.edge is None:
            return None
        others = Ends(one.edge.node for one in self.calls if one.edge is not None and one is not call and _decides(one))
        for later in self.calls[self.calls.index(call) + 1 :]:
            fits = isinstance(later.module, RuledActivation) and later.output.shape == call.output.shape
            if fits and any(node is call.edge.node for node in behind(later.origin, others)):
                return later
        return None

    def calls_for(self, ends: Sequence[Tensor] = ()) -> set[Call]:
        """The calls that the ``ends``, or the loss, come from as far as gradients can follow, through cuts too.

        Of a head that they do not read there is none; a call in no graph is among them.
        """
        own = {call: [edge.node for edge in call.outputs.edges if edge is not None] for call in self.calls}
        cuts = {edge.node: call for call in self.calls for edge in call.cut.edges if edge is not None}
        waiting, read = [one.grad_fn for one in ends or [self._loss]], set[Node]()
        while waiting:
            new = set(behind(waiting.pop(), read)) - read
            read |= new
            waiting += [node for cut in new & cuts.keys() for node in own[cuts[cut]]]
        return {call for call, nodes in own.items() if not nodes or not read.isdisjoint(nodes)}

    def calls_of(self, name: str) -> list[Call]:
        """The calls of one module, in order."""
        return [call for call in self.calls if call.name == name]


def record(
    converted: Converted,
    names: Collection[str],
    inputs: Any,
    targets: Any,
    loss_fn: Callable[[Any, Any], Tensor],
    reduction: str,
    *,
    with_inputs: bool = False,
    slopes: bool = False,
    forward_in: AbstractContextManager[Any] | None = None,
) -> Recording:
    """One forward pass on a batch, made inside ``forward_in``, that notes every call of the modules called ``names``.

    ``with_inputs`` records what each call sends down too; then a watched layer's inputs have a gradient even where the
    network needs none. ``slopes`` notes the activations' mean f′.
    """
    calls, handles, before_join = list[Call](), list[Any](), list[Tensor]()
    random, outputs = torch_state() if with_inputs else [], Clones(force=False)
    cut = converted.conversion.active_points() if with_inputs else ()
    converted.conversion.seen_output = before_join
    try:
        for name, module in converted.root.named_modules():
            if name in names:
                handles += watched(name, module, calls, with_inputs, name in cut, slopes)
        with lesson(converted.root, targets, reduction), forward_in or nullcontext():
            returned = called(converted.root, inputs)
    finally:
        converted.conversion.seen_output = None
        for handle in handles:
            handle.remove()
    output = mapped(_located(converted, returned), outputs) if with_inputs else _located(converted, returned)
    try:
        loss = checked_loss(loss_fn, output, targets)
    except DfaLabError as reason:
        failed = reason.__cause__ is not None  # the loss raised: it may have been given another tensor than it takes
        hint = loss_advice(returned, converted.conversion.output, output) if failed else ""
        raise DfaLabError(f"{reason}{hint}") from reason
    made = Recording(converted.root, calls, output, before_join, loss)
    made.outputs, made.random = outputs, random
    made.again = lambda: _located(converted, called(converted.root, inputs))
    return made


def _located(converted: Converted, returned: Any) -> Any:
    where = converted.conversion.output
    return returned if where is None else located(returned, where)


@contextmanager
def recorded_with_paths(
    converted: Converted,
    inputs: Any,
    targets: Any,
    loss_fn: Callable[[Any, Any], Tensor],
    reduction: str,
    *,
    slopes: bool = False,
) -> Iterator[tuple[Recording, BackwardPaths]]:
    """A recording of every layer, activation and feedback point, and the paths that its backward passes may take."""
    paths = BackwardPaths()
    names = {*converted.carrying, *converted.points}
    names |= {name for name, module in converted.root.named_modules() if isinstance(module, RuledActivation)}
    with paths.installed(converted):
        made = record(
            converted, names, inputs, targets, loss_fn, reduction, slopes=slopes, forward_in=paths.recording()
        )
        yield made, paths


def _filled(clones: Clones, found: Iterator[Tensor | None]) -> list[Tensor]:
    gradients = [None if edge is None else next(found) for edge in clones.edges]
    return [torch.zeros_like(a) if b is None else b for a, b in zip(clones.tensors, gradients, strict=True)]


def _decides(call: Call) -> bool:
    """Whether a call makes another signal of one: a layer or an activation does, a normalisation behind a layer not."""
    return isinstance(call.module, RuledActivation | RuledLayer)
