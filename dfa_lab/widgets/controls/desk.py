"""Desk: every control of the explorer in one widget. It sends what the user does, shows what it is told, computes
nothing.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget

from dfa_lab.errors import DfaLabError, in_words
from dfa_lab.views.base import value_text
from dfa_lab.widgets.controls.messages import checked
from dfa_lab.widgets.kernel import forget_route, mend_replies

STATIC = Path(__file__).parents[1] / "static"
if not (STATIC / "desk.js").is_file():
    raise DfaLabError(
        "the desk's JavaScript is not built, which installing does: run `pip install -e .` (or `make lab`) "
        "in the repository, and start Python again."
    )

PARTS = (
    *("play", "step", "step_1", "step_10", "step_100", "reset", "new_seed", "undo", "fork", "pin", "slow", "limit"),
    *("stop_at", "presets", "lanes", "phases", "curves", "new_run", "events", "share", "load", "keys"),
    *("save_csv", "save_png", "save_html", "save_script", "save_json"),
)
"""What ``hide`` may name beside the settings' fields."""
EVENTS_SHOWN = 200
"""Of more events the newest count: a message stays small however long the run."""
PAGES, PAGE_LENGTH, LAST_NUMBER = 16, 80, 2**53
"""The most pages that are answered, the longest name of one, and the greatest number of an act."""


class Desk(anywidget.AnyWidget):
    """Toolbar, controls, derivative editor, events and sharing: what a user does arrives at ``on_act``.

    ``show`` is all there is to call, from one thread; a page may reload at any time and is given everything again.
    ``on_act`` is called, if set, with each well-formed message {"do": …} (see ``acts``), on whatever thread the kernel
    hears the page: let it put a command and return. What a page sends besides is ignored; ``error`` says what it was,
    in words, and so it does where ``on_act`` fails. A page numbers its acts, and the next ``show`` tells it the last
    one that was heard, whatever came of it; a page that is not told says that the kernel does not answer. ``on_hello``
    is called, if set, when a page has opened the desk, ``on_paper`` with whether the page is dark, when it was opened
    and when that changed.
    """

    _esm = STATIC / "desk.js"
    _css = STATIC / "desk.css"

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._hello = threading.Event()
        self._given: dict[str, Any] = {}
        self._sent: dict[str, Any] = {}
        self._number = 0
        self._answered: dict[str, int] = {}
        self.error = ""
        self.on_act: Callable[[dict[str, Any]], None] | None = None
        self.on_hello: Callable[[], None] | None = None
        self.on_paper: Callable[[bool], None] | None = None
        self.on_msg(self._listen)
        mend_replies()

    def __repr__(self) -> str:
        return "Desk()"

    def show(self, state: Mapping[str, Any]) -> bool:
        """Send the parts of ``state`` that changed in one message; return whether there were any.

        The parts, each of them optional: ``specs`` (see ``specs``), ``settings`` in force by field, ``running``,
        ``lanes`` (name, colour as "#rrggbb", number for good; first the run itself) and ``lane``, the place among them
        of the one that the controls and ``settings`` are of, ``events`` (step, text), ``presets`` (name, title, about,
        why ``refused``), ``refused`` (reasons by act, see ``refusals``), ``curves`` (see ``curves``),
        ``phases`` (name, equation, words) or None where there is no slow motion, ``share``, ``script``, ``limit`` in
        steps a second, ``stop_at``, ``error``, ``pins`` (names), ``hide`` and ``lock`` (names of fields and of
        ``PARTS``), ``theme``, ``opened``, another number for each picture to be brought into view, 0 for none.

        A part that is the same object as last time is taken as unchanged: give a new list where a list has changed. A
        part that is missing is not shown. Everything is sent anew to a page that has just opened the desk.
        """
        asked = self._hello.is_set()
        self._hello.clear()
        given = dict(state)
        if isinstance(given.get("events"), list | tuple):
            given["events"] = self._newest(given["events"])
        if self._answered:
            given["answered"] = dict(self._answered)
        fresh = {}
        for key, value in given.items():
            if asked or key not in self._given or self._given[key] is not value:
                sendable = plain(value)
                if asked or key not in self._sent or self._sent[key] != sendable:
                    fresh[key] = sendable
        gone = [key for key in self._given if key not in given]
        self._given = given
        if not (fresh or gone or asked):
            return False
        self._sent = {key: value for key, value in {**self._sent, **fresh}.items() if key in given}
        self._number += 1
        self.send({"type": "snapshot" if asked else "state", "number": self._number, "state": fresh, "gone": gone})
        forget_route(self)
        return True

    def hand_over(self, name: str, kind: str, content: bytes | str) -> None:
        """Give the page that last asked for a file one to keep: its name, its media type ("text/csv"), what is in it.

        The browser puts it where it puts downloads, which works in Voila too, where nobody sees the kernel's folder.
        """
        data = content.encode() if isinstance(content, str) else content
        self.send({"type": "file", "name": Path(name).name, "kind": kind}, [data])
        forget_route(self)

    def _newest(self, events: Any) -> Any:
        """The newest events; the same object as long as the list it was made from is."""
        if len(events) <= EVENTS_SHOWN:
            return events
        known = getattr(self, "_cut", (None, None))
        if known[0] is not events:
            self._cut = events, list(events[-EVENTS_SHOWN:])
        return self._cut[1]

    def _listen(self, _widget: object, content: Any, _buffers: object) -> None:
        if isinstance(content, Mapping) and content.get("type") == "hello":
            self._hello.set()
            if self.on_hello is not None:
                self.on_hello()
            return
        if isinstance(content, Mapping) and content.get("type") == "paper":
            if self.on_paper is not None and isinstance(content.get("dark"), bool):
                self.on_paper(content["dark"])
            return
        self._note_number(content)
        try:
            act = checked(content)
            self.error = ""
            if self.on_act is not None:
                self.on_act(act)
        except Exception as error:  # nobody sees what is raised here: it goes to the status line
            self.error = in_words(error)

    def _note_number(self, content: Any) -> None:
        """The page's own name and the number of its act, for the answer; of many pages those that acted last."""
        if not isinstance(content, Mapping):
            return
        page, number = content.get("page"), content.get("number")
        if not isinstance(page, str) or not 0 < len(page) <= PAGE_LENGTH:
            return
        if isinstance(number, int) and not isinstance(number, bool) and 0 < number <= LAST_NUMBER:
            others = {name: last for name, last in self._answered.items() if name != page}
            self._answered = dict(list({**others, page: number}.items())[-PAGES:])


def plain(value: Any) -> Any:
    """``value`` as JSON holds it: tuples as lists, what is no finite number as None, anything else as its text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value_text(value)
