"""The two learners of a run: an MLP by the explicit equations, a module of one's own by autograd."""

from __future__ import annotations

from torch import nn

from dfa_lab.experiment.data import Task, make_task
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training.mlp_learner import Updater, make_mlp
from dfa_lab.experiment.training.module_learner import ModuleUpdater

AnyUpdater = Updater | ModuleUpdater


def make_updater(settings: Settings, module: nn.Module | None) -> tuple[Task, AnyUpdater]:
    """The task, flat for an MLP, and what learns it: ``module``, or without one the MLP that the settings describe."""
    task = make_task(settings.task)
    if module is not None:
        return task, ModuleUpdater(module, task, settings)
    task = task.flat()
    return task, Updater(make_mlp(task, settings), task.objective, settings)
