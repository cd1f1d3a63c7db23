"""The control panel: the state of every control, which it sends, and what a user does, which it receives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dfa_lab.errors import in_words
from dfa_lab.views.base import value_text
from dfa_lab.widgets.controls.verb_table import checked
from dfa_lab.widgets.kernel import PagePart


class ControlPanel(PagePart):
    """Toolbar, controls, derivative editor, events and sharing: what a user does arrives at ``on_message``.

    ``show`` is all there is to call, from one thread; a page may reload at any time and is given everything again.
    ``on_message`` is called, if set, with each well-formed message {"do": verb, …} (see ``VERBS``), on whatever thread
    the kernel receives it: let it put a command and return. What a page sends besides is ignored; ``error`` says in
    words what it was, or how ``on_message`` failed, until the next good message. ``on_dark`` is called, if set, with
    whether the page is dark, when it was opened and when that changed.
    """

    name = "panel"

    def __init__(self) -> None:
        super().__init__()
        self._given: dict[str, Any] = {}
        self._sent: dict[str, Any] = {}
        self.error = ""
        self.on_message: Callable[[dict[str, Any]], None] | None = None
        self.on_dark: Callable[[bool], None] | None = None

    def show(self, state: Mapping[str, Any]) -> bool:
        """Send the parts of ``state`` that changed in one message; return whether there were any.

        The parts, each of them optional: ``specs`` (see ``specs``), ``settings`` in force by field, ``running``,
        ``lanes`` (name, colour as "#rrggbb", number for good; first the run itself) and ``lane``, the place among them
        of the one that the controls and ``settings`` are of, ``events`` (step, text), ``presets`` (name, title, about,
        why ``refused``), ``refused`` (see ``disabled_reasons``), ``unused`` (see ``not_used_by``), ``curves``,
        ``phases`` (name, equation, words) or None where there is no slow motion, ``share``, ``script``, ``limit`` in
        steps a second, ``stop_at``, ``error``, ``pins`` (names), ``hide`` and ``lock`` (names of fields and of
        ``PARTS``), ``theme``, ``opened``, another number for each picture to be brought into view, 0 for none.

        A part that is the same object as last time is taken as unchanged: give a new list where a list has changed. A
        part that is missing is not shown. Everything is sent anew to a page that has just opened the panel.
        """
        asked, given = self._is_whole(), dict(state)
        fresh = {}
        for key, value in given.items():
            if asked or key not in self._given or self._given[key] is not value:
                sendable = serializable(value)
                if asked or key not in self._sent or self._sent[key] != sendable:
                    fresh[key] = sendable
        gone = [key for key in self._given if key not in given]
        self._given = given
        if not (fresh or gone or asked):
            return False
        self._sent = {key: value for key, value in {**self._sent, **fresh}.items() if key in given}
        self.send({"type": "snapshot" if asked else "state", "state": fresh, "gone": gone})
        return True

    def close(self) -> None:
        """See ``PagePart``."""
        super().close()
        self.on_message = self.on_dark = None
        self._given, self._sent = {}, {}

    def hand_over(self, name: str, kind: str, content: bytes | str) -> None:
        """Give the page that last asked for a file one to keep: its name, its media type ("text/csv"), what is in it.

        The browser puts it where it puts downloads, which works in Voila too, where nobody sees the kernel's folder.
        """
        data = content.encode() if isinstance(content, str) else content
        self.send({"type": "file", "name": Path(name).name, "kind": kind}, [data])

    def receive(self, content: Any) -> bool:
        """Take what a page sent: whether it is dark, or what its user did."""
        if isinstance(content, Mapping) and content.get("type") == "seen":
            return False  # it is for the picture
        if isinstance(content, Mapping) and content.get("type") == "dark":
            if self.on_dark is not None and isinstance(content.get("dark"), bool):
                self.on_dark(content["dark"])
            return True
        try:
            message = checked(content)
            self.error = ""
            if self.on_message is not None:
                self.on_message(message)
        except Exception as error:  # nobody sees what is raised here: it goes to the status line
            self.error = in_words(error)
        return True


def serializable(value: Any) -> Any:
    """``value`` as JSON holds it: tuples as lists, what is no finite number as None, anything else as its text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): serializable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [serializable(one) for one in value]
    return value_text(value)
