"""The one kind of widget that there is: its parts' messages go to the page together, some times a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from dfa_lab.errors import DfaLabError
from dfa_lab.widgets.kernel.frames import Frames
from dfa_lab.widgets.kernel.ipykernel_fixes import clear_reply_subshell, keep_requests
from dfa_lab.widgets.kernel.page_part import PagePart

STATIC = Path(__file__).parents[1] / "static"


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

    ``part`` names what the page draws, ``options`` are told to it once. ``frames`` is what passes between the parts and
    its pages. ``on_close`` is called, if set, when it is closed the first time.
    """

    _esm, _css = bundle()
    part = traitlets.Unicode().tag(sync=True)
    options = traitlets.Dict().tag(sync=True)

    def __init__(self, part: str, parts: Sequence[PagePart], options: Mapping[str, Any] | None = None) -> None:
        super().__init__(part=part, options=dict(options or {}))
        self.on_close: Callable[[], None] | None = None
        self.frames = Frames(parts, self._send_message)
        self.on_msg(lambda _widget, content, _buffers: self.frames.receive(content))
        keep_requests()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'closed' if self.closed else ''})"

    @property
    def closed(self) -> bool:
        """Whether it was closed: it is on no screen any more, and a cell shows its name only."""
        return self.comm is None

    def close(self) -> None:
        """Take it off the screen."""
        closing = getattr(self, "on_close", None)  # also called when a half-made one is collected
        if closing is not None:
            self.on_close = None
            closing()
        super().close()

    def _send_message(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        self.send(content, buffers)
        clear_reply_subshell(self)
