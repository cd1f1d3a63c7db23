"""ModuleUpdater: a network of one's own in an experiment. Autograd, a torch optimizer, feedback that moves with it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.data import Task
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training.cost_model import Work, module_work
from dfa_lab.experiment.training.mlp_learner import CHANCE_DRAWS, make_optimizer
from dfa_lab.learning.alignment import LayerTensors, measure_converted, module_layer_tensors
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.modules import Converted, conversion_of, convert, unwrapped
from dfa_lab.learning.ops import change_options, each_seed, generator, restore_torch_state, torch_state

#: Settings that make an MLP, and mean nothing for a network that is there already.
OF_AN_MLP = ("widths", "activation", "weight_init", "replicas")


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
    buffers = conversion.buffers
    own = {
        "rule": conversion.choice,
        "activation_derivative": conversion.derivative,
        "feedback_init": buffers.init,
        "feedback_scale": buffers.scale,
        "feedback_seed": buffers.seed,
    }
    return {**own, **fields}


def prepared(module: nn.Module, settings: Settings) -> nn.Module:
    """A converted copy of ``module`` under ``settings``; a converted one keeps its feedback where they are its own."""
    values = settings.values()  # of a network without replicas: none is a sequence
    drawing = {name: values[name] for name in ("feedback_init", "feedback_scale", "feedback_seed")}
    if unwrapped(module) is None:
        net = convert(module, settings.rule, activation_derivative=values["activation_derivative"], **drawing)
        return net.to(settings.device)
    net = copy.deepcopy(conversion_of(module).root).to(settings.device)
    converted = conversion_of(net)
    buffers = converted.conversion.buffers
    asked = tuple(drawing.values())
    if asked != (buffers.init, buffers.scale, buffers.seed):
        converted.redraw_feedback(*asked)
    converted.set_rule(settings.rule)
    converted.set_derivative(values["activation_derivative"])
    return net


class ModuleUpdater:
    """A converted network, its task's loss and an optimizer, as ``Updater`` is for an MLP.

    Dropout and the like draw from a stream of the run's own, so that nothing else in the process moves it.
    """

    #: Samples of the test split that go through the network at once.
    chunk = 512

    def __init__(self, module: nn.Module, task: Task, settings: Settings) -> None:
        if settings.replicas is not None:
            raise DfaLabError(f"replicas was given as {settings.replicas} beside module; a module has none: use None.")
        if not any(parameter.requires_grad for parameter in module.parameters()):
            raise DfaLabError("module has no parameter that requires a gradient; nothing could learn.")
        self.net = prepared(module, settings)
        self.loss = task.objective
        self._converted: Converted = conversion_of(self.net)
        with torch.random.fork_rng():
            torch.manual_seed(generator(*each_seed("seed", settings.seed, None), "noise").initial_seed())
            self._random = torch_state()
        if not self.net.training:  # a part that is in eval mode, such as frozen statistics, stays so
            self.net.train()
        self._converted.conversion.attached = 1
        self._check(task, settings)
        self.optimizer = make_optimizer(self.net, settings)
        self._take(settings)

    def _check(self, task: Task, settings: Settings) -> None:
        example = task.train_inputs[:2].to(settings.device)
        self._converted.try_out(example.clone())  # a layer in place would change the task's own data
        try:
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                output = self.output(example)
        except (TypeError, ValueError, RuntimeError, IndexError) as reason:
            raise DfaLabError(
                f"the module failed on inputs of shape {tuple(example.shape)}, {example.dtype}: {reason}"
            ) from reason
        self._forward = counter.get_total_flops() / 2 / len(example)  # a multiply-add is two of them
        shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        if shape != (len(example), task.outputs):
            raise DfaLabError(
                f"the module gave {shape} for {len(example)} samples of task {task.name!r}; expected a tensor "
                f"({len(example)}, {task.outputs})."
            )

    def adopt(self, settings: Settings, previous: Settings) -> None:
        """Use ``settings`` from the next update on. Another optimizer starts anew; its options keep its state."""
        fresh = make_optimizer(self.net, settings)
        if settings.optimizer == previous.optimizer:
            change_options(self.optimizer, fresh)
        else:
            self.optimizer = fresh
        self._take(settings)

    def _take(self, settings: Settings) -> None:
        self.settings = settings

    def check_net(self) -> None:
        """Raise ``DfaLabError`` where the network's rule was changed behind the experiment."""
        conversion = self._converted.conversion
        if conversion.choice != self.settings.rule or conversion.derivative != self.settings.activation_derivative:
            raise DfaLabError(
                "the experiment's network was changed from outside (another rule or derivative); use change(…) on the "
                "experiment, or train the network in a loop of your own."
            )

    def update(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Learn one batch; returns the loss at the weights before it, ()."""
        self._converted.lesson = targets, self.loss.reduction
        try:
            with torch.enable_grad(), self._own_stream():
                loss = self.loss(self.net(inputs), targets)
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

    @contextmanager
    def _at_rest(self) -> Iterator[None]:
        modes = [(module, module.training) for module in self.net.modules()]
        self.net.eval()
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode

    def output(self, inputs: Tensor) -> Tensor:
        """The network's output in eval mode, (N, n_out)."""
        with self._at_rest():
            result: Tensor = self.net(inputs.clone())
        return result

    def portraits(self, inputs: Tensor, targets: Tensor, replica: int | None) -> list[LayerTensors]:
        """The tensors behind the angles of each layer that carries δ, in eval mode."""
        with self._at_rest():
            return module_layer_tensors(self._converted, inputs, targets, self.loss, self.loss.reduction)

    def work(self, probe: int, test: int) -> Work:
        """What a step, a probe on so many samples and a test split of so many cost."""
        leaves = sum(1 for module in self.net.modules() if not any(True for _ in module.children()))
        entries = sum(parameter.numel() for parameter in self.net.parameters())
        counted = {"batch": self.settings.batch_size, "probe": probe, "test": test}
        return module_work(self._forward, leaves, entries, **counted, chunk=self.chunk, draws=CHANCE_DRAWS)

    def alignment(self, inputs: Tensor, targets: Tensor, *, chance: bool) -> dict[str, list[Tensor]]:
        """Metric -> a value a layer that carries δ, in eval mode; with ``chance`` the bands as well."""
        draws = CHANCE_DRAWS if chance else 0
        with self._at_rest():
            found = measure_converted(self._converted, inputs, targets, self.loss, self.loss.reduction, draws=draws)
        return {name: columns for name, columns in found.items() if chance or "_chance" not in name}

    def state(self) -> dict[str, Any]:
        """The optimizer's state and the stream's, copied."""
        return {"optimizer": copy.deepcopy(self.optimizer.state_dict()), "random": list(self._random)}

    def restore(self, settings: Settings, state: dict[str, Any] | None) -> None:
        """Take up ``settings`` with what ``state`` gave."""
        assert state is not None
        self.optimizer = make_optimizer(self.net, settings)
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        self._random = list(state["random"])
        self._take(settings)
