"""Conversion: the rules of a converted network, and the hooks by which direct rules work.

The layers themselves work by layerwise rules (``layers.py``). For direct rules a hook at the root opens a list, hooks
at the feedback points note the hidden tensors and cut the graph, and a second hook at the root joins them with the
output in one node.
"""

from __future__ import annotations

import copy
import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.learning.interface import Output, heard_output, located, point_messages, with_tensor, without_losses
from dfa_lab.learning.layers import is_decided
from dfa_lab.learning.modules.error_projection import correlation, lesson_like, received_by, signal_of
from dfa_lab.learning.modules.feedback_buffers import ModuleFeedback
from dfa_lab.learning.modules.feedback_points import Cuts, HandedOn, LateActivations
from dfa_lab.learning.modules.layers import Paths
from dfa_lab.learning.ops import (
    check_that_something_gets_out,
    functional,
    mapped,
    nothing_gets_out,
    squashed_by,
    tensors_of,
)
from dfa_lab.learning.rules import Direct, Lesson, Rule, given_lesson, warn_unless_attached

#: Feedback points as they are passed: names, modules, hidden tensors.
_Noted = list[tuple[str, nn.Module, Tensor]]


class Conversion:
    """The rules of one network, by the names of its layers and feedback points, and the state of a forward pass.

    ``rules`` holds each layer's and point's rule, ``choice`` and ``derivative`` what they were chosen by; ``buffers``
    draws and finds the feedback; ``output`` says where the output is in what the root returns; ``lesson``, ``attached``
    and ``averaged`` are as in ``Network``. With ``only_draws`` a pass draws direct feedback and joins nothing, with
    ``true_gradients`` torch's autograd goes through. After a pass it holds no tensor but the correlations that the
    next optimizer step changes feedback by.
    """

    def __init__(self, buffers: ModuleFeedback, output: Output = None, found: bool = False) -> None:
        self.output = output
        self.points = buffers.points
        self.buffers = buffers
        self.rules: dict[str, Rule] = {}
        self.undecided: dict[str, str] = {}  # parameters and their modules: the next pass shows whether δ goes through
        self.choice: Any = None
        self.derivative: Any = "exact"
        self.lesson: tuple[Tensor, str] | None = None
        self.correlations: dict[str, Tensor] = {}
        self.left_out: set[str] = set()  # found points that gave the output itself, or that e cannot be delivered to
        self.unread: dict[str, bool] = {}  # points that the output does not come from, and whether that was said
        self.only_draws = False
        self.true_gradients = False
        self.attached = 0
        self.averaged = False
        self._untraced: Callable[[nn.Module], None] | None = None
        self.seen_output: list[Tensor] | None = None  # a list here is given each output before it is joined
        self.backward_paths: Paths | None = None  # while a pass is recorded: the cuts can be passed, B replaced
        self._open: _Noted | None = None
        self._reached: set[str] = set()
        self._missed: set[str] = set()
        self._found = found  # points that were found, not given, follow the order in which the modules are held
        self._cuts: Cuts | None = None  # in a pass
        self._handed_on = HandedOn()
        self._judged: set[str] = set()  # the kinds of nodes that outputs came from
        self._late: LateActivations | None = LateActivations() if found else None  # until the first pass has ended

    @contextmanager
    def saved(self) -> Iterator[None]:
        """Inside, no feedback is redrawn; afterwards all is as before, a pass that was under way included."""
        copied = {name: copy.copy(getattr(self, name)) for name in ("correlations", "_reached", "_missed")}
        before, stale = {**self.__dict__, **copied}, self.buffers.stale
        self.attached, self.buffers.stale = 1, False
        try:
            yield
        finally:
            self.__dict__.update(before)
            self.buffers.stale = stale

    def __getstate__(self) -> dict[str, Any]:
        """A copy is attached to no optimizer, and in no pass."""
        clean = {"attached": 0, "true_gradients": False, "_open": None, "_untraced": None, "_cuts": None}
        return {**self.__dict__, **clean}

    def attach(self, count: int) -> None:
        """Set how many optimizers the feedback is attached to."""
        self.attached = count
        if count and self._untraced is None:
            # Not earlier: it loads torch's compiler, which the first optimizer has done by now.
            self._untraced = torch.compiler.disable(self.buffers.freshen)

    @property
    def uses(self) -> list[Rule]:
        """The rules in use, each once."""
        return list({id(rule): rule for rule in self.rules.values()}.values())

    def active_points(self) -> list[str]:
        """The points where the graph is cut: those whose rule is direct or freezes hidden layers."""
        return [name for name in self.points if self.rules[name].cuts_graph and name not in self.left_out]

    def register(self, root: nn.Module) -> None:
        """Register the hooks, before the user's own, so that these see what the network really returns."""
        root.register_forward_pre_hook(self.begin, prepend=True)
        root.register_forward_hook(self.end, prepend=True)
        root.register_load_state_dict_pre_hook(self.buffers.make_room)
        root._register_state_dict_hook(self.buffers.complete)
        for name in self.points:
            root.get_submodule(name).register_forward_hook(functools.partial(self.tap, name), prepend=True)

    def begin(self, root: nn.Module, args: Any) -> None:
        """The root's forward pass begins."""
        self._open = self._cuts = None
        self._handed_on.clear()
        if torch.is_grad_enabled() and not self.true_gradients:
            if root.training:
                warn_unless_attached(self.uses, self.attached)
                if self.buffers.stale:
                    (self._untraced or self.buffers.freshen)(root)
            self._cuts = Cuts()
            self._open = [] if any(isinstance(self.rules[name], Direct) for name in self.points) else None
            if self._open is not None and self._late is not None and not torch.compiler.is_compiling():
                self._late.watch(root, self._cuts.last)
            self._reached = set()

    def tap(self, name: str, module: nn.Module, args: Any, output: Any) -> Any:
        """A feedback point returned ``output``: note it for the join, and pass on a copy that is cut off the graph."""
        rule = self.rules[name]
        if self.true_gradients or name in self.left_out or not (rule.cuts_graph and torch.is_grad_enabled()):
            return None
        found = tensors_of(output)
        if not found:
            raise DfaLabError(
                f"feedback point {shown(name)} gave a {type(output).__name__} without a floating tensor; expected "
                "one, or a tuple, list, mapping or dataclass that holds one: choose other points."
            )
        if isinstance(rule, Direct):
            self._note(name, module, found[0], rule)
        self._reached.add(name)
        cut = mapped(output, Tensor.detach if self.backward_paths is None else self.backward_paths.gate)
        if self._cuts is not None:
            self._cuts.note(name, cut, output)
        if self._open is not None:
            self._handed_on.note(name, cut)
        return cut

    def warn_of_unread(self) -> None:
        """Warn once of each point that is known to be unread."""
        if new := [name for name, was_said in self.unread.items() if not was_said and name not in self.left_out]:
            self.unread |= dict.fromkeys(new, True)
            warnings.warn(point_messages.unread(new, self._read_points()), stacklevel=2)

    def _read_points(self) -> list[str]:
        return [name for name in self.active_points() if name not in self.unread]

    def _warn_of_missed_points(self, output: Tensor, noted: _Noted) -> None:
        """Warn once of points that are not read or not reached, and where nothing after the last one can learn."""
        if torch.compiler.is_compiling():
            return
        self.warn_of_unread()
        if missed := [name for name in self.active_points() if name not in self._reached | self._missed]:
            self._missed.update(missed)
            warnings.warn(
                f"feedback points {', '.join(missed)} were not reached in this forward pass: what feeds them, if "
                "anything does, learns from the next point on the way, by autograd. Give convert(…, points=[…]).",
                stacklevel=2,
            )
        if not output.requires_grad and "" not in self._missed:
            self._missed.add("")
            last = ([name for name, *_ in noted if name not in self.unread] or [noted[-1][0]])[-1]
            said = point_messages.nothing_behind(last, self._read_points(), self._found, self.output)
            warnings.warn(said, stacklevel=2)

    def _warn_of_a_squashed_output(self, node: Node) -> None:
        """Warn once where the network ends in a function that belongs to the loss; look once at each kind of node."""
        kind = node.name()
        if kind in self._judged:
            return
        self._judged.add(kind)
        if (said := squashed_by(node)) is not None:
            warnings.warn(said, stacklevel=2)

    def _note(self, name: str, module: nn.Module, hidden: Tensor, rule: Rule) -> None:
        if self._open is not None:
            self._open.append((name, module, hidden))
        elif name not in self._reached or torch._C._current_graph_task_id() < 0:  # else a recomputed checkpoint's
            raise DfaLabError(
                f"feedback point {shown(name)} was reached outside the network's own forward pass, where rule "
                f"{rule.name!r} cannot join it with the output. Call the network itself; run its parts under "
                "torch.no_grad(); give torch.utils.checkpoint use_reentrant=False."
            )

    def end(self, root: nn.Module, args: Any, output: Any) -> Any:
        """The root returns ``output``: join it with the hidden tensors that were noted."""
        noted, self._open = self._open, None
        output, noted = self._uncut(output, noted)
        if self.undecided and not self.true_gradients:  # inside, layers use their weights as torch does
            self._look_at_products(root, output)
        if self.seen_output is not None and (self.output is not None or isinstance(output, Tensor)):
            self.seen_output.append(located(output, self.output))
        if noted is None:
            return output
        returned, output = output, heard_output(output, self.output)
        if not noted:
            raise DfaLabError(
                f"none of the feedback points {', '.join(self.active_points())} was reached in this forward pass; "
                "choose points that are."
            )
        gone = self.buffers.left_out(noted, output.shape, self._read_points(), self._found and self.only_draws)
        self.left_out |= gone
        noted = [one for one in noted if one[0] not in gone]
        self._warn_of_missed_points(output, noted)
        if self._late is not None and not torch.compiler.is_compiling():
            self._late.warn(self.active_points())
            self._late = None
        if not torch.compiler.is_compiling() and output.grad_fn is not None:
            self._warn_of_a_squashed_output(output.grad_fn)
        feedback = self.buffers.direct(root, noted, output.shape)
        watched = self._handed_on.watched(returned, output, self.active_points(), self.seen_output is not None)
        self._handed_on.clear()
        if self.only_draws:
            return returned
        names, _, hiddens = zip(*noted, strict=True)
        signals = self._signals(names, hiddens, output)
        if self.backward_paths is not None:
            signals = self.backward_paths.signals(signals)
        joined = functional.join(output, hiddens, feedback, signals)
        return joined if returned is output else with_tensor(without_losses(watched, output), output, joined)

    def _uncut(self, returned: Any, noted: _Noted | None) -> tuple[Any, _Noted | None]:
        """What the root returned and the points noted, without a point that was found and gives the output itself."""
        cuts, self._cuts = self._cuts, None
        found = None if cuts is None else cuts.behind_the_giver(returned, self.output)
        if found is None:
            return returned, noted
        whole, (name, *behind) = found
        if not self._found or len(self._reached) == 1 or [one[0] for one in noted or ()].count(name) > 1:
            raise DfaLabError(point_messages.output_is_cut(name))
        self.left_out.add(name)
        if noted and (others := [one for one in behind if one not in self.unread]):
            before = [one for one in self._read_points() if one not in behind]
            warnings.warn(point_messages.gives_the_output(name, before, others, self.output), stacklevel=2)
        return whole, noted and [one for one in noted if one[0] != name]

    def _look_at_products(self, root: nn.Module, output: Any) -> None:
        """Raise ``DfaLabError`` where δ goes past the rules; an audit has a row that says so of a layer."""
        recorded = self.seen_output is not None and self.backward_paths is None
        undecided = {
            name: owner for name, owner in self.undecided.items() if not recorded or owner not in self.buffers.carrying
        }
        if is_decided(root, undecided, self.choice, output) and not recorded:
            self.undecided = {}

    def _signals(self, names: Sequence[str], hiddens: Sequence[Tensor], output: Tensor) -> functional.Signals:
        rules: list[Any] = [self.rules[name] for name in names]  # direct: no others are noted
        for rule in rules:
            if rule.listens:
                check_that_something_gets_out(rule.name, output)
        lesson = self.lesson_of(output) if any(rule.needs_lesson for rule in rules) else None
        shapes, layouts = [h.shape for h in hiddens], self.buffers.layouts
        firsts = [layouts.of(name, output.shape, shape) for name, shape in zip(names, shapes, strict=True)]
        kept = [
            h.detach().clone() if rule.listens else None for h, rule in zip(hiddens, rules, strict=True)
        ]  # copies: an activation in place may overwrite a hidden tensor

        def signals(error: Tensor, matrices: Sequence[Tensor], needed: Sequence[bool]) -> list[Tensor | None]:
            found: list[Tensor | None] = []
            sent: dict[int, Any] = {}  # by rule: all its points receive the same
            for number, (rule, matrix) in enumerate(zip(rules, matrices, strict=True)):
                if id(rule) not in sent:
                    sent[id(rule)] = received_by(rule, error, lesson, firsts[number])
                received, hidden, first = sent[id(rule)], kept[number], firsts[number]
                if hidden is not None:
                    self._add_correlation(names[number], correlation(rule, received.detach(), matrix, hidden, first))
                found.append(signal_of(rule, received, matrix, shapes[number], first) if needed[number] else None)
            return found

        return signals

    def _add_correlation(self, name: str, found: Tensor) -> None:
        if not torch.compiler.is_compiling() and torch._C._are_functorch_transforms_active():
            raise DfaLabError(nothing_gets_out(self.rules[name].name))
        before = self.correlations.get(name)
        self.correlations[name] = found if before is None else before + found

    def lesson_of(self, output: Tensor) -> Lesson:
        """The lesson of ``dfa.lesson``, in the output's shape; ``DfaLabError`` outside of one."""
        targets, reduction = given_lesson(self.lesson, next((r.name for r in self.uses if r.needs_lesson), ""))
        return lesson_like(output, targets, reduction, self.buffers.layouts)
