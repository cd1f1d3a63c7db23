"""A still picture beside a widget in a cell's output, which is seen only where the widget is not."""

from __future__ import annotations

import base64
import html
import uuid
from typing import Any

#: The page hides what has this class as soon as it draws a widget (frontend/shared/base.css).
CLASS = "dfa-still"


class StillOutput:
    """An output of the running cell for a PNG: ``begin`` makes its place, ``show`` puts the picture there.

    Outside a kernel nothing happens.
    """

    def __init__(self) -> None:
        self._display_id: str | None = None

    @property
    def begun(self) -> bool:
        """Whether it has a place."""
        return self._display_id is not None

    def begin(self) -> None:
        """Make a place in the output of the running cell, empty so far."""
        self._display_id = uuid.uuid4().hex
        self._publish({"text/html": f'<div class="{CLASS}"></div>', "text/plain": ""}, update=False)

    def show(self, image: bytes, words: str) -> None:
        """Put ``image`` there, with ``words`` for who cannot see it; from any thread."""
        source, alt = base64.b64encode(image).decode("ascii"), html.escape(words, quote=True)
        img = f'<img alt="{alt}" style="max-width: 100%" src="data:image/png;base64,{source}">'
        page = f'<div class="{CLASS}">{img}</div>'
        self._publish({"image/png": source, "text/html": page, "text/plain": words}, update=True)

    def _publish(self, data: dict[str, str], *, update: bool) -> None:
        if (publish := _publisher()) is not None:
            publish(data=data, metadata={}, transient={"display_id": self._display_id}, update=update)


def _publisher() -> Any:
    """What puts an output under the running cell; None where no cell of a notebook runs."""
    try:
        from IPython import get_ipython

        shell = get_ipython()
        return shell.display_pub.publish if getattr(shell, "kernel", None) is not None else None
    except (ImportError, AttributeError):
        return None
