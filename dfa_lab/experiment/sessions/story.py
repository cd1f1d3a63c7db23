"""Story: a session told in steps. Each says a sentence or two, points at a part of the screen, and appears in its time.

>>> import dfa_lab as dfa
>>> dfa.STORIES["bp_beside_dfa"].steps[0].part
'network'
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from dfa_lab.errors import DfaLabError, shown, unknown_name, whole_number
from dfa_lab.experiment.sessions.condition import Condition
from dfa_lab.experiment.sessions.session import Session
from dfa_lab.experiment.settings import LONGEST_TEXT, Settings, check_serializable

FORMAT, VERSION = "dfa_lab.story", 1
AT_ONCE = Condition()
#: The parts of the screen that a step may point at.
STORY_PARTS = (
    *("play", "step", "reset", "speed"),
    *("rule", "feedback", "derivative", "batch_size", "lr"),
    *("network", "dials", "alignment", "loss", "accuracy", "throughput"),
    *("compare", "pictures", "surface", "matrix", "mistakes", "events", "share", "presets"),
)
#: A story: its steps, the letters of a step's text and of an offer's words, and the least speed it may bring.
MOST_STORY_STEPS, LONGEST_STEP, LONGEST_OFFER, SLOWEST_SPEED, FASTEST_SPEED = 30, 400, 60, 0.1, 10_000


@dataclass(frozen=True)
class Offer:
    """What a button of a step does: ``words`` are on it; ``change`` are live fields that it changes in the run, or
    ``fork`` those that differ in a second run which goes on beside it.
    """

    words: str
    change: Mapping[str, Any] = field(default_factory=dict)
    fork: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_text("an offer's words", self.words, LONGEST_OFFER)
        given = [fields for fields in (self.change, self.fork) if fields]
        if len(given) != 1 or not isinstance(given[0], Mapping):
            raise DfaLabError(
                'an offer was given no fields, or two kinds; expected {"words": …, "change": {"rule": "bp"}}.'
            )

    @property
    def fields(self) -> Mapping[str, Any]:
        """The live fields that it changes, here or in the fork."""
        return self.change or self.fork


@dataclass(frozen=True)
class StoryStep:
    """One step: its ``text``, the ``part`` of the screen it points at (one of ``STORY_PARTS``), when it appears.

    ``when`` is a condition by its parts: ``{}`` at once, ``{"step": 40}``, ``{"after": 40}`` steps after the one
    before, ``{"changed": "rule"}``, or ``{"metric": "gradient_alignment", "layer": "mean", "below": 70}``. Training
    pauses where it appears, unless ``pause`` is False or it appears at once. ``offers`` is what a button does, by its
    parts: ``{"words": "Change to BP", "change": {"rule": "bp"}}`` or ``{"words": …, "fork": {…}}``.

    >>> import dfa_lab as dfa
    >>> dfa.StoryStep("Look at the loss.", "loss", when={"step": 40}).condition.in_words()
    'waits for step 40'
    """

    text: str
    part: str
    when: Condition | Mapping[str, Any] = AT_ONCE
    pause: bool = True
    offers: Offer | Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        _check_text("a step's text", self.text, LONGEST_STEP)
        if self.part not in STORY_PARTS:
            raise unknown_name("part of the screen", self.part, STORY_PARTS)
        if not isinstance(self.pause, bool):
            raise DfaLabError(f"pause was given as {shown(self.pause, 40)}; expected True or False.")
        object.__setattr__(self, "when", Condition.of(self.when))
        if self.offers is not None:
            object.__setattr__(self, "offers", _made(Offer, self.offers, "offer"))

    @property
    def condition(self) -> Condition:
        """When it appears."""
        return Condition.of(self.when)

    @property
    def offer(self) -> Offer | None:
        """What its button does, if it has one."""
        return None if self.offers is None else _made(Offer, self.offers, "offer")

    def document(self) -> dict[str, Any]:
        """Its parts by name, as a story's file has them."""
        found: dict[str, Any] = {"text": self.text, "part": self.part, "when": self.condition.document()}
        if not self.pause:
            found["pause"] = False
        if (offer := self.offer) is not None:
            found["offers"] = {"words": offer.words, "change" if offer.change else "fork": dict(offer.fields)}
        return found


