"""A widget of a model: the feeds that show its parts what is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar, cast
from weakref import ref

from dfa_lab.errors import DfaLabError
from dfa_lab.widgets.explorer.feeds import Feed, Moment
from dfa_lab.widgets.kernel import PagePart, PageWidget

Some = TypeVar("Some", bound=PagePart)


Held = TypeVar("Held")


class UntilClosed(Generic[Held]):
    """An attribute of a widget: from its closing on it is there only while somebody else holds it."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, widget: PartWidget, owner: type | None = None) -> Held:
        return cast(Held, self if widget is None else widget._still_held(self._name))

    def __set__(self, widget: PartWidget, value: Held) -> None:
        widget.__dict__.setdefault("held", {})[self._name] = value


class PartWidget(PageWidget):
    """A widget that shows what its ``feeds`` give its parts, in their order.

    ``held`` is what its attributes ``UntilClosed`` hold, ``let_go`` what they held before it was closed.
    """

    held: dict[str, Any]
    let_go: dict[str, ref[Any]]

    def __init__(self, part: str, feeds: Sequence[Feed], options: Mapping[str, Any] | None = None) -> None:
        self.feeds = tuple(feeds)
        self.__dict__.setdefault("held", {})
        self.let_go = {}
        super().__init__(part, [feed.part for feed in feeds], options)

    def close(self) -> None:
        """See ``PageWidget``."""
        super().close()
        self.feeds = ()
        held = self.__dict__.setdefault("held", {})  # a half-made one has none
        self.let_go = {**vars(self).get("let_go", {}), **{name: ref(one) for name, one in held.items()}}
        held.clear()

    def _still_held(self, name: str) -> Any:
        """What the attribute of that name holds. ``DfaLabError`` where it let go of it and nobody else holds it."""
        found = self.held[name] if name in self.held else self.let_go.get(name, _nothing)()
        if found is None:
            raise DfaLabError(
                f"this {type(self).__name__} is closed and holds its {name} no longer; take what you need of it before "
                "you close it: run = explorer.experiment."
            )
        return found

    def after_frame(self, now: Moment) -> None:
        """Called after each look at the run, whether there was a frame or not."""


def _nothing() -> None:
    """What was never there."""


def parts_of(widget: PartWidget, kind: type[Some]) -> list[Some]:
    """Those of a widget's parts that are of a kind."""
    return [part for part in widget.frames.parts if isinstance(part, kind)]
