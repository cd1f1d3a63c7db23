"""What passes between kernel and page, type by type; those of each part stand in its own ``messages.py``.

A frame is all that a widget sends: one message for each of its parts that has something new. Many numbers lie in the
frame's buffers (float64, little-endian), those of its parts one after another. A page asks with ``{"type": "hello"}``
for everything, with ``{"type": "next"}`` for what is new, and with ``{"do": verb, …}`` for what the user wants.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class PartMessage(TypedDict):
    """One part's message inside a frame: which part, its kind, and how many of the frame's buffers are its own."""

    part: str
    type: str
    buffers: int


class Frame(TypedDict):
    """All that is new, or ``whole``: everything. A page that misses a ``number`` says hello again.

    ``asked`` is true where a page asked for this one. ``answered`` has the number of the last message received of each
    page.
    """

    type: Literal["frame"]
    number: int
    whole: bool
    asked: bool
    answered: dict[str, int]
    parts: list[PartMessage]
