"""The name of a run with many changes: made bit by bit, it is the one made of all of them at once."""

import itertools
import random

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.history import Event, NameReader, name_of, shortened
from dfa_lab.experiment.history.run_names import NAME_LENGTH, THEN, ChangedName, words_of

VALUES = {"rule": ["dfa", "fa", "bp", "kp"], "batch_size": [8, 16, 256], "lr": [0.1, 0.05]}


def made_at_once(name, events, start, settings):
    """The same by another way, of all the events together."""
    parts = [name]
    for step, group in itertools.groupby(events, key=lambda event: event.step):
        values = {}
        for event in group:
            values[event.field] = values.get(event.field, (event.old,))[0], event.new
        changed = {field: new for field, (old, new) in values.items() if words_of(field, old) != words_of(field, new)}
        if changed and step == start:
            parts = [name_of({**settings, **changed})]
        elif changed:
            parts.append(name_of(changed))
        if len(parts) > 2 and len(THEN.join(parts)) > NAME_LENGTH:
            break
    text = THEN.join(parts)
    if len(parts) == 1 or len(text) <= NAME_LENGTH:
        return shortened(text)
    between = THEN if len(parts) == 2 else f", …{THEN}"
    room = NAME_LENGTH - len(between)
    now = shortened(name_of({event.field: event.new for event in events}), room - min(len(parts[0]), room // 3))
    return f"{shortened(parts[0], room - len(now))}{between}{now}"


def some_events(draw, count):
    now, step, found = {name: values[0] for name, values in VALUES.items()}, 0, []
    for number in range(count):
        step += draw.choice([0, 0, 1, 7])
        name = draw.choice(list(VALUES))
        new = draw.choice(VALUES[name])
        found.append(Event(step, name, now[name], new, number))
        now[name] = new
    return found


@pytest.mark.parametrize("seed", range(60))
def test_a_name_made_bit_by_bit_is_the_one_made_at_once(seed):
    draw = random.Random(seed)
    events = some_events(draw, draw.choice([0, 1, 2, 3, 5, 12, 40]))
    start, settings = draw.choice([None, 0, 1]), draw.choice([{}, {"batch_size": 8}])
    name = ChangedName("DFA", start=start, settings=settings)
    read = 0
    while read < len(events):
        before, text = name, str(name)
        more = draw.choice([1, 1, 2, 9])
        name, read = name.after(events[read : read + more]), read + more
        assert str(before) == text, "what was there is not changed"
        assert str(name) == made_at_once("DFA", events[:read], start, settings)
    assert str(name) == made_at_once("DFA", events, start, settings)


class Counted(list):
    """Events that count how many of them are read."""

    read = 0

    def __getitem__(self, place):
        found = super().__getitem__(place)
        self.read += len(found) if isinstance(place, slice) else 1
        return found

    def __iter__(self):
        self.read += len(self)
        return super().__iter__()


@pytest.mark.parametrize("changed", [{"rule": "fa"}, {"lr": 0.03}])
@pytest.mark.parametrize("lanes", [1, 3])
def test_a_status_reads_only_the_changes_that_are_new(changed, lanes):
    runner = dfa.Runner(dfa.Experiment(task="moons", widths=(4,), rule="dfa"), threaded=False, autosave=None)
    runner.play(2)
    for size in range(1, lanes):
        runner.fork(batch_size=size)
    for run in runner.lanes:
        for step, (old, new) in enumerate([("dfa", "bp"), ("bp", "dfa")] * 500, 2):
            run.history.add_change(step, {"rule": (old, new)})
    runner.status()
    counted = []
    for run in runner.lanes:
        run.history.events = Counted(run.history.events)
        counted.append(run.history.events)
        run.change(**changed)
    for events in counted:
        events.read = 0
    runner.status()
    assert [events.read for events in counted] == [1] * lanes


def test_what_was_taken_back_is_not_in_the_name():
    history, names = dfa.History({"rule": "dfa"}, name="DFA"), NameReader()
    for step, (old, new) in [(3, ("dfa", "fa")), (5, ("fa", "kp"))]:
        history.add_change(step, {"rule": (old, new)})
        said = str(names.read(history, "DFA", {"rule"}, 0, 0, {}))
    assert said == "DFA, then FA, then KP"
    history.truncate(4, changes=1)
    history.add_change(4, {"rule": ("fa", "bp")})
    assert str(names.read(history, "DFA", {"rule"}, 0, 0, {})) == "DFA, then FA, then BP"
    assert str(names.read(history, "DFA", {"lr"}, 0, 0, {})) == "DFA"
    assert str(names.read(history, "DFA", {"rule"}, 1, 0, {})) == "DFA, then BP"
