"""What a teacher decides before the class sees an explorer: what is hidden, what is locked, how it looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dfa_lab.errors import DfaLabError, shown, unknown_name
from dfa_lab.experiment.sessions import Session
from dfa_lab.experiment.settings import Settings, unknown_setting
from dfa_lab.views.base import THEMES
from dfa_lab.widgets.controls.verb_table import PARTS, VERBS

#: How an explorer may look: as the page does, or by one of the themes.
LOOKS = ("auto", *THEMES)
#: What ``hide`` may name beside the settings and the control panel's own parts.
PICTURES_PART = "pictures"


@dataclass(frozen=True)
class Restrictions:
    """``hide`` takes settings and parts off the screen; ``theme`` is how it looks.

    ``lock`` keeps settings as they are, and verbs ("reset", "load", "new_run" …) from being done, whatever a page
    sends.
    """

    hide: tuple[str, ...] = ()
    lock: tuple[str, ...] = ()
    theme: str = "auto"

    @classmethod
    def of(cls, hide: Iterable[str], lock: Iterable[str], theme: str) -> Restrictions:
        """From what an explorer was given. Raises ``DfaLabError`` for names that are none."""
        settings = list(Settings.model_fields)
        hidden = _names("hide", hide, [*settings, *PARTS, PICTURES_PART])
        locked = _names("lock", lock, [*settings, *VERBS])
        if theme not in LOOKS:
            raise unknown_name("theme", theme, LOOKS)
        return cls(hidden, locked, theme)

    def locked_by(self, do: str) -> str:
        """The name in ``lock`` that keeps the verb from being done: its own, or one it changes or includes; or ""."""
        return next((name for name in (do, *VERBS[do].changes, *VERBS[do].includes) if name in self.lock), "")

    def check_verb(self, do: str) -> None:
        """Raise ``DfaLabError`` where the verb is locked."""
        if name := self.locked_by(do):
            raise DfaLabError(f"{name} is locked here.")

    def check(self, fields: Iterable[str], before: Settings, after: Settings) -> None:
        """Raise ``DfaLabError`` where one of the ``fields`` is locked and not the same after as before."""
        for name in fields:
            if name in self.lock and getattr(after, name) != getattr(before, name):
                raise DfaLabError(f"{name} is locked here and stays {shown(getattr(before, name))}.")

    def check_session(self, session: Session, now: Settings) -> None:
        """Raise ``DfaLabError`` where ``session``, begun from the settings ``now``, would change a locked setting."""
        self.check(Settings.model_fields, now, session.settings)
        for fields in [*(fields for _, fields in session.changes), *(lane.fields for lane in session.lanes)]:
            self.check_change(fields, session.settings)

    def check_change(self, fields: Mapping[str, Any], now: Settings) -> None:
        """The same as ``check`` for settings of which ``fields`` would be changed."""
        if not set(fields).isdisjoint(self.lock):
            self.check(fields, now, now.changed(**fields))


def _names(kind: str, given: Iterable[str], known: list[str]) -> tuple[str, ...]:
    """What ``hide`` or ``lock`` was given. Raises ``DfaLabError`` where it is no list of ``known`` names."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        example = given if isinstance(given, str) else known[0]
        raise DfaLabError(f"{kind} was given as {shown(given)}; expected a list of names: {kind}=[{shown(example)}].")
    names = tuple(given)
    for name in names:
        if name not in known:
            raise unknown_setting(name, known, f"part to {kind}")
    return names