@dataclass(frozen=True)
class Story:
    """A ``session`` told in ``steps``: ``StoryStep`` or their parts by name. ``dfa.Runner.tell`` tells it.

    ``question`` is what its card in the menu says: what one may wonder before it is told. ``speed`` is in training
    steps a second; None keeps that of the page. Raises ``DfaLabError`` that says which step is wrong.

    >>> import dfa_lab as dfa
    >>> story = dfa.Story(
    ...     dfa.Session(dfa.Settings(task="moons", widths=(8,)), steps=50, title="Short"),
    ...     [{"text": "Press play.", "part": "play"}, {"text": "Ten steps.", "part": "loss", "when": {"step": 10}}],
    ... )
    >>> dfa.Story.from_json(story.to_json()) == story
    True
    """

    session: Session
    steps: Sequence[StoryStep | Mapping[str, Any]]
    question: str = ""
    speed: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.session, Session):
            raise DfaLabError(f"a story's session was given as {shown(self.session, 80)}; expected a Session.")
        steps: Any = self.steps
        if not isinstance(steps, list | tuple):
            raise DfaLabError(f"a story's steps were given as {shown(self.steps, 80)}; expected a list of them.")
        whole_number(f"the number of steps of {self._called}", len(self.steps), 1, MOST_STORY_STEPS)
        if not isinstance(self.question, str) or len(self.question) > LONGEST_STEP:
            raise DfaLabError(f"a story's question was given as {shown(self.question, 80)}; expected a sentence.")
        if self.speed is not None and not _is_speed(self.speed):
            raise DfaLabError(
                f"a story's speed was given as {shown(self.speed, 80)}; expected steps a second, or None."
            )
        object.__setattr__(self, "steps", tuple(self._checked_steps()))

    @property
    def title(self) -> str:
        """The session's title."""
        return self.session.title

    @property
    def _called(self) -> str:
        return f'story "{self.session.title}"' if self.session.title else "a story without a title"

    def told_steps(self) -> tuple[StoryStep, ...]:
        """The steps, each a ``StoryStep`` by now."""
        return tuple(step for step in self.steps if isinstance(step, StoryStep))

    def _checked_steps(self) -> Iterator[StoryStep]:
        for number, given in enumerate(self.steps, 1):
            with self._saying_where(number):
                step = _made(StoryStep, given, "step")
                self._check(step)
            yield step

    def _check(self, step: StoryStep) -> None:
        session, condition = self.session, step.condition
        if condition.step is not None and session.steps and condition.step > session.steps:
            raise DfaLabError(f"it appears at step {condition.step:,}; the session ends at step {session.steps:,}.")
        layers = len(session.settings.widths)
        if isinstance(condition.layer, int) and condition.layer > layers:
            raise DfaLabError(f"it waits for layer {condition.layer}; the network has {layers} hidden layers.")
        if (offer := step.offer) is not None:
            check_serializable(offer.fields)
            session.settings.changed(**offer.fields)
            Settings.check_live(offer.fields)

    @contextmanager
    def _saying_where(self, number: int) -> Iterator[None]:
        try:
            yield
        except DfaLabError as reason:
            raise DfaLabError(f"step {number} of {self._called}: {reason}") from None

    def to_json(self) -> str:
        """JSON text, readable by people; ``from_json`` takes it back."""
        lines = ",\n    ".join(json.dumps(step.document(), ensure_ascii=False) for step in self.told_steps())
        parts = [f'"format": "{FORMAT}"', f'"version": {VERSION}']
        if self.question:
            parts.append(f'"question": {json.dumps(self.question, ensure_ascii=False)}')
        if self.speed is not None:
            parts.append(f'"speed": {json.dumps(self.speed)}')
        session = self.session.to_json().rstrip().replace("\n", "\n  ")
        return "{\n  " + ",\n  ".join([*parts, f'"steps": [\n    {lines}\n  ]', f'"session": {session}']) + "\n}\n"

    @classmethod
    def from_json(cls, text: str) -> Story:
        """The story that a JSON text holds. Raises ``DfaLabError`` for anything else."""
        document = _parsed(text)
        if document.pop("format", None) != FORMAT:
            raise DfaLabError(f'this JSON is no story; expected "format": "{FORMAT}", as Story.to_json writes it.')
        if (version := document.pop("version", None)) != VERSION or isinstance(version, bool):
            raise DfaLabError(
                f"this story has version {shown(version, 40)}, expected {VERSION}; read it with its release."
            )
        for name in document:
            if name not in cls.__dataclass_fields__:
                raise unknown_name("part of a story", name, list(cls.__dataclass_fields__))
        for name in ("session", "steps"):
            if name not in document:
                raise DfaLabError(f"this story has no {name}; expected a session and steps.")
        session = Session.from_json(json.dumps(document.pop("session")))
        return cls(session=session, **document)


def _made(kind: Any, given: Any, what: str) -> Any:
    """A ``kind`` from its parts by name, or as it is."""
    if isinstance(given, kind):
        return given
    if not isinstance(given, Mapping):
        raise DfaLabError(f"a story's {what} was given as {shown(given, 80)}; expected its parts by name.")
    known = list(kind.__dataclass_fields__)
    for name in given:
        if name not in known:
            raise unknown_name(f"part of a story's {what}", name, known)
    needed = ("text", "part") if kind is StoryStep else ("words",)
    for name in needed:
        if name not in given:
            raise DfaLabError(f"a story's {what} has no {name}; expected {' and '.join(needed)} at least.")
    return kind(**given)


def _check_text(what: str, given: Any, most: int) -> None:
    if not isinstance(given, str) or not given.strip() or len(given) > most:
        raise DfaLabError(f"{what} was given as {shown(given, 80)}; expected a text of 1 to {most} characters.")


def _is_speed(given: Any) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and SLOWEST_SPEED <= given <= FASTEST_SPEED


def _parsed(text: Any) -> dict[str, Any]:
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise DfaLabError(f"a story was given as {shown(text, 80)}; expected the text that Story.to_json wrote.")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as reason:
        raise DfaLabError(f"this text is no story ({reason!s:.200}); expected what Story.to_json wrote.") from None
    if not isinstance(document, dict):
        raise DfaLabError(f"this JSON is a {type(document).__name__}, no story; expected what Story.to_json wrote.")
    return document
