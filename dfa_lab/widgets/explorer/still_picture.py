"""The picture that a saved notebook keeps of an explorer: drawn again whenever the run has come to rest."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial

from dfa_lab.daemon_threads import start_daemon
from dfa_lab.errors import in_words
from dfa_lab.experiment.run import Experiment
from dfa_lab.widgets.kernel import StillOutput
from dfa_lab.widgets.pictures import still

#: Seconds that a run rests before it is drawn, and at least between two drawings.
REST, BETWEEN = 1.0, 5.0
#: Below the picture: who reads it has no explorer on the page. Then, where there is a save, how to continue from it.
NOTE, GO_ON = "A still picture.", "To go on from the last save:  import dfa_lab as dfa; "


def words(run: Experiment) -> str:
    """What the picture shows, for who cannot see it."""
    return f"The curves of {run.history.name} after {run.steps_done:,} steps."


class StillPicture:
    """Keeps the still picture beside an explorer up to date: ``look`` often, it draws seldom, in its own thread.

    It has a place from ``begin`` on, which is called where the cell shows the explorer.
    """

    def __init__(self) -> None:
        self._output = StillOutput()
        self._rests_since, self._drawn_at = 0.0, 0.0
        self._drawn: tuple[object, ...] = ()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Make its place in the output of the running cell."""
        self._output.begin()

    def look(self, run: Experiment, restoring: str, *, running: bool) -> None:
        """Draw the run where it has moved and rests; ``restoring`` continues from its save, "" where none is."""
        now = time.monotonic()
        if running or not self._output.begun:
            self._rests_since = now
            return
        rested = now - self._rests_since > REST and now - self._drawn_at > BETWEEN
        if rested and self._key(run, restoring) != self._drawn and not (self._thread and self._thread.is_alive()):
            self._thread = start_daemon("still picture", partial(self._draw, run, restoring))

    def _draw(self, run: Experiment, restoring: str) -> None:
        self._drawn, self._drawn_at = self._key(run, restoring), time.monotonic()
        try:
            note = f"{NOTE} {GO_ON}\n{restoring}" if restoring else NOTE
            self._output.show(still(run, note).data, words(run))
        except Exception as reason:  # a picture beside the living one must not disturb that
            logging.getLogger("dfa_lab").warning("the still picture could not be drawn: %s", in_words(reason))

    def _key(self, run: Experiment, restoring: str) -> tuple[object, ...]:
        return run.history.run_id, run.steps_done, len(run.history.events), restoring
