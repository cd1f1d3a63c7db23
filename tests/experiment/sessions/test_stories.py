"""Stories: each of those that ship is told to its end, its numbers are true; a wrong one says where it is wrong."""

import json
import re

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.sessions import STORY_PARTS, Condition

FAST = dfa.Session(dfa.Settings(task="moons", widths=(8, 6), probe_every=0), steps=60, title="Fast")


def angle(metric, layer, lane=0):
    def read(runs):
        history = runs[lane].history
        layers = history.layers(metric) if layer == "mean" else [layer]
        return sum(history.last(metric, one) for one in layers) / len(layers)

    return read


def w(layer, lane=0):
    return angle("weight_alignment", layer, lane)


def g(layer, lane=0):
    return angle("gradient_alignment", layer, lane)


def acc(lane=0):
    return lambda runs: 100 * runs[lane].history.last("test_accuracy")


def loss(metric="test_loss", lane=0):
    return lambda runs: runs[lane].history.last(metric)


def first(metric, layer=None, lane=0):
    return lambda runs: float(runs[lane].history.values(metric, layer)[1][0].mean())


def bound(number, holds):
    """A number that is not read off but compared with: it says so in its sentence."""

    def read(runs):
        assert holds(runs), number
        return number

    return read


def sixteen(metric, pick, factor=1.0):
    return lambda runs: factor * float(pick(runs[0].history.values(metric)[1][-1]))


def worst_of_sixteen(runs):
    angles = [runs[0].history.values("gradient_alignment", layer)[1][-1] for layer in (1, 2)]
    return float(((angles[0] + angles[1]) / 2).max())


def at_90(runs):
    return abs(g(1)(runs) - 90) < 5


#: What each ``NUMBER`` in a story's texts is, step by step, in the order of the text.
NUMBERS = {
    "no_transpose": {
        2: [bound(90, at_90)],
        3: [bound(80, lambda runs: g(1)(runs) < 80)],
        4: [bound(90, lambda runs: acc()(runs) > 90)],
        5: [bound(90, at_90), acc()],
        6: [bound(85, lambda runs: g(1)(runs) < 85)],
    },
    "bp_beside_dfa": {
        1: [acc(1), acc(0), g("mean"), bound(90, lambda runs: True)],
        3: [acc(0), acc(1), acc(2)],
        4: [acc(0), acc(1), acc(2), g(1), g(2)],
    },
    "lillicrap_linear": {
        1: [bound(60, lambda runs: g(1)(runs) < 60 and loss()(runs) > 0.98 * first("test_loss")(runs))],
        2: [bound(30, lambda runs: w(1)(runs) < 30)],
        3: [first("test_loss"), bound(1.0, lambda runs: loss()(runs) < 1)],
        4: [w(1)],
    },
    "wrong_sign": {
        1: [bound(180, lambda runs: g(1, 2)(runs) > 179 and loss(lane=2)(runs) > first("test_loss", lane=2)(runs))],
        2: [bound(110, lambda runs: w(1)(runs) > 110)],
        3: [acc(0), acc(2)],
    },
    "align_then_memorise": {
        1: [
            lambda runs: (first("gradient_alignment", 1)(runs) + first("gradient_alignment", 2)(runs)) / 2,
            bound(30, lambda runs: g("mean")(runs) < 30),
        ],
        2: [loss(), g(1), g(2)],
        3: [bound(0.1, lambda runs: loss("train_loss")(runs) < 0.1), loss()],
        4: [g(1), g(2)],
    },
    "angle_dial": {
        0: [bound(180, lambda runs: True), bound(90, lambda runs: True), bound(0, lambda runs: True)],
        1: [first("test_loss"), loss()],
        2: [bound(90, lambda runs: w(1)(runs) < 90)],
        3: [acc(0), acc(1), acc(2), bound(0, lambda runs: first("weight_alignment", 1, 2)(runs) < 1), w(1, 2), w(2, 2)],
    },
    "batch_1_and_4096": {
        2: [bound(80, lambda runs: g("mean")(runs) < 80), g("mean", 1)],
        3: [acc(0), acc(1), lambda runs: runs[1].samples_seen / 1e6],
    },
    "moons": {
        1: [acc(0)],
        2: [acc(1), acc(0), g(1), g(2)],
        3: [bound(90, lambda runs: acc()(runs) > 90)],
        4: [acc(0), acc(1), acc(2)],
    },
    "deep": {
        1: [w("mean")],
        2: [w(8, 1), bound(87, lambda runs: min(w(one, 1)(runs) for one in range(1, 7)) > 86.5)],
        3: [acc(0), acc(1), acc(2)],
    },
    "new_feedback": {
        1: [bound(94, lambda runs: acc()(runs) > 94), g(1), g(2)],
        2: [g(1), g(2)],
        3: [acc()],
        4: [g(1), g(2)],
    },
    "kolen_pollack": {
        1: [bound(45, lambda runs: g("mean")(runs) < 45), g("mean", 1)],
        2: [w(1), w(2)],
        3: [w(1), w(2), w(1, 1), w(2, 1), acc(0)],
    },
    "zero_weights": {
        2: [bound(50, lambda runs: w("mean")(runs) <= 50)],
        3: [acc(0), acc(1), w(1), w(2)],
    },
    "rough_derivative": {
        1: [g("mean"), g("mean", 1), g("mean", 2), g("mean", 3)],
        2: [g("mean", 3)],
        3: [acc(0), acc(3)],
    },
    "luck_of_the_draw": {
        1: [bound(75, lambda runs: g("mean")(runs) < 75), bound(85, lambda runs: worst_of_sixteen(runs) < 85)],
        2: [
            sixteen("test_accuracy", lambda values: values.min(), 100),
            sixteen("test_accuracy", lambda values: values.max(), 100),
            sixteen("test_accuracy", lambda values: values.mean(), 100),
        ],
    },
}
#: Claims that hold for more lanes than the one their number is read off: which number of the text, and of what.
ALIKE = {
    ("rough_derivative", 3): (0, [acc(1), acc(2)]),
    ("moons", 1): (0, [acc(1), acc(2)]),
    ("kolen_pollack", 3): (4, [acc(1)]),
    ("wrong_sign", 3): (0, [acc(1)]),
}
#: Numbers with a unit, and all with decimals.
NUMBER = re.compile(r"(?<![\w.,])(\d[\d,]*\.\d+|\d[\d,]*(?= ?(?:°|%|million)))")


