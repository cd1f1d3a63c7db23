"""Console: every command as a method. What a command does, and when, is the runner's to say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from dfa_lab.experiment.runner.commands import (
    Change,
    Close,
    Command,
    Drop,
    Fork,
    Limit,
    Load,
    Measure,
    Pause,
    Play,
    Reset,
    SessionLike,
    StopAt,
    Undo,
)
from dfa_lab.experiment.settings import shows_settings


@shows_settings
class Console(ABC):
    """The buttons of something that takes commands: each puts one. ``DfaLabError`` for one that makes no sense."""

    _closed = False

    @abstractmethod
    def put(self, command: Command) -> None:
        """Hand over a command."""

    def play(self, steps: int | None = None) -> None:
        """Train on, for ``steps`` steps or until ``pause``, and in any case no further than ``stop_at``."""
        self.put(Play(steps))

    def pause(self) -> None:
        """Stop at the next step boundary."""
        self.put(Pause())

    def measure(self) -> None:
        """Measure every lane at the next step boundary, by hand: see ``Experiment.measure``."""
        self.put(Measure())

    def change(self, *, lane: int | None = 0, **fields: Any) -> None:
        """Turn live knobs at the next step boundary; with ``lane=None`` those of all lanes, or none of them."""
        self.put(Change(fields, lane))

    def undo(self, lane: int | None = 0) -> None:
        """Take back the last change of a lane; with None of every lane that has one."""
        self.put(Undo(lane))

    def reset(self, **fields: Any) -> None:
        """Begin a new run, alone; the same initial weights unless ``seed`` is given."""
        self.put(Reset(fields))

    def fork(self, *, lane: int = 0, name: str | None = None, **fields: Any) -> None:
        """Add a lane that goes on from where ``lane`` stands, with ``fields`` changed; at most four in all.

        Its number is one that no lane had yet. Without a ``name`` what is changed makes one.
        """
        self.put(Fork(fields, lane, name))

    def drop(self, lane: int) -> None:
        """Take away a lane other than 0, by its number; the others keep theirs."""
        self.put(Drop(lane))

    def load(self, session: SessionLike) -> None:
        """Begin the run of ``session`` with its lanes; its changes come at their steps while it trains, in lane 0.

        ``stop_at`` becomes the session's last step. It does not train before play.
        """
        self.put(Load(session))

    def limit(self, steps_per_s: float | None) -> None:
        """Train no faster than so many steps a second; None: as fast as it goes."""
        self.put(Limit(steps_per_s))

    def stop_at(self, step: int | None) -> None:
        """Pause when every lane has done ``step`` steps; None: nowhere. Lanes already further are not held."""
        self.put(StopAt(step))

    def close(self) -> None:
        """End the thread; what is running stops at the next step boundary. Closing twice is closing once."""
        if not self._closed:
            self.put(Close())
