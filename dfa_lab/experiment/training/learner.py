"""Learner: a network, its task's loss and an optimizer, which turn a batch into an update; what both kinds share."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training.cost_model import Costs
from dfa_lab.experiment.training.module_state import copied_state, left_out, put_back
from dfa_lab.learning.alignment import LayerTensors
from dfa_lab.learning.networks import (
    change_feedback,
    keep_feedback,
    network_of,
    redraw_feedback,
    set_derivative,
    set_rule,
)
from dfa_lab.learning.ops import OPTIMIZERS, change_options, is_sequence
from dfa_lab.learning.rules import through_channel

#: Settings that say which signal the hidden layers get, and among them those that draw the feedback.
FEEDBACK_FIELDS = ("feedback_init", "feedback_scale", "feedback_seed")
SIGNAL_FIELDS = ("rule", "error_channel", "activation_derivative", *FEEDBACK_FIELDS)
#: Settings that make an MLP, and mean nothing for a network that is there already.
OF_AN_MLP = ("widths", "activation", "weight_init", "replicas")
OPTIMIZER_FIELDS = ("lr", "optimizer", "momentum", "weight_decay")
#: Settings whose change is one of the network or of the optimizer.
LEARNER_FIELDS = (*SIGNAL_FIELDS, *OPTIMIZER_FIELDS)


@dataclass(frozen=True)
class LearnerState:
    """Copies of a network's state_dict (None where it need not be restored), of its optimizer's (None without one).

    ``random`` is where the random stream of a module stands; ``buffers`` are those that no state_dict has.
    """

    net: dict[str, Any] | None  # tensors, and what a module's get_extra_state gives
    optimizer: dict[str, Any] | None
    random: tuple[Tensor, ...] = ()
    buffers: dict[str, Tensor | None] = field(default_factory=dict)


class Learner(Protocol):
    """What a run asks of the network that it trains: ``MLPLearner`` by the equations, ``ModuleLearner`` by autograd.

    ``settings`` are those in force.
    """

    #: Samples of the test split that go through the network at once.
    chunk: ClassVar[int]
    #: Whether it leaves its batches unchanged, so that they may be parts of a larger tensor.
    reads_only: ClassVar[bool]

    net: nn.Module
    loss: Any  # of (output, targets), with ``reduction`` and ``value_and_error``, as a ``Loss`` has them
    settings: Settings
    optimizer: torch.optim.Optimizer | None
    #: Which matrices were set by hand when it began: ``FeedbackStore.own``.
    own_feedback: Mapping[tuple[str, str], int]

    @abstractmethod
    def update(self, inputs: Any, targets: Tensor) -> Tensor:
        """Learn one batch; returns the loss at the weights before it, () or (K,)."""

    @abstractmethod
    def output(self, inputs: Any) -> Tensor:
        """The network's output in eval mode, (…, N, n_out); of a module with positions (N, …, n_out)."""

    @abstractmethod
    def answering(self, parts: Sequence[Any], replica: int) -> Callable[[], list[Tensor]]:
        """A function that gives one replica's output for each of ``parts``; training may go on before it is called."""

    @abstractmethod
    def alignment(self, inputs: Any, targets: Tensor, *, chance: bool) -> dict[str, list[Tensor]]:
        """Metric -> a value for each hidden layer; with ``chance`` the chance bands as well."""

    @abstractmethod
    def layer_tensors(self, inputs: Any, targets: Tensor, replica: int) -> list[LayerTensors]:
        """The tensors behind the angles of each hidden layer of one replica."""

    @abstractmethod
    def costs(self, test: int) -> Costs:
        """What a step, a probe on ``probe_size`` of ``test`` test samples and going through all of them cost."""

    @abstractmethod
    def check_net(self) -> None:
        """Raise ``DfaLabError`` where the network was changed behind the experiment."""

    def check_feedback(self) -> None:
        """Raise ``DfaLabError`` where matrices were set by hand behind the experiment."""
        if network_of(self.net).feedback.own != self.own_feedback:
            raise DfaLabError(
                "the experiment's network was given feedback by hand (dfa.set_feedback), which no history, session or "
                "script can tell. Give change(feedback_init=…) a function init(site, generator), or set the matrices "
                "of a network from dfa.convert and give that to Experiment(module=net); "
                "dfa.redraw_feedback(run.net, own=True) draws them from the settings again."
            )

    @abstractmethod
    def prepare(self) -> None:
        """Make anew what ``update`` works with, from the network, the optimizer and the settings."""

    def needs_optimizer(self, settings: Settings) -> bool:
        """Whether ``update`` needs a torch optimizer under ``settings``."""
        return True

    def adopt(self, settings: Settings, changed: Collection[str]) -> None:
        """Use ``settings``, in which the fields ``changed`` differ, from the next update on.

        Another optimizer starts anew; lr, momentum and decay keep its state. An error leaves things half done:
        ``restore`` what ``capture`` gave before.
        """
        before, self.settings = self.settings, settings
        if set(LEARNER_FIELDS).isdisjoint(changed):
            return
        redrawn = FEEDBACK_FIELDS if not set(FEEDBACK_FIELDS).isdisjoint(changed) else ()
        drawing = {name.removeprefix("feedback_"): getattr(settings, name) for name in redrawn}
        if drawing or not {"rule", "error_channel"}.isdisjoint(changed):
            change_feedback(self.net, full_rule(settings), drawing)
        if "activation_derivative" in changed:
            set_derivative(self.net, settings.activation_derivative)
        if not set(OPTIMIZER_FIELDS).isdisjoint(changed):
            if self.optimizer is not None and settings.optimizer == before.optimizer:
                change_options(self.optimizer, make_optimizer(self.net, settings))
            else:
                self.optimizer = make_optimizer(self.net, settings) if self.needs_optimizer(settings) else None
        self.prepare()

    def capture(self, *, net: bool = True) -> LearnerState:
        """Copies of all that ``restore`` needs; with ``net`` false, of the optimizer's state alone."""
        optimizer = None if self.optimizer is None else copy.deepcopy(self.optimizer.state_dict())
        if not net:
            return LearnerState(None, optimizer)
        return LearnerState(copied_state(self.net.state_dict()), optimizer, buffers=copied_state(left_out(self.net)))

    def restore(self, settings: Settings, state: LearnerState | None) -> None:
        """Take up ``settings`` with what ``capture`` gave under them; with None the settings alone."""
        if state is None:
            self.settings = settings
            return
        if state.net is not None:
            keep_feedback(self.net, state.net.keys())  # what a refused change drew goes
            # Weights first: some inits look at them when the matrices are drawn.
            self.net.load_state_dict(state.net, strict=False)
            redraw_feedback(self.net, settings.feedback_init, settings.feedback_scale, settings.feedback_seed)
            set_rule(self.net, full_rule(settings))
            set_derivative(self.net, settings.activation_derivative)
            self.net.load_state_dict(copied_state(state.net), strict=False)  # a module may keep its extra state
        self.settings, self.optimizer = settings, None
        if state.optimizer is not None:
            self.optimizer = make_optimizer(self.net, settings)
            self.optimizer.load_state_dict(copy.deepcopy(state.optimizer))
        self.prepare()
        put_back(self.net, state.buffers)  # last: a pass that draws feedback may move them


def full_rule(settings: Settings) -> Any:
    """The rule as a network takes it: with the error channel."""
    return through_channel(settings.rule, settings.error_channel)


def make_optimizer(net: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """The optimizer that the settings ask for. Raises what it refuses."""
    make = OPTIMIZERS[settings.optimizer]
    learning = [parameter for parameter in net.parameters() if parameter.requires_grad]
    # With a rate for each replica the optimizer steps by 1, and the learner applies the rates.
    lr = 1.0 if is_sequence(settings.lr) else settings.lr
    return make(learning, lr=lr, momentum=settings.momentum, weight_decay=settings.weight_decay)