def told(story):
    """Tell it to its end without a thread; give each step's place with the runs as they stand then, measured."""
    runner = dfa.Runner(dfa.Experiment(task="moons", widths=(4,)), threaded=False)
    runner.tell(story)
    for place in range(len(runner.story.story.steps)):
        while runner.story.place < place:
            before = runner.status().steps_done, runner.story.place
            runner.story_go("next")
            assert runner.status().error == ""
            assert (runner.status().steps_done, runner.story.place) != before, "the next step never appears"
        for run in runner.lanes if runner.experiment.steps_done else ():
            run.measure()
        yield runner, place, runner.story.step
    runner.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", dfa.STORIES)
def test_a_story_is_told_to_its_end_within_its_session_and_its_numbers_are_true(name):
    story, claims = dfa.STORIES[name], NUMBERS[name]
    assert 3 <= len(story.steps) <= 8
    for runner, place, step in told(name):
        assert runner.experiment.steps_done <= story.session.steps
        assert not runner.status().running
        written = [one.replace(",", "") for one in NUMBER.findall(step.text)]
        values = [claim(runner.lanes) for claim in claims.get(place, [])]
        assert len(written) == len(values), (place, step.text, written)
        for text, value in zip(written, values, strict=True):
            last_digit = 10.0 ** -len(text.partition(".")[2])
            assert float(text) == pytest.approx(value, abs=1.001 * last_digit), (place, step.text, text)
        which, others = ALIKE.get((name, place), (0, []))
        for also in others:
            assert float(written[which]) == pytest.approx(also(runner.lanes), abs=1.001), (place, step.text)


