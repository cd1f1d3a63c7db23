"""What every widget that draws in the page shares: its bundle of JavaScript, the hello of a page, numbered messages."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget

from dfa_lab.errors import DfaLabError
from dfa_lab.widgets.kernel.ipykernel_fixes import clear_reply_subshell, keep_requests

STATIC = Path(__file__).parents[1] / "static"


def bundle(name: str, called: str) -> tuple[Path, Path]:
    """The JavaScript and the stylesheet built from ``frontend/``. ``DfaLabError`` where they are not built."""
    script, style = STATIC / f"{name}.js", STATIC / f"{name}.css"
    if not script.is_file():
        raise DfaLabError(
            f"{called}'s JavaScript is not built, which installing does: run `pip install -e .` (or `make lab`) "
            "in the repository, and start Python again."
        )
    return script, style


class PageWidget(anywidget.AnyWidget):
    """A widget that sends what changed, and everything when a page opens it, which may be at any time.

    A page that opens says {"type": "hello"}, and so does one that missed a message, which it sees by the numbers.
    ``on_hello`` is called, if set, at each hello. A subclass sends by ``_post``; ``_receive`` takes what else comes.
    """

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._hello, self._number = threading.Event(), 0
        self.on_hello: Callable[[], None] | None = None
        self.on_msg(self._on_page_message)
        keep_requests()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def _said_hello(self) -> bool:
        """Whether a page said hello since the last call: it needs everything."""
        asked = self._hello.is_set()
        self._hello.clear()
        return asked

    def _post(self, content: dict[str, Any], buffers: list[bytes] | None = None, *, numbered: bool = False) -> None:
        """Send a message to every page; ``numbered`` where the page is to notice that one was lost."""
        if numbered:
            self._number += 1
            content["number"] = self._number
        self.send(content, buffers)
        clear_reply_subshell(self)

    def _receive(self, content: Any) -> None:
        """Take what a page sent, whoever wrote that page; ignored here."""

    def _on_page_message(self, _widget: object, content: Any, _buffers: object) -> None:
        if isinstance(content, Mapping) and content.get("type") == "hello":
            self._hello.set()
            if self.on_hello is not None:
                self.on_hello()
        else:
            self._receive(content)
