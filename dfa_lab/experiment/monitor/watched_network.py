"""WatchedNetwork: measures a network that somebody else trains, and changes nothing in it.

Neither weights, ``.grad``, buffers, modes nor random streams are others afterwards; what the user's own forward hooks
do cannot be seen. It is measured in eval mode and in its own precision, outside autocast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from dfa_lab.errors import DfaLabError, in_words, shown
from dfa_lab.experiment.history import CHANCE, METRICS
from dfa_lab.experiment.training import CHANCE_DRAWS, Costs, all_finite, counted_operations, module_costs
from dfa_lab.learning.alignment import (
    CONVENTIONS,
    Alignment,
    column,
    measure_alignment,
)
from dfa_lab.learning.interface import Output, all_tensors, arguments, check_output, located, loss_advice, rows
from dfa_lab.learning.layers import eval_mode
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.modules import conversion_of, unwrapped
from dfa_lab.learning.networks import network_of
from dfa_lab.learning.ops import LOSS_FAILURES, failed_loss
from dfa_lab.learning.recording import full_precision, side_effect_free
from dfa_lab.learning.rules import RULES

#: Test samples that go through the network at once.
CHUNK = 512
#: What backpropagation's signals have to backpropagation's by definition.
BY_DEFINITION = ("weight_alignment", "gradient_alignment")


class WatchedNetwork:
    """``net`` with the batch it is probed on and, where there is one, the ``test`` split; each inputs and targets.

    An MLP of dfa_lab and a converted network are measured; of any other module ``angles`` is False: it learns by
    backpropagation, and its angles are 0 by definition. Raises ``DfaLabError`` for what does not fit together.
    """

    def __init__(self, net: Any, loss_fn: Any, probe: Any, test: Any, reduction: str, output: Output = None) -> None:
        check_output(output)
        if not isinstance(net, nn.Module):
            raise DfaLabError(f"Monitor was given {shown(net)} as net; expected a torch.nn.Module.")
        if not callable(loss_fn):
            raise DfaLabError(f"loss_fn was given as {shown(loss_fn)}; expected a function of (output, targets).")
        self.net, self._loss, self._reduction = net, loss_fn, reduction
        self._probe = _pair("probe", probe)
        self._test = None if test is None else _pair("test", test)
        self._inner = unwrapped(net, MLP) or _inside(net)
        self.angles = unwrapped(net, MLP) is not None
        self._place = output
        if self.angles and not isinstance(self._inner, MLP):
            own = conversion_of(self._inner).conversion.output
            if output is not None and output != own:
                raise DfaLabError(
                    f"output was given as {shown(output)} beside a converted net, which has its own, {shown(own)}: "
                    "give it to convert(…, output=…)."
                )
            self._place = own
        self.replicas = (self._inner.replicas if isinstance(self._inner, MLP) else None) or 1
        if self._test is not None and self.replicas > 1:
            raise DfaLabError("test was given beside a net with replicas; leave it out, or give a net without them.")
        with counted_operations() as counter:
            output, returned = self._output(self._probe[0])
        self.probe_size = samples_of(self._probe[1]) or 1
        self._forward = counter.get_total_flops() / 2 / self.probe_size
        with torch.no_grad(), full_precision():
            self._value(output, self._probe[1], returned)

    @property
    def rule(self) -> Any:
        """The choice of rule that the network learns by now."""
        if not self.angles:
            return "bp"
        network = network_of(self.net)
        return network.rule.name if isinstance(network, MLP) else network.conversion.choice

    @property
    def finite(self) -> bool:
        """Whether its weights are numbers."""
        return all_finite(self._inner.parameters())

    @property
    def tested(self) -> bool:
        """Whether there is a test split."""
        return self._test is not None

    def costs(self, batch: int) -> Costs:
        """What a step of ``batch`` samples, a probe, a chance band and the test split cost."""
        found = module_costs(
            forward=self._forward,
            leaves=sum(1 for module in self._inner.modules() if not any(True for _ in module.children())),
            entries=sum(parameter.numel() for parameter in self._inner.parameters()),
            batch=batch,
            probe=self.probe_size,
            test=0 if self._test is None else samples_of(self._test[1]),
            chunk=CHUNK,
        )
        return found if self.angles else Costs(found.step, 0.0, 0.0, found.test)

    def alignment(self, *, chance: bool) -> dict[str, list[list[float]]]:
        """Metric -> for each layer a number a replica; with ``chance`` the chance bands as well."""
        if not self.angles:
            layers = sum(1 for one in self._inner.modules() if any(own.dim() > 1 for own in one.parameters(False)))
            return {metric: [[0.0]] * max(0, layers - 1) for metric in BY_DEFINITION}
        draws = CHANCE_DRAWS if chance else 0
        with eval_mode(self._inner):
            rows = measure_alignment(self.net, *self._probe, self._loss, draws=draws, reduction=self._reduction)
        found = _columns(rows, self.replicas)
        return {metric: values for metric, values in found.items() if chance or CHANCE not in metric}

    def evaluate(self) -> dict[str, Tensor]:
        """``test_loss``, the mean over samples, and where the targets are classes ``test_accuracy``: (1,)."""
        assert self._test is not None
        inputs, targets = self._test
        total, right, size = 0.0, 0, samples_of(targets)
        parts = all_tensors(inputs)
        whole = not isinstance(targets, Tensor) or not parts or any(not p.dim() or len(p) != size for p in parts)
        classes = isinstance(targets, Tensor) and targets.dim() == 1 and not targets.is_floating_point()
        for start in range(0, size, size if whole else CHUNK):
            part = slice(start, start + (size if whole else CHUNK))
            output, returned = self._output(inputs if whole else rows(inputs, part))
            with torch.no_grad(), full_precision():
                loss = self._value(output, targets[part], returned)
            total += loss * (len(targets[part]) if self._reduction == "mean" else 1)
            if classes:
                right += int((output.argmax(-1) == targets[part]).sum())
        found = {"test_loss": torch.tensor([total / size], dtype=torch.float64)}
        return found | ({"test_accuracy": torch.tensor([right / size], dtype=torch.float64)} if classes else {})

    def _output(self, inputs: Any) -> tuple[Any, Any]:
        """The output, and what the network returned, in which it is."""
        try:
            with eval_mode(self._inner), self._untouched() as net, torch.no_grad():
                args, kwargs = arguments(self._inner, inputs)
                returned = net(args, kwargs)
            return (returned if self._place is None else located(returned, self._place)), returned
        except (TypeError, ValueError, RuntimeError, IndexError) as reason:
            raise DfaLabError(
                f"net failed on the inputs of probe or test: {in_words(reason)} Give what net takes, on its device."
            ) from reason

    @contextmanager
    def _untouched(self) -> Iterator[Callable[..., Any]]:
        """The network as a function of (args, kwargs) that changes no buffer and no random stream."""
        inner = self._inner
        if self.angles and not isinstance(inner, MLP):
            with side_effect_free(conversion_of(inner)):
                yield lambda args, kwargs: inner(*args, **kwargs)
            return
        buffers = {} if self.angles else {name: own.clone() for name, own in inner.named_buffers()}
        with torch.random.fork_rng(), full_precision():
            yield partial(functional_call, inner, buffers) if buffers else lambda args, kwargs: inner(*args, **kwargs)

    def _value(self, output: Any, targets: Any, returned: Any) -> float:
        try:
            loss = self._loss(output, targets)
            return float(loss)
        except LOSS_FAILURES as reason:
            words = failed_loss(reason, output, targets, "the probe or test split, ")
            raise DfaLabError(f"{words}{loss_advice(returned, self._place, output)}") from reason

    @property
    def label(self) -> str:
        """What a legend calls it."""
        return RULES.label(self.rule)


def _inside(net: nn.Module) -> nn.Module:
    """A plain module without what wraps it: compiled, or trained by several processes."""
    while True:
        wrapped = isinstance(net, nn.DataParallel | nn.parallel.DistributedDataParallel)
        inner = net._modules.get("module" if wrapped else "_orig_mod")
        if inner is None:
            return net
        net = inner


def samples_of(batch: Any) -> int:
    """The length of the first tensor in a batch, however it is nested; 0 where there is none."""
    if isinstance(batch, Tensor):
        return len(batch) if batch.dim() else 0
    inside = batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, list | tuple) else ()
    return next((size for one in inside if (size := samples_of(one))), 0)


def _pair(name: str, given: Any) -> tuple[Any, Any]:
    if not isinstance(given, list | tuple) or len(given) != 2 or not samples_of(given[1]):
        raise DfaLabError(f"{name} was given as {shown(given)}; expected a pair of tensors, (inputs, targets).")
    return given[0], given[1]


def _columns(rows: Alignment, replicas: int) -> dict[str, list[list[float]]]:
    """Metric -> for each layer a number a replica."""
    known = set(METRICS)
    layers = [rows[start : start + replicas] for start in range(0, len(rows), replicas)]
    found: dict[str, list[list[float]]] = {}
    for layer in layers:
        angles = {column(name): [row.gradient_alignments[name] for row in layer] for name in CONVENTIONS}
        own = {name: [float(getattr(row, name)) for row in layer] for name in known if hasattr(layer[0], name)}
        for metric, values in {**own, **angles}.items():
            if metric in known:
                found.setdefault(metric, []).append(values)
    return dict(sorted(found.items()))
