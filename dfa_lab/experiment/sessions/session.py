"""Session: what makes a run again to the last bit, as a value, as JSON, and as a short text to share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dfa_lab.errors import DfaLabError, shown, whole_number
from dfa_lab.experiment.sessions.first_view import PLAIN, View
from dfa_lab.experiment.sessions.script import script_of
from dfa_lab.experiment.sessions.share_text import read_json, read_text, write_json, write_text
from dfa_lab.experiment.settings import (
    LONGEST,
    LONGEST_TEXT,
    MOST_CHANGES,
    MOST_LANES,
    MOST_STEPS,
    Settings,
    check_memory,
    check_serializable,
)
from dfa_lab.html_table import table

if TYPE_CHECKING:
    from dfa_lab.experiment.run import Experiment

Fields = Mapping[str, Any]


def _fields(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {shown(value)}" for name, value in fields.items()) or "–"


@dataclass(frozen=True)
class Lane:
    """A second run beside the first: a fork at step 0 with these live ``fields`` changed.

    >>> import dfa_lab as dfa
    >>> dfa.Session(dfa.Settings(), lanes=(dfa.Lane("BP", {"rule": "bp"}),)).lanes
    (Lane(name='BP', fields={'rule': 'bp'}),)
    """

    name: str
    fields: Mapping[str, Any]

    def __post_init__(self) -> None:
        _check_words("name", self.name)
        if not self.name.strip():
            raise DfaLabError("a lane was given no name; expected a word or two that its curve is called by.")


@dataclass(frozen=True)
class Session:
    """A run from its beginning: ``settings`` at step 0, every change with its step, and how far it went.

    ``changes`` are (updates done before it took effect, the live fields changed together), in order; they are the
    run's own, ``lanes`` go on beside it without them. ``steps`` 0 is a run not begun. ``title`` and ``about`` are for
    people. ``view`` is what a page shows first, a ``View`` or its parts by name; ``name`` is what the run is called
    among its lanes, "" for what tells it from them. Holds names and numbers only. Raises ``DfaLabError`` for what makes
    no run or cannot be written down.

    >>> import dfa_lab as dfa
    >>> session = dfa.Session(dfa.Settings(task="moons"), changes=((2, {"rule": "fa"}),), steps=4)
    >>> dfa.Session.from_text(session.to_text()) == session
    True
    >>> session.replay().steps_done
    4
    """

    settings: Settings
    changes: tuple[tuple[int, Mapping[str, Any]], ...] = ()
    steps: int = 0
    title: str = ""
    about: str = ""
    lanes: tuple[Lane, ...] = ()
    view: View | Mapping[str, Any] = PLAIN
    name: str = ""

    def _repr_html_(self) -> str:
        plain = Settings().values()
        rows = [["settings at step 0", _fields({k: v for k, v in self.settings.values().items() if v != plain[k]})]]
        rows += [[f"change at step {step:,}", _fields(fields)] for step, fields in self.changes]
        rows += [[f"beside it: {lane.name}", _fields(lane.fields)] for lane in self.lanes]
        rows += [["steps", f"{self.steps:,}"]]
        return table(["", "others than a plain run"], rows, ": ".join(filter(None, (self.title, self.about))))

    def __post_init__(self) -> None:
        if not isinstance(self.settings, Settings):
            raise DfaLabError(f"a session's settings were given as {shown(self.settings)}; expected a Settings.")
        whole_number("steps", self.steps, 0, MOST_STEPS)
        for words in ("title", "about", "name"):
            _check_words(words, getattr(self, words))
        object.__setattr__(self, "view", View.of(self.view))
        check_serializable(self.settings.values())
        if len(self.changes) > MOST_CHANGES:
            raise DfaLabError(f"a session was given {len(self.changes):,} changes; expected at most {MOST_CHANGES:,}.")
        if len(self.lanes) > MOST_LANES:
            raise DfaLabError(f"a session was given {len(self.lanes)} lanes; expected at most {MOST_LANES}.")
        # What Settings make of a value is what is kept: so a list and a tuple are the same session.
        object.__setattr__(self, "changes", tuple(self._checked_changes()))
        lanes = tuple(Lane(lane.name, _changed(self.settings, lane.fields)[1]) for lane in self.lanes)
        object.__setattr__(self, "lanes", lanes)

    def _checked_changes(self) -> Iterator[tuple[int, Fields]]:
        before, settings = 0, self.settings
        for step, fields in self.changes:
            whole_number("a change's step", step, 0, self.steps)
            if step < before:
                raise DfaLabError(f"a change at step {step} stands after one at step {before}; put them in order.")
            settings, kept = _changed(settings, fields)
            yield step, kept
            before = step

    @classmethod
    def of(cls, experiment: Experiment, *, title: str = "", about: str = "") -> Session:
        """What makes ``experiment`` as it stands. Steps lost in a divergence are not in it, undos are changes."""
        return replace(experiment.session(), title=title, about=about)

    def replay(self) -> Experiment:
        """Train the run anew, here and now, to ``steps``: the same history to the last bit. Lanes are left out."""
        from dfa_lab.experiment.run import Experiment

        if not isinstance(self, Session):  # by Experiment.replay
            raise DfaLabError(f"replay was given {shown(self)}; expected a Session, such as run.session() gives.")
        run = Experiment(self.settings)
        for step, fields in self.changes:
            run.train(step - run.steps_done)
            run.change(**fields)
        run.train(self.steps - run.steps_done)
        return run

    def script(self) -> str:
        """A Python script that makes the run again, its lanes too, and prints how it ended."""
        return script_of(self)

    def to_json(self) -> str:
        """JSON text with every setting, readable by people; ``from_json`` takes it back."""
        return write_json(self._document())

    @classmethod
    def from_json(cls, text: str) -> Session:
        """The session a JSON text holds, settings it does not name at their defaults.

        Raises ``DfaLabError`` for anything else, and for one whose work is too much for a text from elsewhere.
        """
        return cls._of_document(read_json(text))

    def to_text(self) -> str:
        """One short line of letters, digits, ``-``, ``_`` and ``.`` that fits a URL; ``from_text`` takes it back."""
        return write_text(self._document())

    @classmethod
    def from_text(cls, text: str) -> Session:
        """The session that ``to_text`` wrote. Raises ``DfaLabError`` as ``from_json`` does."""
        return cls._of_document(read_text(text))

    @classmethod
    def read(cls, text: str, *, longest: int = LONGEST_TEXT, most_changes: int = MOST_CHANGES) -> Session:
        """From either of the two, where it has at most so many characters of JSON and so many changes."""
        if not isinstance(text, str):
            raise DfaLabError(f"a session was given as {shown(text, 80)}; expected text: a share string or JSON.")
        document = (read_json if text.lstrip().startswith("{") else read_text)(text, longest)
        if (count := len(document["changes"])) > most_changes:
            raise DfaLabError(
                f"the session has {count:,} changes; expected at most {most_changes:,} here. In code, "
                "Session.from_text(text).replay() makes it."
            )
        return cls._of_document(document)

    def _document(self) -> dict[str, Any]:
        later = {"view": View.of(self.view).document(), "name": self.name}  # what the first form does not have
        return {
            "title": self.title,
            "about": self.about,
            "settings": self.settings.values(),
            "changes": [[step, fields] for step, fields in self.changes],
            "steps": self.steps,
            "lanes": [{"name": lane.name, "fields": lane.fields} for lane in self.lanes],
            **{name: one for name, one in later.items() if one},
        }

    @classmethod
    def _of_document(cls, document: dict[str, Any]) -> Session:
        try:
            lanes = tuple(Lane(**lane) for lane in document["lanes"])
            settings, changes = Settings(**document["settings"]), tuple(map(tuple, document["changes"]))
            found = cls(**{**document, "settings": settings, "changes": changes, "lanes": lanes})
        except RecursionError:
            raise DfaLabError("a value in this session is nested too deep; expected names and numbers.") from None
        check_memory(found.settings, [*(fields for _, fields in found.changes), *(lane.fields for lane in found.lanes)])
        return found


def story_of(session: Session) -> str:
    """What a session says of itself: its title and what it is about."""
    return ": ".join(filter(None, (session.title, session.about)))


def _changed(settings: Settings, fields: Fields) -> tuple[Settings, Fields]:
    """The settings with ``fields`` changed, and the fields as they are then."""
    if not isinstance(fields, Mapping) or not fields:
        raise DfaLabError(f"a change was given as {shown(fields)}; expected live fields with their new values.")
    check_serializable(fields)
    after = settings.changed(**fields)
    Settings.check_live(fields)
    return after, {name: getattr(after, name) for name in fields}


def _check_words(what: str, value: Any) -> None:
    if not isinstance(value, str) or len(value) > LONGEST[what]:
        raise DfaLabError(
            f"{what} was given as {shown(value, 80)}; expected text of at most {LONGEST[what]:,} characters."
        )
