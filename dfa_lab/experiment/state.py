"""State: all that a run needs to go on from a step. What a fork copies, and what a diverged run goes back to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from dfa_lab.experiment.batches import StreamState
from dfa_lab.experiment.cadence import Agenda
from dfa_lab.experiment.mean import Mean
from dfa_lab.experiment.settings import Settings


@dataclass(frozen=True)
class State:
    """Copies: ``net`` is its state_dict, ``losses`` what was added up of batch losses not yet recorded."""

    settings: Settings
    steps_done: int
    samples_seen: int
    net: dict[str, Tensor]
    optimizer: dict[str, Any] | None
    streams: StreamState
    losses: Mean
    agenda: Agenda
    changes: int
