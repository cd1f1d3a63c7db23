"""The one kind of widget that there is: its parts' messages go to the page together, numbered, some times a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from dfa_lab.errors import DfaLabError, in_words
from dfa_lab.widgets.kernel.ipykernel_fixes import clear_reply_subshell, keep_requests
from dfa_lab.widgets.kernel.messages import Frame
from dfa_lab.widgets.kernel.page_part import PagePart

STATIC = Path(__file__).parents[1] / "static"
#: The most pages that are answered, the longest name of one, and the greatest number of a message.
PAGES, PAGE_LENGTH, LAST_NUMBER = 16, 80, 2**53
#: Seconds after a page asked for a frame in which only such frames are sent, and between two trials of the other way.
ASKED_SECONDS, TRIAL_SECONDS = 0.5, 2.0


def bundle() -> tuple[Path, Path]:
    """The JavaScript and the stylesheet built from ``frontend/``. ``DfaLabError`` where they are not built."""
    script, style = STATIC / "dfa_lab.js", STATIC / "dfa_lab.css"
    if not script.is_file():
        raise DfaLabError(
            "the widgets' JavaScript is not built, which installing does: run `pip install -e .` (or `make lab`) "
            "in the repository, and start Python again."
        )
    return script, style


class PageWidget(anywidget.AnyWidget):
    """A widget whose ``parts`` send what changed, and everything when a page opens it, which may be at any time.

    ``part`` names what the page draws, ``options`` are told to it once. A page that opens says {"type": "hello"}, and
    so does one that missed a frame, which it sees by the numbers. {"type": "next"} asks for a frame: where messages of
    a thread do not reach the page (Google Colab), those sent while one is answered do. ``on_hello`` and ``on_next`` are
    called, if set, at each. A page numbers what it sends; the next frame gives back the last number received.
    """

    _esm, _css = bundle()
    part = traitlets.Unicode().tag(sync=True)
    options = traitlets.Dict().tag(sync=True)

    def __init__(self, part: str, parts: Sequence[PagePart], options: Mapping[str, Any] | None = None) -> None:
        super().__init__(part=part, options=dict(options or {}))
        self.parts = tuple(parts)
        self._hello, self._whole, self._number = threading.Event(), False, 0
        self._answered: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._asked_at = self._tried_at = -TRIAL_SECONDS
        self.on_hello: Callable[[], None] | None = None
        self.on_next: Callable[[], None] | None = None
        self.on_msg(self._on_page_message)
        keep_requests()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @property
    def asked(self) -> bool:
        """Whether a page asks for each frame now, because it hears nothing else."""
        return time.monotonic() - self._asked_at < ASKED_SECONDS

    def begin_frame(self) -> None:
        """Before the parts are shown: after a hello they send everything."""
        if self._hello.is_set():
            self._hello.clear()
            self._whole = True
            for part in self.parts:
                part.whole = True

    def send_frame(self, *, asked: bool = False) -> bool:
        """Send what the parts have queued, in one message; whether there was anything, or a page to be answered.

        ``asked`` says that it is called while a page's ``next`` is answered.
        """
        queued = [one for part in self.parts for one in part.take()]
        answered = dict(self._answered)
        if not (queued or self._whole or answered != self._told):
            return False
        self._number += 1
        frame = Frame(
            type="frame",
            number=self._number,
            whole=self._whole,
            asked=asked,
            answered=answered,
            parts=[content for content, _ in queued],  # type: ignore[misc]
        )
        self._whole, self._told = False, answered
        self.send(dict(frame), [buffer for _, buffers in queued for buffer in buffers])
        clear_reply_subshell(self)
        return True

    def try_unasked(self) -> None:
        """Now and then tell a page that asks for each frame that some may come by themselves."""
        if time.monotonic() - self._tried_at > TRIAL_SECONDS:
            self._tried_at = time.monotonic()
            self.send({"type": "ping"})

    def _on_page_message(self, _widget: object, content: Any, _buffers: object) -> None:
        kind = content.get("type") if isinstance(content, Mapping) else None
        if kind == "hello":
            self._hello.set()
            if self.on_hello is not None:
                self.on_hello()
        elif kind == "next":
            self._asked_at = time.monotonic()
            if self.on_next is not None:
                self.on_next()
        else:
            self._note_number(content)
            self._hand_on(content)

    def _hand_on(self, content: Any) -> None:
        """Give it to the parts, of which one may take it."""
        for part in self.parts:
            try:
                if part.receive(content):
                    return
            except Exception as error:  # nobody sees what is raised here
                self.log.warning("dfa_lab: %s", in_words(error))

    def _note_number(self, content: Any) -> None:
        """Keep the page's own name and its message's number, to answer it; of many pages the latest."""
        if not isinstance(content, Mapping):
            return
        page, number = content.get("page"), content.get("number")
        if not isinstance(page, str) or not 0 < len(page) <= PAGE_LENGTH:
            return
        if isinstance(number, int) and not isinstance(number, bool) and 0 < number <= LAST_NUMBER:
            others = {name: last for name, last in self._answered.items() if name != page}
            self._answered = dict(list({**others, page: number}.items())[-PAGES:])
