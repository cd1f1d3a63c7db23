"""What each part of a widget is shown of a run, and how often."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from dfa_lab.daemon_threads import start_daemon
from dfa_lab.errors import DivergedError
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner import Status
from dfa_lab.widgets.chart import ChartPart, Shown
from dfa_lab.widgets.controls import ControlPanel
from dfa_lab.widgets.explorer.model import ExplorerModel
from dfa_lab.widgets.explorer.status_line import in_short
from dfa_lab.widgets.kernel import PagePart
from dfa_lab.widgets.network import NetworkPart
from dfa_lab.widgets.pictures import PicturePart
from dfa_lab.widgets.story import StoryPart

#: A picture is drawn once a second at most, the network eight times, and each takes a tenth of the time at most.
PICTURE_SECONDS, NETWORK_SECONDS, SHARE = 1.0, 0.125, 10.0
#: Seconds between two drawings of a picture, at most.
LONGEST_REST = 5.0


@dataclass(frozen=True)
class Moment:
    """How things stand at one look: the model, the runner's status, the panel's state (None where it cannot be made),
    the status line, whether it is the ``last`` look, and whether all is to be done ``at_once``, without threads.
    """

    model: ExplorerModel
    status: Status
    panel: dict[str, Any] | None
    line: dict[str, str]
    last: bool = False
    at_once: bool = False


class Feed(Protocol):
    """Shows its part a moment."""

    @property
    def part(self) -> PagePart:
        """What is shown."""

    def show(self, now: Moment) -> None:
        """Let the part queue what is new."""

    def hurry(self) -> None:
        """The user has just done something, or a page was opened: what is drawn seldom is due now."""


class PanelFeed:
    """The state of the controls, which every widget has: it says the theme, and whether something trains."""

    def __init__(self, part: ControlPanel) -> None:
        self.part = part

    def show(self, now: Moment) -> None:
        """See ``Feed``."""
        if now.panel is not None:
            self.part.show(now.panel)

    def hurry(self) -> None:
        """See ``Feed``."""


class ChartFeed:
    """The curves of the runs side by side and of the pinned ones."""

    def __init__(self, part: ChartPart) -> None:
        self.part = part

    def show(self, now: Moment) -> None:
        """See ``Feed``."""
        model = now.model
        compares, failed = model.runner.compares_speed, model.runner.error
        lanes = {lane.name: lane for lane in now.status.lanes}
        shown = [
            Shown.of_lane(lanes[name], run.history, name, classify=run.task.classifies, compared=compares(run))
            for name, run in model.lanes_by_name(now.status).items()
        ]
        shown += model.pins
        diverged = failed.step if isinstance(failed, DivergedError) else None
        self.part.show(shown, in_short(now.line), diverged=diverged)

    def hurry(self) -> None:
        """See ``Feed``."""


class _Due:
    """Whether it is time to draw again. Who hurries while it is drawn is not forgotten: it is due once more."""

    def __init__(self) -> None:
        self._at, self._hurried = 0.0, False
        self._seen: tuple[bool, str] | None = None

    def __bool__(self) -> bool:
        return self._hurried or time.monotonic() >= self._at

    def begin(self) -> None:
        """It is drawn now; how long that takes is not known yet."""
        self._hurried = False
        self.rest(PICTURE_SECONDS)

    def rest(self, seconds: float) -> None:
        """Draw again after so long, unless someone hurries."""
        self._at = time.monotonic() + seconds

    def hurry(self) -> None:
        """It is due at once."""
        self._hurried = True

    def follow(self, now: Moment) -> None:
        """It is due where the run has just come to rest, or is another one."""
        seen = now.status.running, now.model.chosen.history.run_id
        if self._seen is not None and seen != self._seen and not (seen[0] and seen[1] == self._seen[1]):
            self._hurried = True
        self._seen = seen


class PictureFeed:
    """The chosen picture of the chosen run, while a page shows it.

    It is drawn in a thread of its own where there are threads: neither what the page receives nor what its user does
    waits for it. What fails there is raised by ``show`` until a picture is drawn again.
    """

    def __init__(self, part: PicturePart) -> None:
        self.part, self._due = part, _Due()
        self._failed: Exception | None = None
        self._thread: threading.Thread | None = None

    def show(self, now: Moment) -> None:
        """See ``Feed``."""
        busy = self._thread is not None and self._thread.is_alive()
        self._due.follow(now)
        if not self.part.is_seen:
            return
        if self._due and not (busy or now.last):
            self._due.begin()
            if now.at_once:
                self._draw(now.model.chosen)
            else:
                self.part.announce(now.model.chosen)
                self._thread = start_daemon("picture", partial(self._draw, now.model.chosen))
        if (failed := self._failed) is not None:
            raise failed.with_traceback(None)

    def _draw(self, run: Experiment) -> None:
        try:
            self.part.show(run)
            self._failed = None
        except Exception as error:  # in a thread of its own nobody would see it
            self._failed = error
        rest = min(SHARE * self.part.took, LONGEST_REST)  # the first drawing loads what draws
        self._due.rest(max(PICTURE_SECONDS, rest))

    def hurry(self) -> None:
        """See ``Feed``."""
        self._due.hurry()


class NetworkFeed:
    """The network of the chosen run, with the sample and the unit that the user looks at."""

    def __init__(self, part: NetworkPart) -> None:
        self.part, self._due = part, _Due()

    def show(self, now: Moment) -> None:
        """See ``Feed``."""
        self._due.follow(now)
        if self._due:
            self._due.begin()
            self.part.show(now.model.chosen, now.model.look)
            self._due.rest(max(NETWORK_SECONDS, SHARE * self.part.took))

    def hurry(self) -> None:
        """See ``Feed``."""
        self._due.hurry()


class StoryFeed:
    """The story that is told, and the place in it."""

    def __init__(self, part: StoryPart) -> None:
        self.part = part

    def show(self, now: Moment) -> None:
        """See ``Feed``."""
        self.part.show(now.model.runner)

    def hurry(self) -> None:
        """See ``Feed``."""