def test_every_preset_is_a_story_that_takes_no_minute_of_training():
    assert list(dfa.STORIES) == list(dfa.PRESETS)
    assert set(NUMBERS) == set(dfa.STORIES)
    assert next(iter(dfa.STORIES)) == "no_transpose"
    for name, story in dfa.STORIES.items():
        assert story.session == dfa.PRESETS[name]
        assert story.question
        assert story.session.steps / story.speed <= 60
        assert dfa.Story.from_json(story.to_json()) == story
        first, *others = story.steps
        assert first.condition.at_once
        assert all(step.part in STORY_PARTS for step in others)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"text": ""}, "text"),
        ({"text": "x" * 401}, "text"),
        ({"text": None}, "text"),
        ({"part": "netwrok"}, "Did you mean 'network'"),
        ({"part": 3}, "part"),
        ({"pause": 1}, "pause"),
        ({"colour": "red"}, "colour"),
        ({"when": []}, "condition"),
        ({"when": {"steps": 3}}, "steps"),
        ({"when": {"step": 0}}, "step"),
        ({"when": {"step": 61}}, "ends at step 60"),
        ({"when": {"after": True}}, "after"),
        ({"when": {"step": 3, "after": 3}}, "one of"),
        ({"when": {"changed": "widths"}}, "widths"),
        ({"when": {"changed": "learning_rate"}}, "Did you mean 'lr'"),
        ({"when": {"metric": "gradient_aligment", "layer": 1, "below": 9}}, "Did you mean 'gradient_alignment'"),
        ({"when": {"metric": "gradient_alignment", "below": 9}}, "layer"),
        ({"when": {"metric": "gradient_alignment", "layer": 3, "below": 9}}, "2 hidden layers"),
        ({"when": {"metric": "gradient_alignment", "layer": "every", "below": 9}}, "layer"),
        ({"when": {"metric": "test_loss", "layer": 1, "below": 9}}, "whole network"),
        ({"when": {"metric": "test_loss"}}, "below or above"),
        ({"when": {"metric": "test_loss", "below": 1, "above": 0}}, "below"),
        ({"when": {"metric": "test_loss", "below": "1"}}, "number"),
        ({"when": {"metric": "test_loss", "below": float("nan")}}, "number"),
        ({"when": {"metric": "samples_per_s", "above": 1}}, "clock"),
        ({"when": {"below": 1}}, "metric"),
        ({"offers": {"words": "x"}}, "fields"),
        ({"offers": {"words": "", "change": {"lr": 1}}}, "words"),
        ({"offers": {"change": {"lr": 1}}}, "words"),
        ({"offers": {"words": "x", "change": {"lr": 1}, "fork": {"lr": 1}}}, "two kinds"),
        ({"offers": {"words": "x", "change": {"widths": [3]}}}, "widths"),
        ({"offers": {"words": "x", "change": {"rule": "dfaa"}}}, "rule"),
        ({"offers": {"words": "x", "do": "reset"}}, "do"),
        ({"offers": "bp"}, "offer"),
    ],
)
def test_a_wrong_step_is_refused_by_its_number(wrong, said):
    good = {"text": "Look.", "part": "loss"}
    with pytest.raises(dfa.DfaLabError, match=said) as error:
        dfa.Story(FAST, [good, {**good, **wrong}])
    assert str(error.value).startswith('step 2 of story "Fast": ')


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": []},
        {"steps": "Look."},
        {"steps": [3]},
        {"steps": [{"part": "loss"}]},
        {"steps": [{"text": "Look.", "part": "loss"}] * 31},
        {"speed": 0},
        {"speed": "fast"},
        {"question": 3},
        {"session": {}},
        {"version": 2},
        {"format": "dfa_lab.session"},
        {"extra": 1},
    ],
)
def test_a_wrong_file_is_refused(wrong):
    document = json.loads(dfa.Story(FAST, [{"text": "Look.", "part": "loss"}]).to_json())
    assert dfa.Story.from_json(json.dumps(document)).session == FAST
    with pytest.raises(dfa.DfaLabError):
        dfa.Story.from_json(json.dumps({**document, **wrong}))
    for text in ("", "[]", "{", "{}", 7, None, "[" * 100_000):
        with pytest.raises(dfa.DfaLabError):
            dfa.Story.from_json(text)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({}, ""),
        ({"step": 4000}, "waits for step 4,000"),
        ({"after": 20}, "waits for 20 more steps"),
        ({"changed": "batch_size"}, "waits until the batch size changes"),
        ({"metric": "gradient_alignment", "layer": "mean", "below": 70}, "waits until the angle is below 70°"),
        (
            {"metric": "weight_alignment", "layer": 2, "above": 95.5},
            "waits until the angle of the weights of layer 2 is above 95.5°",
        ),
        (
            {"metric": "gradient_alignment", "layer": "all", "below": 70},
            "waits until the angle in every layer is below 70°",
        ),
        ({"metric": "test_accuracy", "above": 0.9}, "waits until the test accuracy is above 90 %"),
        ({"metric": "train_loss", "below": 0.1}, "waits until the training loss is below 0.1"),
    ],
)
def test_what_is_waited_for_is_said_in_words(condition, words):
    made = Condition.of(condition)
    assert made.in_words() == words
    assert made.document() == condition
    assert made.at_once == (not condition)
