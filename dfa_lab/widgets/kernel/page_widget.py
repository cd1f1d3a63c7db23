"""The one kind of widget that there is: its parts' messages go to the page together, some times a second."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from weakref import ref

import anywidget
import traitlets
from ipywidgets import Widget

from dfa_lab.errors import DfaLabError
from dfa_lab.widgets.kernel.frames import Frames
from dfa_lab.widgets.kernel.ipykernel_fixes import clear_reply_subshell, keep_requests
from dfa_lab.widgets.kernel.page_part import PagePart

#: The widgets that ipywidgets makes for a control by itself, each a trait of that name.
OWN = ("layout", "style")
STATIC = Path(__file__).parents[1] / "static"


def bundle() -> tuple[str, str]:
    """The JavaScript and the stylesheet built from ``frontend/``. ``DfaLabError`` where they are not built.

    They are texts: given a file, anywidget has it watched for every widget, and the watch holds the widget for good.
    """
    script, style = STATIC / "dfa_lab.js", STATIC / "dfa_lab.css"
    if not script.is_file():
        raise DfaLabError(
            "the widgets' JavaScript is not built, which installing does: run `pip install -e .` (or `make lab`) "
            "in the repository, and start Python again."
        )
    return script.read_text(encoding="utf-8"), style.read_text(encoding="utf-8")


def has_cells() -> bool:
    """Whether there are cells to run; a page by Voila has none, and Voila sets SERVER_SOFTWARE in its kernels."""
    return not os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")


class PageWidget(anywidget.AnyWidget):
    """A widget whose ``parts`` send what changed, and everything when a page opens it, which may be at any time.

    ``part`` names what the page draws, ``options`` are sent to it once, with ``cells`` False where there are none.
    ``frames`` is what passes between the parts and its pages. ``on_close`` is called, if set, when it is closed the
    first time.

    A page sends messages and no traits: what it sends for those is left aside. A closed widget holds nothing that it
    showed, for the notebook's ``Out`` holds every widget that a cell ended with.
    """

    _esm, _css = bundle()
    part = traitlets.Unicode().tag(sync=True)
    options = traitlets.Dict().tag(sync=True)

    def __init__(self, part: str, parts: Sequence[PagePart], options: Mapping[str, Any] | None = None) -> None:
        super().__init__(part=part, options={**(options or {}), **({} if has_cells() else {"cells": False})})
        self.on_close: Callable[[], None] | None = None
        self.frames = Frames(parts, _sender(ref(self)))
        self.on_msg(_receive)
        self._own_parts = own_parts(self)
        for one in self._own_parts:
            take_nothing_from_pages(one)
        keep_requests()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'closed' if self.closed else ''})"

    @property
    def closed(self) -> bool:
        """Whether it was closed: it is on no screen any more, and a cell shows its name only."""
        return self.comm is None

    def set_state(self, sync_data: Any) -> None:
        """Take no trait from a page: the kernel alone writes them, and one page's scripts would run in the others."""

    def close(self) -> None:
        """Take it off the screen, and let go of what it showed."""
        closing = getattr(self, "on_close", None)  # also called when a half-made one is collected
        if closing is not None:
            self.on_close = None
            closing()
        if frames := getattr(self, "frames", None):
            frames.close()
        for one in getattr(self, "_own_parts", ()):
            one.close()
        super().close()

    def _send_message(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        self.send(content, buffers)
        clear_reply_subshell(self)


def _receive(widget: PageWidget, content: Any, _buffers: Any) -> None:
    """A page says something."""
    widget.frames.receive(content)


def _sender(widget: ref[PageWidget]) -> Callable[[dict[str, Any], list[bytes]], None]:
    """What sends through a widget, and does not hold it: one that was closed is freed at once."""

    def send(content: dict[str, Any], buffers: list[bytes]) -> None:
        if (there := widget()) is not None:
            there._send_message(content, buffers)

    return send


def take_nothing_from_pages(widget: Widget) -> None:
    """From now on no page can change a trait of ``widget``, which is none of our own classes, such as a layout."""
    widget.set_state = _ignore


def own_parts(widget: Widget, given: Any = ()) -> list[Widget]:
    """The widgets that ``widget`` made for itself: its layout and, where it has one, its style, unless ``given``."""
    found = [getattr(widget, name, None) for name in OWN if widget.has_trait(name) and name not in given]
    return [one for one in found if isinstance(one, Widget)]


def _ignore(sync_data: Any) -> None:
    """Leave a page's message as it is."""
