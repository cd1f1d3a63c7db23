"""The one runner of an experiment, for all that is bound to it: controls, charts, dashboards."""

from __future__ import annotations

import os

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner.runner import Runner


def is_headless() -> bool:
    """Whether no thread is to train or draw: the environment variable ``DFA_LAB_HEADLESS`` is 1."""
    return os.environ.get("DFA_LAB_HEADLESS") == "1"


def runner_in_use(run: Experiment) -> Runner | None:
    """The runner that was made last for an experiment, where somebody holds it and it is not closed."""
    known = Runner.last_of.get(id(run))
    return None if known is None or known.closed else known


def runner_of(run: Experiment | Runner) -> Runner:
    """The runner that was made last for an experiment and is not closed, else a new one; a ``Runner`` is its own.

    It is remembered as long as somebody holds it, so hold it. Where the environment variable ``DFA_LAB_HEADLESS`` is 1,
    a new one has no thread. Raises ``DfaLabError`` for anything else.
    """
    if isinstance(run, Runner):
        return run
    if not isinstance(run, Experiment):
        raise DfaLabError(f"a run was given as {shown(run)}; expected an Experiment or a Runner.")
    return runner_in_use(run) or Runner(run, threaded=not is_headless())
