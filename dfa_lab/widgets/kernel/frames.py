"""Frames: what the parts of a widget have to send, in one numbered message; and what its pages say."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dfa_lab.errors import in_words
from dfa_lab.widgets.kernel.messages import Frame
from dfa_lab.widgets.kernel.page_part import PagePart

#: The most pages that are answered, the longest name of one, and the greatest number of a message.
PAGES, PAGE_LENGTH, LAST_NUMBER = 16, 80, 2**53
#: Seconds after a page asked for a frame in which only such frames are sent, and between two trials of the other way.
ASKED_SECONDS, TRIAL_SECONDS = 0.5, 2.0

Send = Callable[[dict[str, Any], list[bytes]], object]
_log = logging.getLogger(__name__)


class Frames:
    """Gathers what ``parts`` have queued and gives it to ``send``, which takes a message and its buffers.

    A page that opens says {"type": "hello"} and is sent everything, and so does one that missed a frame, which it sees
    by the numbers. {"type": "next"} asks for a frame: where messages of a thread do not reach the page (Google Colab),
    those sent while one is answered do. ``on_hello`` and ``on_next`` are called, if set, at each. A page numbers what
    it sends; the next frame gives back the last number received.

    ``begin``, the parts' own ``show`` and ``send_new`` are for one thread at a time; ``receive`` and ``PagePart.send``
    may come from any.
    """

    def __init__(self, parts: Sequence[PagePart], send: Send) -> None:
        self.parts = tuple(parts)
        self._send = send
        self._hello, self._whole, self._number = threading.Event(), False, 0
        self._answered: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._asked_at = self._tried_at = float("-inf")
        self.on_hello: Callable[[], None] | None = None
        self.on_next: Callable[[], None] | None = None

    @property
    def asked(self) -> bool:
        """Whether a page asks for each frame now, because nothing else reaches it."""
        return time.monotonic() - self._asked_at < ASKED_SECONDS

    def begin(self) -> bool:
        """Before the parts are shown: whether they are to queue everything, because a page said hello."""
        if self._hello.is_set():
            self._hello.clear()
            self._whole = True
            for part in self.parts:
                part.whole = True
                part.page_opened()
        return self._whole

    def send_new(self, *, asked: bool = False) -> bool:
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
        self._send(dict(frame), [buffer for _, buffers in queued for buffer in buffers])
        return True

    def try_unasked(self) -> bool:
        """Now and then send a page that asks for each frame a message that it did not ask for; whether it was time."""
        if time.monotonic() - self._tried_at <= TRIAL_SECONDS:
            return False
        self._tried_at = time.monotonic()
        self._send({"type": "ping"}, [])
        return True

    def close(self) -> None:
        """Let go of what the parts show and of who listens: nothing is sent any more."""
        self.on_hello = self.on_next = None
        for part in self.parts:
            part.close()

    def receive(self, content: Any) -> None:
        """Take what a page sent, whoever wrote that page. Raises nothing."""
        kind = content.get("type") if isinstance(content, Mapping) else None
        if kind == "hello":
            self._hello.set()
            _called(self.on_hello)
        elif kind == "next":
            self._asked_at = time.monotonic()
            _called(self.on_next)
        else:
            self._note_number(content)
            self._hand_on(content)

    def _hand_on(self, content: Any) -> None:
        """Give it to the parts, of which one may take it; one that fails does not keep it from the others."""
        for part in self.parts:
            if _called(lambda part=part: part.receive(content)):  # type: ignore[misc]
                return

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


def _called(what: Callable[[], object] | None) -> object:
    """What it returns, if it is set. The kernel would print what is raised into a cell that has nothing to do with it.

    None then.
    """
    try:
        return None if what is None else what()
    except Exception as error:
        _log.warning("dfa_lab: %s", in_words(error))
        return None
