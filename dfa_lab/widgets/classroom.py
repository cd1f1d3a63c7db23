"""Classroom: what a teacher decides of an explorer before the class sees it: what is hidden, what is locked, how it looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dfa_lab.errors import DfaLabError, unknown_name
from dfa_lab.experiment.settings import Settings

THEMES = ("auto", "light", "dark", "projector")
#: The parts of an explorer that can be hidden, beside its settings.
PARTS = ("presets", "new_run", "changes", "share", "keys", "pictures", "lanes", "pace", "derivative_editor")


@dataclass(frozen=True)
class Classroom:
    """``hide`` takes settings and parts off the screen, ``lock`` keeps settings as they are, ``theme`` is how it looks.

    Raises ``DfaLabError`` for names that are none.
    """

    hide: tuple[str, ...] = ()
    lock: tuple[str, ...] = ()
    theme: str = "auto"

    @classmethod
    def of(cls, hide: Iterable[str], lock: Iterable[str], theme: str) -> Classroom:
        """From what an explorer was given."""
        settings = list(Settings.model_fields)
        for kind, names, known in (("hide", hide, [*settings, *PARTS]), ("lock", lock, settings)):
            if isinstance(names, str):
                raise DfaLabError(f"{kind} was given as {names!r}; expected a list of names: {kind}=[{names!r}].")
            for name in names:
                if name not in known:
                    raise unknown_name(f"part to {kind}", str(name), known)
        if theme not in THEMES:
            raise unknown_name("theme", str(theme), THEMES)
        return cls(tuple(hide), tuple(lock), theme)

    def check(self, fields: Mapping[str, Any], now: Settings) -> None:
        """Raise ``DfaLabError`` where ``fields`` would change a locked setting."""
        for name, value in fields.items():
            if name in self.lock and value != getattr(now, name, None):
                raise DfaLabError(f"{name} is locked here and stays {getattr(now, name)!r}.")
