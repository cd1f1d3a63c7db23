"""Whatever is refused, however large: a DfaLabError, with a text of bounded length, within seconds."""

import pickle
import time

import numpy as np
import pytest
import torch

import dfa_lab as dfa
from dfa_lab.errors import MOST_CHARACTERS, DfaLabError, DivergedError, UnknownNameError, shown
from dfa_lab.experiment.sessions.first_view import View
from dfa_lab.experiment.settings import Settings
from dfa_lab.learning.activations.expression import Expression

SMALL = {"task": {"name": "moons", "samples": 40}, "widths": (4,), "batch_size": 8}
MOST, SECONDS = MOST_CHARACTERS + 100, 5


class Unprintable:
    """What has no text."""

    def __repr__(self):
        raise RuntimeError("no text")


def aliased():
    """A list of a thousand lists of a thousand lists …: eight lists in memory, 10**24 entries to write."""
    value = [0]
    for _ in range(8):
        value = [value] * 1000
    return value


HOSTILE = {
    "text": "x" * 10**6,
    "number": 10**5000,
    "negative": -(10**5000),
    "list": [0] * 10**6,
    "texts": ["x" * 10**6] * 3,
    "nested": [[0] * 990_000],
    "aliased": aliased(),
    "mapping": {"name": "x" * 10**6},
    "parameters": {"name": "dfa", "x" * 10**6: [0] * 10**6},
    "unprintable": Unprintable(),
    "unprintables": [Unprintable()],
}


@pytest.fixture(scope="module")
def run():
    experiment = dfa.Experiment(**SMALL)
    experiment.train(2)
    return experiment


