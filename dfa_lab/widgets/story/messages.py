"""What a story sends to the page, type by type."""

from __future__ import annotations

from typing import TypedDict

from dfa_lab.widgets.kernel import PartMessage


class StoryStep(TypedDict):
    """A step of a story that has appeared: what it says, the part that it points at (``data-part``), when it appeared
    in words ("" at once), and the words on the button that tries something ("" without one).
    """

    text: str
    part: str
    waits_for: str
    offers: str


class StoryState(PartMessage):
    """The story that is told; without one ``title`` is "" and there are no steps.

    ``steps`` are those that have appeared, of ``count`` in all, ``place`` is the one shown. ``waits_for`` says what the
    one after it waits for, "" where *next* shows it at once, or where there is none (``ended``). ``told`` is false
    while the reader plays: the story keeps its place. ``stuck`` says why it cannot go on, or "". ``next_takes_offer``
    says that to go on is to take what this step offers. ``speed`` is the story's own, in steps a second.
    """

    name: str
    title: str
    question: str
    steps: list[StoryStep]
    count: int
    place: int
    waits_for: str
    told: bool
    ended: bool
    stuck: str
    next_takes_offer: bool
    speed: float | None
