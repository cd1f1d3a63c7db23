"""What every part of a widget shares: it queues messages, and its widget sends them in the next frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

#: A message and its buffers.
Queued = tuple[dict[str, Any], list[bytes]]


class PagePart:
    """One thing that a widget shows, such as the curves. It needs no widget: give it what to show, then ``take``.

    ``whole`` says that the page knows nothing yet, so that the next message must hold everything.
    """

    #: Which part it is, for the page.
    name = ""

    def __init__(self) -> None:
        self.whole = True
        self._queue: deque[Queued] = deque()  # from several threads

    def send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        """Queue a message."""
        self._queue.append((content, buffers or []))

    def take(self) -> list[Queued]:
        """What is queued, as it goes into a frame; nothing is queued any more."""
        found = [self._queue.popleft() for _ in range(len(self._queue))]
        return [({"part": self.name, "buffers": len(buffers), **content}, buffers) for content, buffers in found]

    def receive(self, content: Mapping[str, Any]) -> bool:
        """Take what a page sent, whoever wrote that page; whether it was for this part."""
        return False

    def page_opened(self) -> None:
        """A page said hello: after the next message every page says anew what it shows."""

    def close(self) -> None:
        """Let go of what it shows: its widget is closed, and may be held for long."""
        self._queue.clear()

    def _is_whole(self) -> bool:
        """Whether everything must be sent, which from now on is done."""
        whole, self.whole = self.whole, False
        return whole