@pytest.fixture(autouse=True)
def headless(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")


#: What takes a value of a user, as (run, value) -> anything. All raise DfaLabError where the value is of no use.
ENTRIES = {
    **{f"Settings({name})": lambda _, v, name=name: Settings(**{name: v}) for name in Settings.model_fields},
    **{
        f"a parameter of {field}": lambda _, v, field=field, name=name: Settings(**{field: {"name": name, "width": v}})
        for field, name in (("rule", "kp"), ("task", "moons"), ("feedback_init", "low_rank"))
    },
    "a rule's decay": lambda _, v: dfa.RULES.resolve({"name": "kp", "decay": v}),
    "a rule's rank": lambda _, v: dfa.RULES.resolve({"name": "ldfa", "rank": v}),
    "a task's samples": lambda _, v: dfa.Experiment(task={"name": "moons", "samples": v}),
    "a rank": lambda _, v: dfa.Experiment(feedback_init={"name": "low_rank", "rank": v}, widths=(4, 4)),
    "points": lambda _, v: Settings(activation_derivative={"name": "points", "points": v}),
    "a point": lambda _, v: Settings(activation_derivative={"name": "points", "points": [v, (0, 1)]}),
    "describe": lambda _, v: Settings.describe(v),
    "Experiment": lambda _, v: dfa.Experiment(v),
    "change": lambda run, v: run.change(lr=v),
    "change a rule": lambda run, v: run.change(rule=v),
    "change what is not live": lambda run, v: run.change(widths=v),
    "check_live": lambda _, v: Settings.check_live({"widths": v}),
    "train": lambda run, v: run.fork().train(v),
    "Runner.fork(name)": lambda run, v: inline(run).fork(name=v),
    "Runner.fork(lane)": lambda run, v: inline(run).fork(lane=v),
    "Experiment.fork(name)": lambda run, v: run.fork(name=v),
    "Experiment(name)": lambda _, v: dfa.Experiment(**SMALL, name=v),
    "Runner.change(lane)": lambda run, v: inline(run).change(lane=v),
    "Runner.limit": lambda run, v: inline(run).limit(v),
    "snapshot(replica)": lambda run, v: run.snapshot(replica=v),
    "layer": lambda run, v: run.snapshot().layer(v),
    "History.values": lambda run, v: run.history.values(v),
    "History.from_json": lambda run, v: dfa.History.from_json(v),
    "MLP": lambda _, v: dfa.MLP(v),
    "MLP(widths)": lambda _, v: dfa.MLP([v, 3]),
    "MLP(rule)": lambda _, v: dfa.MLP([2, 3, 2], rule=v),
    "MLP(activation)": lambda _, v: dfa.MLP([2, 3, 2], activation=v),
    "MLP(derivative)": lambda _, v: dfa.MLP([2, 3, 2], activation_derivative=v),
    "MLP(feedback_init)": lambda _, v: dfa.MLP([2, 3, 2], feedback_init=v),
    "MLP(feedback_scale)": lambda _, v: dfa.MLP([2, 3, 2], feedback_scale=v),
    "MLP(seed)": lambda _, v: dfa.MLP([2, 3, 2], seed=v),
    "MLP(replicas)": lambda _, v: dfa.MLP([2, 3, 2], replicas=v),
    "MLP(weight_init)": lambda _, v: dfa.MLP([2, 3, 2], weight_init=v),
    "convert(rule)": lambda _, v: dfa.convert(network(), rule=v),
    "convert(points)": lambda _, v: dfa.convert(network(), points=v),
    "convert(sharing)": lambda _, v: dfa.convert(network(), sharing=v),
    "set_rule": lambda _, v: dfa.set_rule(dfa.convert(network()), v),
    "an expression": lambda _, v: Expression(v),
    "register": lambda _, v: dfa.Registry("rule").register(v, 1),
    "registry[…]": lambda _, v: dfa.RULES[v],
    "registry.split": lambda _, v: dfa.RULES.split(v),
    "PRESETS": lambda _, v: dfa.PRESETS[v],
    "View(layers)": lambda _, v: View(layers=v),
    "View(angle)": lambda _, v: View(angle=v),
    "View(picture)": lambda _, v: View(picture=v),
    "View.of": lambda _, v: View.of(v),
    "Session(settings)": lambda _, v: dfa.Session(v),
    "Session(steps)": lambda _, v: dfa.Session(Settings(), steps=v),
    "Session(title)": lambda _, v: dfa.Session(Settings(), title=v),
    "Session(changes)": lambda _, v: dfa.Session(Settings(), changes=((0, v),), steps=1),
    "Session(a change's step)": lambda _, v: dfa.Session(Settings(), changes=((v, {"lr": 1.0}),), steps=1),
    "STORIES": lambda _, v: dfa.STORIES[v],
    "Story(session)": lambda _, v: dfa.Story(v, [{"text": "Look.", "part": "loss"}]),
    "Story(steps)": lambda _, v: dfa.Story(dfa.Session(Settings()), v),
    "Story(steps=[…])": lambda _, v: dfa.Story(dfa.Session(Settings()), [v]),
    "Story(question)": lambda _, v: dfa.Story(dfa.Session(Settings()), [{"text": "a", "part": "loss"}], question=v),
    "Story(speed)": lambda _, v: dfa.Story(dfa.Session(Settings()), [{"text": "a", "part": "loss"}], speed=v),
    "StoryStep(text)": lambda _, v: dfa.StoryStep(v, "loss"),
    "StoryStep(part)": lambda _, v: dfa.StoryStep("Look.", v),
    "StoryStep(when)": lambda _, v: dfa.StoryStep("Look.", "loss", when=v),
    "StoryStep(a metric)": lambda _, v: dfa.StoryStep("Look.", "loss", when={"metric": v, "below": 1}),
    "StoryStep(offers)": lambda _, v: dfa.StoryStep("Look.", "loss", offers=v),
    "Story.from_json": lambda _, v: dfa.Story.from_json(v),
    "Runner.tell": lambda run, v: inline(run).tell(v),
    "Runner.story_go": lambda run, v: inline(run).story_go(v),
    "Session.read": lambda _, v: dfa.Session.read(v),
    "Session.from_json": lambda _, v: dfa.Session.from_json(v),
    "Session.from_text": lambda _, v: dfa.Session.from_text(v),
    "NetworkView": lambda _, v: dfa.NetworkView(v),
    "NetworkView(units)": lambda run, v: dfa.NetworkView(run, units=v),
    "Controls": lambda _, v: dfa.Controls(v),
    "Controls(fields)": lambda run, v: dfa.Controls(run, v),
    "Controls(fields=[…])": lambda run, v: dfa.Controls(run, [v]),
    "Transport": lambda _, v: dfa.Transport(v),
    "LivePicture": lambda _, v: dfa.LivePicture(v, "matrix"),
    "LivePicture(name)": lambda run, v: dfa.LivePicture(run, v),
    "LivePicture(layer)": lambda run, v: dfa.LivePicture(run, "matrix", layer=v),
    "LiveChart": lambda _, v: dfa.LiveChart(v),
    "LiveChart(panels)": lambda run, v: dfa.LiveChart(run, panels=v),
    "LiveChart.show": lambda _, v: dfa.LiveChart().show(v),
    "LiveChart.show(status)": lambda run, v: dfa.LiveChart().show(run.history, v),
    "Explorer": lambda _, v: dfa.Explorer(v),
    "Explorer(hide)": lambda _, v: dfa.Explorer(**SMALL, hide=v),
    "Explorer(lock)": lambda _, v: dfa.Explorer(**SMALL, lock=v),
    "Explorer(hide=[…])": lambda _, v: dfa.Explorer(**SMALL, hide=[v]),
    "Explorer(theme)": lambda _, v: dfa.Explorer(**SMALL, theme=v),
    "Explorer(patience)": lambda _, v: dfa.Explorer(**SMALL, patience=v),
    "Explorer(preset)": lambda _, v: dfa.Explorer(preset=v),
    "Explorer(speed)": lambda _, v: dfa.Explorer(**SMALL, speed=v),
    "figure": lambda _, v: dfa.figure(v),
    "figure(labels)": lambda run, v: dfa.figure(run, labels=v),
    "figure(angles)": lambda run, v: dfa.figure(run, angles=v),
    "figure(references)": lambda run, v: dfa.figure(run, references=v),
    "lossplot(ax)": lambda run, v: dfa.lossplot(run, ax=v),
    "matrixplot(ax)": lambda run, v: dfa.matrixplot(run, ax=v),
    "matrixplot(layer)": lambda run, v: dfa.matrixplot(run, layer=v),
    "mistakesplot(count)": lambda run, v: dfa.mistakesplot(dfa.Experiment(widths=(2,)), count=v),
    "report(path)": lambda run, v: dfa.report(run, path=v),
}

#: What some of these values are of use for, and so are not refused here.
TAKEN = {
    "Experiment.fork(name)": set(HOSTILE),
    "Experiment(name)": set(HOSTILE),
    "Runner.fork(name)": {"text"},
    "Runner.fork(lane)": {"number"},  # refused at the step, where the lanes are known
    "Runner.change(lane)": {"number"},
    "train": {"number"},  # as long as one lets it
    "MLP(seed)": {"number"},
    "a rank": {"number"},  # cut to the smaller side
    "a rule's rank": {"number"},  # as that
    "register": {"text"},
    "Explorer(patience)": {"number"},
    "LiveChart.show(status)": {"mapping", "parameters"},  # shown in short
}


def inline(run):
    return dfa.Runner(run, threaded=False)


def network():
    from torch import nn

    return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("entry", "kind"), [(entry, kind) for entry in ENTRIES for kind in HOSTILE if kind not in TAKEN.get(entry, ())]
)
def test_a_refusal_is_short_and_comes_at_once(run, entry, kind):
    value = HOSTILE[kind]
    began = time.perf_counter()
    with pytest.raises(DfaLabError) as refused:
        ENTRIES[entry](run, value)
    text = str(refused.value)
    assert time.perf_counter() - began < SECONDS
    assert 0 < len(text) <= MOST
    assert sum(len(str(part)) for part in refused.value.args) <= MOST


