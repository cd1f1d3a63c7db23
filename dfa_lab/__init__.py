"""dfa_lab: a laboratory for feedback alignment inside a notebook.

>>> import dfa_lab as dfa
>>> net = dfa.MLP([64, 128, 10], rule="dfa")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from dfa_lab.errors import DfaLabError, DivergedError
from dfa_lab.experiment.data import TASKS, Task
from dfa_lab.experiment.history import METRICS, History
from dfa_lab.experiment.measurement import Snapshot
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner import Runner
from dfa_lab.experiment.sessions import PRESETS, Lane, Session
from dfa_lab.experiment.settings import Settings
from dfa_lab.learning.activations import ACTIVATIONS, DERIVATIVES
from dfa_lab.learning.alignment import CONVENTIONS, measure_alignment
from dfa_lab.learning.audit import audit
from dfa_lab.learning.feedback import FEEDBACK_INITS, WEIGHT_INITS
from dfa_lab.learning.mlp import MLP, equations
from dfa_lab.learning.modules import ActivationLayer, convert, plain_state_dict
from dfa_lab.learning.networks import attach, lesson, redraw_feedback, set_derivative, set_rule
from dfa_lab.learning.ops import LOSSES, OPTIMIZERS, functional
from dfa_lab.learning.rules import RULES, Route, Rule
from dfa_lab.registry import Registry

if TYPE_CHECKING:
    from dfa_lab.views.history import accuracyplot, alignmentplot, figure, lossplot, throughputplot
    from dfa_lab.views.report import report
    from dfa_lab.views.snapshots import (
        VIEWS,
        deltaplot,
        matrixplot,
        mistakesplot,
        sampleangleplot,
        spectrumplot,
        surfaceplot,
    )
    from dfa_lab.widgets.explorer import Explorer

__version__ = "0.1.0"

#: Names that draw, and the module each comes from: loaded on first use, so that a headless run loads no plot.
_DRAWN = {
    "accuracyplot": "dfa_lab.views.history.plots",
    "alignmentplot": "dfa_lab.views.history.plots",
    "deltaplot": "dfa_lab.views.snapshots.views",
    "figure": "dfa_lab.views.history.plotly_figure",
    "lossplot": "dfa_lab.views.history.plots",
    "matrixplot": "dfa_lab.views.snapshots.matrix_plot",
    "mistakesplot": "dfa_lab.views.snapshots.mistakes_plot",
    "report": "dfa_lab.views.report.document",
    "sampleangleplot": "dfa_lab.views.snapshots.views",
    "spectrumplot": "dfa_lab.views.snapshots.views",
    "surfaceplot": "dfa_lab.views.snapshots.surface_plot",
    "throughputplot": "dfa_lab.views.history.plots",
    "VIEWS": "dfa_lab.views.snapshots.views",
    "Explorer": "dfa_lab.widgets.explorer.explorer",
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
