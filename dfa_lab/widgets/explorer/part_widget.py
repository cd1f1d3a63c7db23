"""A widget of a model: the feeds that show its parts what is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from dfa_lab.widgets.explorer.feeds import Feed, Moment
from dfa_lab.widgets.kernel import PagePart, PageWidget

Some = TypeVar("Some", bound=PagePart)


class PartWidget(PageWidget):
    """A widget that shows what its ``feeds`` give its parts, in their order."""

    def __init__(self, part: str, feeds: Sequence[Feed], options: Mapping[str, Any] | None = None) -> None:
        self.feeds = tuple(feeds)
        super().__init__(part, [feed.part for feed in feeds], options)

    def after_frame(self, now: Moment) -> None:
        """Called after each look at the run, whether there was a frame or not."""


def parts_of(widget: PartWidget, kind: type[Some]) -> list[Some]:
    """Those of a widget's parts that are of a kind."""
    return [part for part in widget.frames.parts if isinstance(part, kind)]