@pytest.mark.parametrize(
    "field", ["widths", "lr", "seed", "feedback_init", "activation_derivative", "momentum", "task"]
)
def test_lists_inside_a_list_are_refused_unread(field):
    for value in ([[0] * 990_000], [[[0] * 10] * 1000] * 100, (np.zeros((2, 500_000)),), aliased()):
        began = time.perf_counter()
        with pytest.raises(DfaLabError, match=f"^{field} was given as ") as refused:
            Settings(**{field: value})
        assert time.perf_counter() - began < SECONDS
        assert len(str(refused.value)) < 1000


@pytest.mark.parametrize(
    "given", [10**6, 10**5000, [30], "30", {}, Unprintable()], ids=lambda given: type(given).__name__
)
@pytest.mark.parametrize("name", ["hide", "lock"])
def test_what_is_no_list_of_names_is_refused(name, given):
    if given == {}:
        given = {"no such part": 1}
    with pytest.raises(DfaLabError):
        dfa.Explorer(**SMALL, **{name: given})


@pytest.mark.parametrize("name", ["lr", "rule", "task", "x" * 10**6])
def test_an_unknown_name_of_a_parameter_is_told_in_short(name):
    with pytest.raises(DfaLabError) as refused:
        dfa.Experiment(**{name: {"name": "dfa", "x" * 10**6: 1}})
    assert len(str(refused.value)) < 2000


@pytest.mark.parametrize("kind", [DfaLabError, UnknownNameError, DivergedError])
def test_the_text_of_an_error_is_cut(kind):
    whole, long = kind("x" * MOST_CHARACTERS), kind("x" * 10**6)
    assert str(whole) == "x" * MOST_CHARACTERS
    assert str(long) == long.args[0] == "x" * MOST_CHARACTERS + "…"
    assert len(repr(long)) < MOST
    again = pickle.loads(pickle.dumps(long))
    assert (type(again), str(again)) == (kind, str(long))
    assert str(kind()) == ""


class Named(list):
    """A list that writes itself."""

    def __repr__(self):
        return "Named"


SHORT = [
    0, -1.5, None, True, "", "it's", 'say "so"', "a\nb", b"x", [], (), {}, set(), (1,), [1, [2, (3, 4)]],
    {"a": [1], 2: {}}, {1}, frozenset({1}), range(10**9), Named([1]), [Named()], float("nan"), 1j, np.arange(3),
    torch.zeros(2), len,
    Settings(lr=0.2), dfa.Route.DIRECT, ["x"] * 30, {"points": [(0, 1), (1, 0)]},
]  # fmt: skip


@pytest.mark.parametrize("value", SHORT, ids=lambda value: repr(value)[:20])
def test_a_short_value_is_shown_as_python_writes_it(value):
    assert shown(value) == repr(value)[:200]
    assert shown(value, 5) == repr(value)[:5]


def test_a_huge_value_is_shown_by_its_beginning_or_its_length():
    assert shown("x" * 10**6) == "'" + "x" * 199
    assert shown([0] * 10**6) == "a list of 1,000,000"
    assert shown(dict.fromkeys(range(2000))) == "a dict of 2,000"
    assert shown([[0] * 10**6]) == repr([[0] * 300])[:200]
    assert shown(10**5000) == "a int that cannot be printed"
    assert shown(Unprintable()) == "a Unprintable that cannot be printed"
    loop = []
    loop.append(loop)
    assert shown(loop) == "[" * 200
