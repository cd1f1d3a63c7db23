"""ModuleLearner: a converted module by autograd and a torch optimizer, with feedback that moves with it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.data import Task, network_inputs
from dfa_lab.experiment.history import CHANCE
from dfa_lab.experiment.settings import GradientsAsBefore, Settings
from dfa_lab.experiment.training.cost_model import CHANCE_DRAWS, Costs, module_costs
from dfa_lab.experiment.training.learner import (
    FEEDBACK_FIELDS,
    OF_AN_MLP,
    Learner,
    LearnerState,
    full_rule,
    make_optimizer,
)
from dfa_lab.experiment.training.module_loss import ModuleLoss
from dfa_lab.experiment.training.operation_count import counted_operations
from dfa_lab.learning.alignment import LayerTensors, measure_converted, module_layer_tensors
from dfa_lab.learning.interface import (
    Output,
    applied,
    as_floating,
    called,
    check_output,
    cloned,
    located,
    on_device,
    rows,
)
from dfa_lab.learning.layers import eval_mode
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.modules import Converted, conversion_of, convert, unwrapped
from dfa_lab.learning.ops import each_seed, generator, restore_torch_state, torch_state


def untrained_copy(module: nn.Module) -> nn.Module:
    """A copy that training leaves alone."""
    with GradientsAsBefore():
        return copy.deepcopy(module)


def own_settings(module: nn.Module, fields: Mapping[str, Any]) -> dict[str, Any]:
    """``fields``, and beside them what a converted ``module`` was converted with.

    Raises ``DfaLabError`` for fields that only an MLP has, and for what is no module of one's own.
    """
    if not isinstance(module, nn.Module) or isinstance(unwrapped(module, MLP), MLP):
        raise DfaLabError(
            f"module was given as a {type(module).__name__}; expected a torch.nn.Module of your own. An MLP is made "
            "from widths=(…)."
        )
    for name in OF_AN_MLP:
        if name in fields:
            raise DfaLabError(f"{name} was given beside module; it makes an MLP, and the module is there already.")
    if unwrapped(module) is None:
        return dict(fields)
    conversion = conversion_of(module).conversion
    own = {"rule": conversion.choice, "activation_derivative": conversion.derivative}
    return {**own, **dict(zip(FEEDBACK_FIELDS, _drawing(conversion_of(module)), strict=True)), **fields}


def _drawing(converted: Converted) -> tuple[Any, Any, Any]:
    """How the feedback was drawn: init, scale, seed."""
    buffers = converted.conversion.buffers
    return buffers.init, buffers.scale, buffers.seed


def converted_copy(module: nn.Module, settings: Settings, output: Output = None) -> nn.Module:
    """A converted copy of ``module`` under ``settings``; a converted one keeps its feedback where they are its own.

    ``output`` is as in ``convert``; a converted one keeps its own where none is given.
    """
    values: Any = settings  # without replicas none of them is a sequence
    drawing = {name: getattr(settings, name) for name in FEEDBACK_FIELDS}
    if unwrapped(module) is None:
        derivative = values.activation_derivative
        net = convert(module, full_rule(settings), activation_derivative=derivative, output=output, **drawing)
        return net.to(settings.device)
    net = copy.deepcopy(conversion_of(module).root).to(settings.device)
    converted = conversion_of(net)
    if output is not None:
        check_output(output)
        converted.conversion.output = output
        converted.conversion.left_out.clear()
        converted.conversion.unread.clear()
    if (asked := tuple(drawing.values())) != _drawing(converted):
        converted.redraw_feedback(*asked)
    converted.set_rule(full_rule(settings))
    converted.set_derivative(values.activation_derivative)
    return net


class ModuleLearner(Learner):
    """A converted copy of ``module`` that learns ``task`` by ``settings``; ``output`` as in ``convert``.

    Data are cast to the module's floating type, the loss is computed in float32 at least. Dropout and the like draw
    from a random stream of the run's own, which nothing else in the process moves. Raises ``DfaLabError`` for a module
    that does not suit the task or has nothing to learn.
    """

    chunk = 512
    reads_only = False
    optimizer: torch.optim.Optimizer

    loss: ModuleLoss
    _drawn_for: list[str]  # the points at which a direct rule has, or had, its feedback

    def __init__(self, module: nn.Module, task: Task, settings: Settings, output: Output = None) -> None:
        if settings.replicas is not None:
            raise DfaLabError(f"replicas was given as {settings.replicas} beside module; a module has none: use None.")
        if not any(parameter.requires_grad for parameter in module.parameters()):
            raise DfaLabError("module has no parameter that requires a gradient; nothing could learn.")
        self.net, self.settings = converted_copy(module, settings, output), settings
        self._converted: Converted = conversion_of(self.net)
        self.loss = ModuleLoss(task.objective, self._converted.layouts)
        floating = (one.dtype for one in self.net.parameters() if one.is_floating_point())
        self._dtype = next(floating, torch.float32)
        self.own_feedback = dict(self._converted.feedback.own)
        with torch.random.fork_rng():
            torch.manual_seed(generator(*each_seed("seed", settings.seed, None), "noise").initial_seed())
            self._random = torch_state()
        if not self.net.training:  # a part that is in eval mode, such as frozen statistics, stays so
            self.net.train()
        self._example = self._first_inputs(task)
        self._check(task)
        self.optimizer = make_optimizer(self.net, settings)
        self._converted.attached = 1

    def _first_inputs(self, task: Task) -> Any:
        """Copies of two training samples: a layer in place would change the task's own data."""
        first = network_inputs(rows(task.stored_inputs("train"), slice(0, 2)))
        return cloned(self._taken(on_device(first, self.settings.device)))

    def _check(self, task: Task) -> None:
        targets, example = task.train_targets[:2], self._example
        self._draw()
        with torch.no_grad(), counted_operations() as counter:
            returned = self._returned(example)
        self._forward = counter.get_total_flops() / 2 / len(targets)  # a multiply-add is two of them
        wanted = (*(targets.shape if task.classifies else targets.shape[:-1]), task.outputs)
        if tuple(self.loss.in_order(returned).shape) != wanted:
            layouts, shape = self._converted.layouts, tuple(returned.shape)
            if layouts.features_first("", shape):
                wanted = (wanted[0], wanted[-1], *wanted[1:-1])
            note, give = "", "Experiment(module=dfa.convert(module, rule, output=…, maps={}), task=…)"
            if len(shape) == 3 and (shape[0], shape[2], shape[1]) == wanted:
                note = layouts.note("", shape, "What it gave", give)
            raise DfaLabError(
                f"the module gave {shape} for {len(targets)} samples of task {task.name!r}; expected a tensor {wanted}"
                f"{'' if task.per_sample else ' (a task says by outputs= how many classes there are)'}."
                f"{note}"
            )

    def _taken(self, inputs: Any) -> Any:
        """Inputs in the module's floating type."""
        return as_floating(inputs, self._dtype)

    def prepare(self) -> None:
        """Draw feedback where a change of rule made other points; autograd goes through the network as it is."""
        if self._converted.direct_points() != self._drawn_for:
            self._draw()

    def _draw(self) -> None:
        """Draw direct feedback where there is none yet; found points that e cannot be delivered to are left out."""
        self._converted.try_out(self._example)
        self._drawn_for = self._converted.direct_points()

    def check_net(self) -> None:
        """Raise ``DfaLabError`` where the network has matrices by hand, another rule, derivative or way of learning."""
        self.check_feedback()
        if self._converted.true_gradients:
            raise DfaLabError("the experiment's network is inside dfa.true_gradients; train it outside, by its rule.")
        conversion = self._converted.conversion
        if (
            conversion.choice != full_rule(self.settings)
            or conversion.derivative != self.settings.activation_derivative
        ):
            raise DfaLabError(
                "the experiment's network was changed from outside (another rule or derivative); use change(…) on the "
                "experiment, or train the network in a loop of your own."
            )

    def update(self, inputs: Any, targets: Tensor) -> Tensor:
        """See ``Learner``."""
        self._converted.lesson = targets, self.loss.reduction
        try:
            with torch.enable_grad(), self._own_stream():
                output = located(applied(self.net, self._taken(inputs)), self._converted.conversion.output)
                loss = self.loss(output, targets)
                loss.backward()
            before = self._converted.weights_before()
            self.optimizer.step()
        finally:
            self.optimizer.zero_grad(set_to_none=True)
            self._converted.lesson = None
        self._converted.move_feedback(before)
        return loss.detach()

    @contextmanager
    def _own_stream(self) -> Iterator[None]:
        with torch.random.fork_rng():
            restore_torch_state(self._random)
            yield
            self._random = torch_state()

    def output(self, inputs: Any) -> Tensor:
        """See ``Learner``."""
        return self.loss.in_order(self._returned(inputs))

    def _returned(self, inputs: Any) -> Tensor:
        """The output as the module gives it."""
        with eval_mode(self.net):
            returned = called(self.net, cloned(self._taken(inputs)))
        return located(returned, self._converted.conversion.output)

    def answering(self, parts: Sequence[Any], replica: int) -> Callable[[], list[Tensor]]:
        """See ``Learner``: it computes here and now, for the network is not copied."""
        outputs = [self.output(part) for part in parts]
        return lambda: outputs

    def layer_tensors(self, inputs: Any, targets: Tensor, replica: int) -> list[LayerTensors]:
        """See ``Learner``."""
        with eval_mode(self.net):
            inputs = self._taken(inputs)
            return module_layer_tensors(self._converted, inputs, targets, self.loss, self.loss.reduction)

    def costs(self, test: int) -> Costs:
        """See ``Learner``."""
        return module_costs(
            forward=self._forward,
            leaves=sum(1 for module in self.net.modules() if not any(True for _ in module.children())),
            entries=sum(parameter.numel() for parameter in self.net.parameters()),
            batch=self.settings.batch_size,
            probe=min(self.settings.probe_size, test),
            test=test,
            chunk=self.chunk,
        )

    def alignment(self, inputs: Any, targets: Tensor, *, chance: bool) -> dict[str, list[Tensor]]:
        """See ``Learner``: of each layer that carries δ."""
        draws = CHANCE_DRAWS if chance else 0
        with eval_mode(self.net):
            inputs = self._taken(inputs)
            _, found = measure_converted(self._converted, inputs, targets, self.loss, self.loss.reduction, draws=draws)
        return {name: columns for name, columns in found.items() if chance or CHANCE not in name}

    def capture(self, *, net: bool = True) -> LearnerState:
        """See ``Learner``."""
        return replace(super().capture(net=net), random=tuple(self._random))

    def restore(self, settings: Settings, state: LearnerState | None) -> None:
        """See ``Learner``."""
        super().restore(settings, state)
        if state is not None:
            self._random = list(state.random)
