"""What a picture sends to the page, type by type."""

from __future__ import annotations

from typing import TypedDict

from dfa_lab.widgets.kernel import PartMessage


class PictureChoice(TypedDict):
    """A picture that fits the run."""

    name: str
    title: str
    layered: bool


class PictureMessage(PartMessage):
    """One picture: the PNG is the message's buffer; what cannot be drawn is said in ``words`` without one."""

    chosen: str
    choices: list[PictureChoice]
    layer: int
    layers: int
    words: str
    width: int
    height: int
