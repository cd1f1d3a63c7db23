"""What each verb does: a command to the runner, or something else on the screen.

What cannot be done raises a ``DfaLabError``, which ends as a sentence on the status line and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.runner import Command, StoryStatus, Training
from dfa_lab.experiment.sessions import STORIES, Session, Story, View, offered_session, story_of
from dfa_lab.experiment.settings import (
    LAST_SEED,
    MESSAGE_TEXT,
    PAGE_CHANGES,
    PAGE_TEXT,
    Settings,
    check_size,
)
from dfa_lab.learning.ops import is_sequence
from dfa_lab.widgets.controls import VERBS, check_fields, checked, download
from dfa_lab.widgets.explorer.model import ExplorerModel
from dfa_lab.widgets.explorer.status_line import is_slow

#: How many seeds there are: after the last one comes 0.
SEEDS = LAST_SEED + 1
#: Slow motion: so many steps a second.
SLOW = 0.25

Message = Mapping[str, Any]
Action = Callable[[ExplorerModel, Message], None]


def act(model: ExplorerModel, content: Mapping[str, Any]) -> None:
    """Do what code asks for; it is checked as what a page sends is. What cannot be done is ``model.refused``."""
    with _refusals(model):
        _handle(model, checked(content))


def handle(model: ExplorerModel, message: Message) -> None:
    """Do what a ``checked`` message says, of the ``asker`` in it. What cannot be done is ``model.refused``."""
    if VERBS[message["do"]].unasked:
        _handle(model, message)  # nothing is to be drawn anew
        return
    with _refusals(model, message.get("asker") if VERBS[message["do"]].looks else None):
        _handle(model, message)


@contextmanager
def _refusals(model: ExplorerModel, asker: object = None) -> Iterator[None]:
    try:
        yield
    except DfaLabError as error:
        model.refused = error
    model.screen.refresh(asker)


def _handle(model: ExplorerModel, message: Message) -> None:
    do = message["do"]
    if not VERBS[do].unasked:
        model.refused = None
    model.restrictions.check_verb(do)
    ACTIONS[do](model, message)
    if not VERBS[do].looks:
        model.single_step = do == "step" and message["steps"] == 1


def measure_untrained(model: ExplorerModel) -> None:
    """Measure before the first step, so that the untrained network is seen; what went wrong before stays said.

    Nothing where there are no threads: what a notebook's test sees is what it asked for.
    """
    if not model.at_once:
        measured = Command("Measure", lambda training: training.lanes.measure_by_hand(), keeps_error=True)
        model.runner.put(measured)


def _reset(model: ExplorerModel, message: Message) -> None:
    def allows(training: Training) -> None:
        if training.teller is not None and training.teller.told:  # it begins the story's session again
            model.restrictions.check_session(training.teller.story.session, training.experiment.settings)

    model.begin_anew()
    with model.runner.only_where(allows):
        model.runner.reset()
    measure_untrained(model)


def _begin(model: ExplorerModel, **fields: Any) -> None:
    with model.only_where(fields):
        model.runner.reset(**fields)
    measure_untrained(model)


def _new_seed(model: ExplorerModel, message: Message) -> None:
    settings = model.experiment.settings
    fields = {name: _next(getattr(settings, name), settings.replicas or 1) for name in ("seed", "feedback_seed")}
    model.begin_anew()
    _begin(model, **fields)


def _next(seed: Any, replicas: int) -> Any:
    """A seed as many further as there are replicas; those of a sequence by their span. So none comes twice soon."""
    if not is_sequence(seed):
        return (seed + replicas) % SEEDS
    span = (max(seed) - min(seed) + 1) % SEEDS or 1
    return tuple((one + span) % SEEDS for one in seed)


def _change(model: ExplorerModel, message: Message) -> None:
    fields = model.on_layers(model.chosen, message["fields"])
    model.allowed(fields, model.chosen.settings)
    with model.only_where(fields, lane := model.lane):
        model.runner.change(lane=lane, **fields)


def _new_run(model: ExplorerModel, message: Message) -> None:
    fields = model.on_layers(model.experiment, message["fields"])
    model.begin_anew(model.allowed(fields, model.experiment.settings))
    _begin(model, **fields)


def _fork(model: ExplorerModel, message: Message) -> None:
    fields = model.on_layers(model.chosen, message.get("fields", {}))
    model.allowed(fields, model.chosen.settings)
    with model.only_where(fields, lane := model.lane):
        model.runner.fork(lane=lane, **fields)


def _drop(model: ExplorerModel, message: Message) -> None:
    if len(model.runner.lanes) == 1:
        raise DfaLabError("there is one run only, and it stays; Fork makes another.")
    model.runner.drop(message["lane"])


def _select(model: ExplorerModel, message: Message) -> None:
    model.lane = message["lane"]


def _undo(model: ExplorerModel, message: Message) -> None:
    run = model.chosen
    if run.undoable:
        model.restrictions.check_change(run.undoable[-1], run.settings)
    with model.only_where(lane=(lane := model.lane)):
        model.runner.undo(lane=lane)


def _unpin(model: ExplorerModel, message: Message) -> None:
    name = message.get("name")
    model.pins = [pin for pin in model.pins if name is not None and pin.name != name]


def _session_in(text: str) -> Session:
    return Session.read(text, longest=PAGE_TEXT, most_changes=PAGE_CHANGES)


def _load(model: ExplorerModel, session: Session, story: Story | None = None) -> None:
    check_fields(session.settings.values())
    model.restrictions.check_session(session, model.experiment.settings)
    if len(session.changes) > PAGE_CHANGES:
        raise DfaLabError(
            f"the session has {len(session.changes):,} changes; the explorer takes {PAGE_CHANGES:,}. In code, "
            "Session.replay() makes it."
        )
    for fields in [*(fields for _, fields in session.changes), *(lane.fields for lane in session.lanes)]:
        check_size(session.settings.changed(**check_fields(fields)))
    check_size(session.settings)
    model.begin_anew(session.settings, story_of(session), View.of(session.view))

    def allows(training: Training) -> None:
        model.restrictions.check_session(session, training.experiment.settings)

    with model.runner.only_where(allows):
        if story is None:
            model.runner.load(session)
        else:
            model.runner.tell(story)
    measure_untrained(model)


def _preset(model: ExplorerModel, message: Message) -> None:
    name = message["name"]
    _load(model, offered_session(name), STORIES.get(name))


def _story(model: ExplorerModel, message: Message) -> None:
    """What a step offers is a change or a fork like any other, and to go on may train: they may be locked here."""
    go, now = message["go"], model.runner.story
    takes = now is not None and (go == "take" or (go == "next" and now.next_takes_offer))

    def check(now: StoryStatus | None, settings: Settings) -> None:
        if go == "take" or (go == "next" and now is not None and now.next_trains):
            model.restrictions.check_verb("play")
        if now is not None and now.offer is not None and (go == "take" or (go == "next" and now.next_takes_offer)):
            model.restrictions.check_verb("change" if now.offer.change else "fork")
            model.allowed(now.offer.fields, settings)

    def allows(training: Training) -> None:
        check(None if training.teller is None else training.teller.status(), training.experiment.settings)

    check(now, model.experiment.settings)
    with model.runner.only_where(allows):
        model.runner.story_go(go, place=now.place if now is not None and takes else None)
    if go == "take":
        model.runner.play()  # what was taken is to be seen at work


def _play(model: ExplorerModel, message: Message) -> None:
    model.before_slow_motion = model.before_slow_motion[0], True  # the end of slow motion is no pause then
    model.runner.play()


def _slow(model: ExplorerModel, message: Message) -> None:
    status = model.runner.status()
    if is_slow(status):
        limit, trained = model.before_slow_motion
        model.runner.limit(limit)
        if not trained:
            model.runner.pause()
    else:
        if not status.running:
            model.restrictions.check_verb("play")
        model.before_slow_motion = status.limit, status.running
        model.runner.limit(SLOW)
        if not status.running:
            model.runner.play()


def _picture(model: ExplorerModel, message: Message) -> None:
    model.screen.choose_picture(message["name"], message.get("layer"), message.get("asker"))


def _look(model: ExplorerModel, message: Message) -> None:
    model.look = message["sample"], message.get("layer"), message.get("unit")


def _share(model: ExplorerModel, message: Message) -> None:
    run = model.chosen
    history = run.history

    def make() -> None:
        session = run.session()
        text = "" if len(session.changes) > PAGE_CHANGES else session.to_text()
        if not 0 < len(text) <= MESSAGE_TEXT or len(session.to_json()) > PAGE_TEXT:
            raise DfaLabError(
                f"with {len(session.changes):,} changes the run has no text that an explorer takes back; in code, "
                "explorer.experiment.session().to_json() has it all."
            )
        texts = text, run.to_script()
        if run is model.chosen and history is run.history:  # else nobody asks for it any more
            model.shared = texts

    model.jobs.start("the share text", make)


def _save(model: ExplorerModel, message: Message) -> None:
    runs, chosen, kind = model.lanes_by_name(), model.chosen, message["kind"]
    asker = message.get("asker")
    model.jobs.start("a file", lambda: model.screen.hand_over(*download(runs, chosen, kind), asker))


#: What each of ``VERBS`` does.
ACTIONS: dict[str, Action] = {
    "play": _play,
    "pause": lambda model, _: model.runner.pause(),
    "measure": lambda model, _: model.runner.measure(),
    "step": lambda model, message: model.runner.play(message["steps"]),
    "reset": _reset,
    "new_seed": _new_seed,
    "new_run": _new_run,
    "change": _change,
    "undo": _undo,
    "fork": _fork,
    "drop": _drop,
    "select": _select,
    "pin": lambda model, _: model.pin(),
    "unpin": _unpin,
    "preset": _preset,
    "story": _story,
    "load": lambda model, message: _load(model, _session_in(message["text"])),
    "limit": lambda model, message: model.runner.limit(message["steps_per_s"]),
    "slow": _slow,
    "stop_at": lambda model, message: model.runner.stop_at(message["step"]),
    "share": _share,
    "save": _save,
    "focus": lambda model, message: model.screen.focus(message["step"]),
    "picture": _picture,
    "look": _look,
    "watching": lambda model, _: model.runner.watched(),
}
