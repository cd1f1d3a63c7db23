"""Checkpoint: all that a run needs to go on from a step, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dfa_lab.experiment.history import SeriesKey
from dfa_lab.experiment.measurement import Pending
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training import LearnerState, LossMean, StreamState


@dataclass(frozen=True)
class Checkpoint:
    """Copies made by ``Trainer.capture``, for ``Trainer.restore``; a fork starts from one, a diverged run goes back.

    ``learner`` is None where it need not be restored. ``losses`` are the batch losses not yet recorded. ``changes`` and
    ``rows`` say how long the history was: its changes, and the rows of each series.
    """

    settings: Settings
    steps_done: int
    samples_seen: int
    learner: LearnerState | None
    streams: StreamState
    losses: LossMean
    pending: Pending
    changes: int
    rows: Mapping[SeriesKey, int]
