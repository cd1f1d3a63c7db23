"""What an explorer begins with: settings make a new run; a run that is there goes on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from numbers import Real
from typing import Any

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.autosave import AutosaveChoice
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner import Runner
from dfa_lab.experiment.sessions import STORIES, Session, offered_session
from dfa_lab.experiment.settings import Settings

Given = Settings | Experiment | Runner
#: Steps a second to begin with: most happens in the first hundred, and at full speed they are over before one looks.
SPEED = 30.0


def started(
    given: object,
    preset: str | None,
    fields: Mapping[str, Any],
    *,
    patience: float | None,
    headless: bool,
    autosave: AutosaveChoice,
) -> tuple[Runner, Session | None]:
    """The runner given, or a new one of the run or settings given; and the session of a ``preset``, not loaded yet.

    A new runner pauses after ``patience`` minutes in which nobody looked, and saves as ``autosave`` says. No thread
    starts here.

    Raises ``DfaLabError`` for anything else, and for what would make a new run beside one that is there.
    """
    minutes: Any = patience
    if patience is not None and (not isinstance(minutes, Real) or not patience > 0):
        raise DfaLabError(
            f"patience was given as {shown(patience)}; expected minutes above 0, or None for no end of it."
        )
    if isinstance(given, Experiment | Runner):
        if beside := [*(["preset"] if preset is not None else []), *fields]:
            raise DfaLabError(
                f"Explorer was given {', '.join(beside)} beside a run, which has its settings; change them with "
                "change(…) or reset(…) of the run, or leave the run out to begin a new one."
            )
    elif given is not None and not isinstance(given, Settings):
        raise DfaLabError(
            f"Explorer was given {shown(given)}; expected a Settings, its fields by name, such as task='digits', or a "
            "run to go on with, an Experiment or a Runner."
        )
    if isinstance(given, Runner):
        return given, None
    session = None if preset is None else offered_session(preset)
    if session is not None:
        if given is not None or "module" in fields:
            raise DfaLabError(f"preset={preset!r} was given beside settings or a module; expected one of them.")
        session = replace(session, settings=session.settings.changed(**fields))
    if isinstance(given, Experiment):
        run = given
    else:
        run = Experiment(given, **fields) if session is None else Experiment(session.settings)
    idle = None if headless or patience is None else 60 * patience
    return Runner(run, threaded=not headless, compare_speed=not headless, watch_limit=idle, autosave=autosave), session


def begin_session(runner: Runner, session: Session, preset: str | None, *, at_its_speed: bool) -> None:
    """Load ``session``, as the story of the ``preset`` where there is one that fits, ``at_its_speed`` or at yours."""
    story = STORIES.get(preset or "")
    if story is not None:
        with suppress(DfaLabError):  # with other settings it may speak of a layer that there is none of
            runner.tell(replace(story, session=session, speed=story.speed if at_its_speed else None))
            return
    runner.load(session)
