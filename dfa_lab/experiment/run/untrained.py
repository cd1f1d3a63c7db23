"""The learner of a run's module or MLP, and the untrained network that the run began from, made again."""

from __future__ import annotations

import torch
from torch import nn

from dfa_lab.experiment.data import Task
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training import Learner, MLPLearner, ModuleLearner, make_mlp, settings_for
from dfa_lab.learning.interface import Output


def learner_of(own: tuple[nn.Module | None, Output], task: Task, settings: Settings) -> Learner:
    """What learns ``task``: a copy of one's ``own`` module with its output, or where it is None an MLP."""
    module, output = own
    if module is None:
        return MLPLearner(make_mlp(task, settings), task.objective, settings)
    return ModuleLearner(module, task, settings, output)


def untrained_network(own: tuple[nn.Module | None, Output], task: Task, settings: Settings) -> nn.Module:
    """The network of a run that began under ``settings``, as it was then; torch's random stream stays as it is."""
    with torch.random.fork_rng():  # a module is tried out once, and may draw
        return learner_of(own, task, settings_for(own[0], settings)).net
