"""Group and job: runs that are trained together, what is sent to whoever trains them, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfa_lab.experiment.jobs.entries import unpickled
from dfa_lab.experiment.jobs.side_by_side import Result, Tick, train_runs


@dataclass(frozen=True)
class Group:
    """Runs by their numbers in the grid, and roughly the seconds of one thread that each of them takes."""

    runs: tuple[int, ...]
    seconds: float

    @property
    def total(self) -> float:
        """Roughly the seconds that all take."""
        return self.seconds * len(self.runs)


def do_job(runs: str, steps: int, extras: bytes, saved: str | None = None, tick: Tick | None = None) -> list[Result]:
    """Train the ``runs``, the settings of each as JSON, for so many steps, and return a result for each.

    ``extras`` are the metrics, and what the settings name that dfa_lab has not by itself, from ``entries.pickled``.
    ``saved`` is a file of this machine that a long training is kept in meanwhile.
    """
    place = None if saved is None else Path(saved)
    return train_runs([_settings(one) for one in json.loads(runs)], steps, unpickled(extras), tick, place)


def _settings(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What JSON made of a run's settings, widths as a tuple again."""
    return {name: tuple(value) if name == "widths" else value for name, value in fields.items()}
