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

    ``losses`` are the batch losses not yet recorded; ``changes`` and ``rows`` say how many changes and how many rows of
    each series the history had.
    """

    settings: Settings
    steps_done: int
    samples_seen: int
    learner: LearnerState
    streams: StreamState
    losses: LossMean
    pending: Pending
    changes: int
    rows: Mapping[SeriesKey, int]
