"""Answers: what follows when a user does something on the screen, a command to the trainer or another picture.

What cannot be done raises a ``DfaLabError``, which ends as a sentence on the status line and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.history import History
from dfa_lab.experiment.sessions import PRESETS, Session, View, story_of
from dfa_lab.experiment.settings import check_size
from dfa_lab.learning.ops import is_sequence
from dfa_lab.registry import Registry
from dfa_lab.widgets.controls import check_fields, download

if TYPE_CHECKING:
    from dfa_lab.widgets.explorer.explorer import Explorer

MOST_CHANGES = 1000
#: How many seeds there are: after the last one comes 0.
SEEDS = 2**31
MOST_PINS = 4
#: Slow motion: so many steps a second, the phases of each shown. At more than FAST nobody could read them.
SLOW, FAST = 0.5, 2.0

Message = Mapping[str, Any]
Answer = Callable[["Explorer", Message], None]
#: An answer to each of ``acts.ACTS``, by its name.
ANSWERS: Registry[Answer] = Registry("act")


def answer(explorer: Explorer, message: Message) -> None:
    """Do what ``message``, as ``acts.checked`` gave it, names. Raises ``DfaLabError`` for what cannot be done."""
    do = message["do"]
    explorer.classroom.check_act(do)
    ANSWERS[do](explorer, message)
    if do not in ("watching", "share", "focus", "tab", "measure"):
        explorer.stepping = do == "step" and message["steps"] == 1


@ANSWERS.register("play")
def _play(explorer: Explorer, message: Message) -> None:
    explorer.runner.play()


@ANSWERS.register("pause")
def _pause(explorer: Explorer, message: Message) -> None:
    explorer.runner.pause()


@ANSWERS.register("measure")
def _measure(explorer: Explorer, message: Message) -> None:
    explorer.runner.measure()


@ANSWERS.register("step")
def _step(explorer: Explorer, message: Message) -> None:
    explorer.runner.play(message["steps"])


@ANSWERS.register("reset")
def _reset(explorer: Explorer, message: Message) -> None:
    explorer.begin_anew()
    explorer.runner.reset()


@ANSWERS.register("new_seed")
def _new_seed(explorer: Explorer, message: Message) -> None:
    settings = explorer.experiment.settings
    fields = {name: _next(getattr(settings, name), settings.replicas or 1) for name in ("seed", "feedback_seed")}
    explorer.classroom.check(fields, settings)
    explorer.begin_anew()
    explorer.runner.reset(**fields)


def _next(seed: Any, replicas: int) -> Any:
    """A seed as many further as there are replicas; those of a sequence by their span. So none comes twice soon."""
    if not is_sequence(seed):
        return (seed + replicas) % SEEDS
    span = (max(seed) - min(seed) + 1) % SEEDS or 1
    return tuple((one + span) % SEEDS for one in seed)


@ANSWERS.register("change")
def _change(explorer: Explorer, message: Message) -> None:
    fields = check_fields(message["fields"])
    settings = explorer.chosen.settings
    explorer.classroom.check(fields, settings)
    check_size(settings.changed(**fields))
    explorer.runner.change(lane=explorer.lane, **fields)


@ANSWERS.register("new_run")
def _new_run(explorer: Explorer, message: Message) -> None:
    fields = check_fields(message["fields"])
    settings = explorer.experiment.settings
    explorer.classroom.check(fields, settings)
    after = settings.changed(**fields)
    check_size(after)
    explorer.begin_anew(after)
    explorer.runner.reset(**fields)


@ANSWERS.register("fork")
def _fork(explorer: Explorer, message: Message) -> None:
    fields = check_fields(message.get("fields", {}))
    explorer.classroom.check(fields, explorer.chosen.settings)
    check_size(explorer.chosen.settings.changed(**fields))
    explorer.runner.fork(lane=explorer.lane, **fields)


@ANSWERS.register("drop")
def _drop(explorer: Explorer, message: Message) -> None:
    if len(explorer.runner.lanes) == 1:
        raise DfaLabError("there is one lane only, and it stays; fork makes another.")
    explorer.runner.drop(message["lane"])


@ANSWERS.register("select")
def _select(explorer: Explorer, message: Message) -> None:
    explorer.lane = message["lane"]


@ANSWERS.register("undo")
def _undo(explorer: Explorer, message: Message) -> None:
    if explorer.chosen.undoable:
        explorer.classroom.check(explorer.chosen.undoable[-1], explorer.chosen.settings)
    explorer.runner.undo(lane=explorer.lane)


@ANSWERS.register("pin")
def _pin(explorer: Explorer, message: Message) -> None:
    run = explorer.chosen
    name = next((name for name, one in explorer.lanes_by_name().items() if one is run), run.history.name)
    held: History = run.history.copy(f"{name} at {run.steps_done:,}")
    explorer.pins = [*explorer.pins, held][-MOST_PINS:]


@ANSWERS.register("unpin")
def _unpin(explorer: Explorer, message: Message) -> None:
    name = message.get("name")
    explorer.pins = [] if name is None else [pin for pin in explorer.pins if pin.name != name]


@ANSWERS.register("preset")
def _preset(explorer: Explorer, message: Message) -> None:
    _load(explorer, PRESETS[message["name"]])


@ANSWERS.register("load")
def _load_text(explorer: Explorer, message: Message) -> None:
    _load(explorer, Session.read(message["text"]))


def _load(explorer: Explorer, session: Session) -> None:
    check_fields(session.settings.values())
    explorer.classroom.check_session(session, explorer.experiment.settings)
    if len(session.changes) > MOST_CHANGES:
        raise DfaLabError(
            f"the session has {len(session.changes):,} changes; the explorer takes {MOST_CHANGES:,}. In code, "
            "Session.replay() makes it."
        )
    for fields in [*(fields for _, fields in session.changes), *(lane.fields for lane in session.lanes)]:
        check_size(session.settings.changed(**check_fields(fields)))
    check_size(session.settings)
    explorer.begin_anew(session.settings, story_of(session), View.of(session.view))
    explorer.runner.load(session)


@ANSWERS.register("limit")
def _limit(explorer: Explorer, message: Message) -> None:
    explorer.runner.limit(message["steps_per_s"])


@ANSWERS.register("slow")
def _slow(explorer: Explorer, message: Message) -> None:
    status = explorer.runner.status()
    if status.limit is not None and status.limit <= FAST:
        explorer.runner.limit(explorer.former_limit)
        if not explorer.trained_before:
            explorer.runner.pause()
    else:
        explorer.former_limit, explorer.trained_before = status.limit, status.running
        explorer.runner.limit(SLOW)
        if not status.running:
            explorer.runner.play()


@ANSWERS.register("stop_at")
def _stop_at(explorer: Explorer, message: Message) -> None:
    explorer.runner.stop_at(message["step"])


@ANSWERS.register("focus")
def _focus(explorer: Explorer, message: Message) -> None:
    explorer.chart.focus(message["step"])


@ANSWERS.register("share")
def _share(explorer: Explorer, message: Message) -> None:
    run = explorer.chosen
    history = run.history

    def make() -> None:
        texts = run.session().to_text(), run.to_script()
        if run is explorer.chosen and history is run.history:  # else nobody asks for it any more
            explorer.shared = texts

    explorer.aside.do("the share text", make)


@ANSWERS.register("save")
def _save(explorer: Explorer, message: Message) -> None:
    runs, chosen, kind = explorer.lanes_by_name(), explorer.chosen, message["kind"]
    explorer.aside.do("a file", lambda: explorer.desk.hand_over(*download(runs, chosen, kind)))


@ANSWERS.register("tab")
def _tab(explorer: Explorer, message: Message) -> None:
    explorer.pictures.choose(message["name"])


@ANSWERS.register("watching")
def _watching(explorer: Explorer, message: Message) -> None:
    explorer.runner.watched()
