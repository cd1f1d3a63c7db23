"""dfa_lab: a laboratory for feedback alignment inside a notebook.

>>> import dfa_lab as dfa
>>> net = dfa.MLP([64, 128, 10], rule="dfa")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from dfa_lab.errors import DfaLabError, DivergedError
from dfa_lab.experiment.experiment import Experiment
from dfa_lab.experiment.history import History
from dfa_lab.experiment.metrics import METRICS
from dfa_lab.experiment.presets import PRESETS
from dfa_lab.experiment.runner import Runner
from dfa_lab.experiment.session import Lane, Session
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.snapshot import Snapshot
from dfa_lab.experiment.task import Task
from dfa_lab.experiment.tasks import TASKS
from dfa_lab.learning import equations, functional
from dfa_lab.learning.activations import ACTIVATIONS, DERIVATIVES
from dfa_lab.learning.alignment import measure_alignment
from dfa_lab.learning.audit import audit
from dfa_lab.learning.bends import ActivationLayer
from dfa_lab.learning.conventions import CONVENTIONS
from dfa_lab.learning.convert import convert, plain_state_dict
from dfa_lab.learning.feedback import FEEDBACK_INITS
from dfa_lab.learning.handling import attach, lesson, redraw_feedback, set_derivative, set_rule
from dfa_lab.learning.losses import LOSSES
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.optimizers import OPTIMIZERS
from dfa_lab.learning.rule import Route, Rule
from dfa_lab.learning.rules import RULES
from dfa_lab.learning.weights import WEIGHT_INITS
from dfa_lab.registry import Registry

if TYPE_CHECKING:
    from dfa_lab.views.figure import figure
    from dfa_lab.views.matrices import matrixplot
    from dfa_lab.views.mistakes import mistakesplot
    from dfa_lab.views.plots import accuracyplot, alignmentplot, lossplot, throughputplot
    from dfa_lab.views.report import report
    from dfa_lab.views.snapshots import VIEWS, deltaplot, sampleangleplot, spectrumplot
    from dfa_lab.views.surface import surfaceplot
    from dfa_lab.widgets.explorer import Explorer

__version__ = "0.1.0"

#: Names that draw, and the module each comes from: loaded on first use, so that a headless run loads no plot.
_DRAWN = {
    "accuracyplot": "dfa_lab.views.plots",
    "alignmentplot": "dfa_lab.views.plots",
    "deltaplot": "dfa_lab.views.snapshots",
    "figure": "dfa_lab.views.figure",
    "lossplot": "dfa_lab.views.plots",
    "matrixplot": "dfa_lab.views.matrices",
    "mistakesplot": "dfa_lab.views.mistakes",
    "report": "dfa_lab.views.report",
    "sampleangleplot": "dfa_lab.views.snapshots",
    "spectrumplot": "dfa_lab.views.snapshots",
    "surfaceplot": "dfa_lab.views.surface",
    "throughputplot": "dfa_lab.views.plots",
    "VIEWS": "dfa_lab.views.snapshots",
    "Explorer": "dfa_lab.widgets.explorer",
}

__all__ = [
    "ACTIVATIONS",
    "CONVENTIONS",
    "DERIVATIVES",
    "FEEDBACK_INITS",
    "LOSSES",
    "METRICS",
    "MLP",
    "OPTIMIZERS",
    "PRESETS",
    "RULES",
    "TASKS",
    "VIEWS",
    "WEIGHT_INITS",
    "ActivationLayer",
    "DfaLabError",
    "DivergedError",
    "Experiment",
    "Explorer",
    "History",
    "Lane",
    "Registry",
    "Route",
    "Rule",
    "Runner",
    "Session",
    "Settings",
    "Snapshot",
    "Task",
    "accuracyplot",
    "alignmentplot",
    "attach",
    "audit",
    "convert",
    "deltaplot",
    "equations",
    "figure",
    "functional",
    "lesson",
    "lossplot",
    "matrixplot",
    "measure_alignment",
    "mistakesplot",
    "plain_state_dict",
    "redraw_feedback",
    "report",
    "sampleangleplot",
    "set_derivative",
    "set_rule",
    "spectrumplot",
    "surfaceplot",
    "throughputplot",
]


def __getattr__(name: str) -> Any:
    if name in _DRAWN:
        return getattr(importlib.import_module(_DRAWN[name]), name)
    raise AttributeError(f"module 'dfa_lab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
