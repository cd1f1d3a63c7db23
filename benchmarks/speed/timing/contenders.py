"""Contenders: every way to do one training step that is timed, each a callable on a case, a rule and an optimizer.

Of dfa_lab, by their ``form``:

- ``experiment``: ``Experiment.step()`` as it is, with taking the batch by index, the update and the check of the loss;
  alignment is not measured (``probe_every=0``), everything else is at its defaults;
- ``step``: the update alone, on one given batch;
- ``autograd``: ``MLP`` under torch's loss and torch's optimizer, in a loop as a user writes it, on one given batch;
- ``convert``: the same with ``convert(nn.Sequential(…))``.

References: ``plain``, ``nn.Sequential`` under ``F.cross_entropy`` and torch's optimizer with its defaults, on one given
batch; ``plain by index``, which takes every batch by index from a permutation; ``compiled``, ``plain`` whose forward
pass and loss went through ``torch.compile``; ``biotorch``.
"""

from __future__ import annotations

import functools
import shutil
import sys
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

import dfa_lab as dfa
from timing import biotorch_reference
from timing.cases import CLASSES, LR, SEED, Case

Step = Callable[[], object]
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": lambda parameters, lr: torch.optim.SGD(parameters, lr=lr, momentum=0.9),
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
}
#: What ``Experiment`` calls them.
SETTINGS = {name: {"optimizer": name, "lr": LR[name]} for name in OPTIMIZERS} | {
    "momentum": {"optimizer": "sgd", "momentum": 0.9, "lr": LR["momentum"]}
}
loss_function = nn.functional.cross_entropy


def optimizer_of(net: nn.Module, optimizer: str) -> torch.optim.Optimizer:
    """torch's optimizer over what learns."""
    learning = [parameter for parameter in net.parameters() if parameter.requires_grad]
    return OPTIMIZERS[optimizer](learning, lr=LR[optimizer])


@functools.lru_cache(maxsize=4)
def a_batch(case: Case, batch: int) -> tuple[Tensor, Tensor]:
    """The given batch, the same tensors for every contender."""
    task = case.task(batch)
    return task.train_inputs[:batch].clone(), task.train_targets[:batch].clone()


def make_experiment(
    case: Case, rule: str, batch: int, *, optimizer: str = "sgd", replicas: int | None = None
) -> dfa.Experiment:
    """The case as an Experiment at the threads in force."""
    fields = {"rule": rule, "batch_size": batch, "probe_every": 0, "seed": SEED, **SETTINGS[optimizer]}
    fields["threads"] = torch.get_num_threads()
    if case.dense:
        fields |= {"widths": tuple(case.widths[1:-1]), "activation": case.activation, "replicas": replicas}
        return dfa.Experiment(task=case.task(batch), **fields)
    return dfa.Experiment(task=case.task(batch), module=case.module(), **fields)


def experiment(case: Case, rule: str, batch: int, *, optimizer: str = "sgd", replicas: int | None = None) -> Step:
    """A whole step of an Experiment."""
    return make_experiment(case, rule, batch, optimizer=optimizer, replicas=replicas).step


def bare(case: Case, rule: str, batch: int, *, optimizer: str = "sgd") -> Step:
    """The update alone on a given batch."""
    run, (inputs, targets) = make_experiment(case, rule, batch, optimizer=optimizer), a_batch(case, batch)
    return bare_update(run, inputs, targets)


def bare_update(run: dfa.Experiment, inputs: Tensor, targets: Tensor) -> Step:
    """``run``'s own update on a batch of the caller's."""

    def step() -> Tensor:
        with torch.no_grad():
            return updating(run, inputs, targets)

    return step


def updating(run: dfa.Experiment, inputs: Tensor, targets: Tensor) -> Tensor:
    """One update of ``run``, in a block without gradients: the one place that reaches into an Experiment."""
    return run.trainer.learner.update(inputs, targets)


def autograd(case: Case, rule: str, batch: int, *, optimizer: str = "sgd") -> Step:
    """An MLP in a loop of the user's own."""
    net = dfa.MLP(case.widths, rule=rule, activation=case.activation, seed=SEED)
    return _ruled(net, rule, optimizer, *a_batch(case, batch))


def convert(case: Case, rule: str, batch: int, *, optimizer: str = "sgd") -> Step:
    """The case's ordinary module, converted."""
    return _ruled(dfa.convert(case.module(), rule), rule, optimizer, *a_batch(case, batch))


def _ruled(net: nn.Module, rule: str, optimizer: str, inputs: Tensor, targets: Tensor) -> Step:
    steps, chosen = optimizer_of(net, optimizer), dfa.RULES[rule]
    if chosen.changes_feedback:
        dfa.attach(net, steps)

    def step() -> Tensor:
        steps.zero_grad()
        value = loss_function(net(inputs), targets)
        value.backward()
        steps.step()
        return value

    def lesson() -> Tensor:
        with dfa.lesson(net, targets):
            return step()

    return lesson if chosen.needs_lesson else step


def plain(case: Case, batch: int, *, optimizer: str = "sgd") -> Step:
    """Backpropagation by torch on a given batch."""
    net, (inputs, targets) = case.module(), a_batch(case, batch)
    learn = _learn(net, optimizer)
    return lambda: learn(inputs, targets)


def plain_by_index(case: Case, batch: int, *, optimizer: str = "sgd") -> Step:
    """Backpropagation by torch, every batch taken by index."""
    task, learn = case.task(batch), _learn(case.module(), optimizer)
    inputs = task.train_inputs
    indices = permuted(len(inputs), batch)

    def step() -> Tensor:
        index = next(indices)
        return learn(inputs[index], task.train_targets[index])

    return step


def permuted(samples: int, batch: int) -> Iterator[Tensor]:
    """Whole batches of indices, epoch after epoch."""
    while True:
        yield from torch.randperm(samples)[: samples - samples % batch].split(batch)


def _learn(net: nn.Module, optimizer: str) -> Callable[[Tensor, Tensor], Tensor]:
    steps = optimizer_of(net, optimizer)

    def learn(inputs: Tensor, targets: Tensor) -> Tensor:
        steps.zero_grad()
        value = loss_function(net(inputs), targets)
        value.backward()
        steps.step()
        return value

    return learn


def compiled(case: Case, batch: int, *, optimizer: str = "sgd") -> Step:
    """``plain`` with forward pass and loss compiled; the first steps compile."""
    torch.compiler.reset()  # else the compiler takes the cases for one function with ever new shapes, and gives up
    net, (inputs, targets) = case.module(), a_batch(case, batch)
    steps = optimizer_of(net, optimizer)
    forward = torch.compile(lambda inputs, targets: loss_function(net(inputs), targets), dynamic=False)

    def step() -> Tensor:
        steps.zero_grad()
        value = forward(inputs, targets)
        value.backward()
        steps.step()
        return value

    return step


def no_compiler() -> str | None:
    """Why ``compiled`` cannot run here; None where it can."""
    if sys.platform == "win32" or not any(shutil.which(name) for name in ("c++", "g++", "clang++")):
        return "torch.compile is left out: no C++ compiler (c++, g++ or clang++) was found"
    return None


def biotorch(case: Case, rule: str, batch: int, *, optimizer: str = "sgd") -> Step:
    """BioTorch's own conversion of the case's module."""
    net, (inputs, targets) = biotorch_reference.converted(case.module(), rule, CLASSES), a_batch(case, batch)
    step = biotorch_reference.step_of(net, rule, optimizer_of(net, optimizer), loss_function)
    return lambda: step(inputs, targets)
