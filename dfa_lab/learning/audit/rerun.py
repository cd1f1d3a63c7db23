"""The gradients of all parameters that no layer of a rule's holds, from one more forward pass, cut into pieces.

Class tokens, position embeddings, normalisations, the γ of a block that holds layers: autograd finds their gradients
from the signals that arrive. The network runs again from the same state. At every call that was recorded a piece of it
ends: what comes there has the recorded gradient, and the pass goes on with the recorded values; a layer's own forward
is left out. So each piece is judged by the signals that it really received, whatever rule made them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.learning.alignment import BackwardPass, Recording
from dfa_lab.learning.audit.result import relative_error, tolerance
from dfa_lab.learning.modules import Converted, RuledActivation
from dfa_lab.learning.ops import mapped, restore_torch_state
from dfa_lab.learning.recording import Call, Clones, at_signals, copied_buffers
from dfa_lab.learning.rules import BP


class Rerun:
    """``gradients`` by the parameter's id, and ``failure``, why the network could not be run again, "" where it could.

    ``unlike`` holds the ids of parameters whose gradient means nothing: they led to other values than before.
    """

    def __init__(self, converted: Converted, recording: Recording, passed: BackwardPass) -> None:
        self.gradients: dict[int, Tensor] = {}
        self.unlike: set[int] = set()
        self.failure = ""
        self._converted, self._passed = converted, passed
        self._calls: dict[str, list[Call]] = defaultdict(list)
        for call in recording.calls:
            self._calls[call.name].append(call)
        self._times: dict[str, int] = defaultdict(int)
        self._running: list[Call] = []
        self._came: list[tuple[Tensor, Tensor]] = []  # what ends a piece, and its gradient
        self._other: list[Tensor] = []  # what came with other values
        parameters = list(recording.parameters().values())
        with self._installed():
            restore_torch_state(recording.random)
            try:
                mapped(recording.again(), self._boundary(recording.outputs))
                self._differentiate(parameters)
            except Exception as reason:  # whatever a network of somebody's own may raise
                cause = reason.__cause__ or reason
                self.failure = f"{type(cause).__name__}: {cause}".splitlines()[0]

    def _differentiate(self, parameters: Sequence[Tensor]) -> None:
        came, other = list(self._came), list(self._other)  # a checkpoint runs its part again in the backward pass
        ends = [(one, grad) for one, grad in came if one.requires_grad]
        found = _gradients([one for one, _ in ends], parameters, [grad for _, grad in ends])
        for parameter, grad in zip(parameters, found, strict=True):
            self.gradients[id(parameter)] = torch.zeros_like(parameter) if grad is None else grad
        spoilt = [one for one in other if one.requires_grad]
        reached = _gradients(spoilt, parameters, [torch.ones_like(one) for one in spoilt])
        self.unlike = {id(one) for one, grad in zip(parameters, reached, strict=True) if grad is not None}

    def _boundary(self, recorded: Clones) -> Callable[[Tensor], Tensor]:
        """Ends the piece that comes here, and begins the next with the values recorded."""
        gradients, known, came = self._passed.at(recorded), dict[int, Tensor](), list[Tensor]()

        def change(one: Tensor) -> Tensor:
            if not one.is_floating_point():
                return one
            if id(one) not in known:
                value, gradient = recorded.tensors[len(known)], gradients[len(known)]
                came.append(one)  # kept, so that its id stays its own
                if _alike(one, value):
                    self._came.append((one, gradient))
                else:
                    self._other.append(one)
                known[id(one)] = value.detach().clone().requires_grad_(value.requires_grad).clone()
            return known[id(one)]

        return change

    @contextmanager
    def _installed(self) -> Iterator[None]:
        """Inside, the network's recorded modules are boundaries, and no rule cuts its graph."""
        rules = self._converted.rules
        with ExitStack() as stack:
            stack.enter_context(copied_buffers(self._converted))
            stack.callback(setattr, self._converted, "rules", rules)
            self._converted.rules = dict.fromkeys(rules, BP)
            for name, module in self._converted.root.named_modules():
                if name in self._calls:
                    self._watch(stack, name, module)
            yield

    def _watch(self, stack: ExitStack, name: str, module: nn.Module) -> None:
        carries = name in self._converted.carrying or isinstance(module, RuledActivation)

        def enter(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            calls = self._calls[name]
            call = calls[self._times[name] % len(calls)]
            self._times[name] += 1
            self._running.append(call)
            given = at_signals(module, args, kwargs, self._boundary(call.inputs))
            restore_torch_state(call.random)
            return given

        def leave(_: nn.Module, args: Any, output: Any) -> Any:
            call = self._running.pop()
            new = output if carries else mapped(output, self._boundary(call.outputs))
            restore_torch_state(call.random_after)
            return new

        def recorded(*_: Any, **__: Any) -> Any:
            known = dict[int, Tensor]()

            def fresh(one: Tensor) -> Tensor:
                if one.is_floating_point() and id(one) not in known:
                    known[id(one)] = one.detach().clone().requires_grad_(one.requires_grad).clone()
                return known.get(id(one), one)

            return mapped(self._running[-1].returned, fresh)

        stack.callback(module.register_forward_pre_hook(enter, with_kwargs=True).remove)
        stack.callback(module.register_forward_hook(leave, prepend=True).remove)
        if carries:
            own = {key: value for key, value in module.__dict__.items() if key == "forward"}
            stack.callback(module.__dict__.update, own)
            stack.callback(module.__dict__.pop, "forward")
            module.__dict__["forward"] = recorded


def _alike(one: Tensor, other: Tensor) -> bool:
    same = one.shape == other.shape and one.dtype is other.dtype
    return same and (torch.equal(one, other) or relative_error(one, other) <= tolerance(one.dtype))


def _gradients(ends: Sequence[Tensor], parameters: Sequence[Tensor], given: Sequence[Tensor]) -> list[Tensor | None]:
    if not ends or not parameters:
        return [None] * len(parameters)
    return list(torch.autograd.grad(ends, parameters, given, allow_unused=True, retain_graph=True))
