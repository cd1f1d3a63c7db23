"""The story on the page: what is sent of it, and what its buttons do."""

import json
from typing import get_type_hints

import pytest

import dfa_lab as dfa
from dfa_lab.widgets.kernel.messages import PartMessage
from dfa_lab.widgets.story import StoryPart
from dfa_lab.widgets.story.messages import StoryState, StoryStep
from dfa_lab.widgets.story.story_part import NONE

NAME = "lillicrap_linear"


@pytest.fixture
def inline():
    return dfa.Runner(dfa.Experiment(task="moons", widths=(4,)), threaded=False)


def sent(part, runner):
    part.show(runner)
    return [content for content, _ in part.take()]


def test_what_is_sent_has_the_fields_that_the_page_is_promised(inline):
    part = StoryPart()
    (none,) = sent(part, inline)
    inline.tell(NAME)
    (first,) = sent(part, inline)
    wanted = set(get_type_hints(StoryState))
    assert set(none) == set(first) == wanted
    assert set(NONE) == wanted - (set(get_type_hints(PartMessage)) - {"type"})
    assert all(set(step) == set(get_type_hints(StoryStep)) for step in first["steps"])
    assert json.loads(json.dumps(first)) == first
    story = dfa.STORIES[NAME]
    assert (first["name"], first["title"], first["question"]) == (NAME, story.title, story.question)
    assert (none["title"], none["steps"]) == ("", [])


def test_it_is_sent_where_something_has_changed_and_whole_to_a_new_page(inline):
    part = StoryPart()
    assert len(sent(part, inline)) == 1
    assert sent(part, inline) == []
    inline.tell(NAME)
    assert len(sent(part, inline)) == 1
    inline.play(2)
    assert sent(part, inline) == []  # nothing of the story is another
    part.whole = True
    assert len(sent(part, inline)) == 1
    inline.story_go("leave")
    (left,) = sent(part, inline)
    assert left["told"] is False


def test_texts_of_steps_to_come_stay_in_the_kernel(inline):
    part, story = StoryPart(), dfa.STORIES[NAME]
    inline.tell(NAME)
    for place in range(len(story.steps)):
        (state,) = sent(part, inline)
        assert (state["place"], state["count"]) == (place, len(story.steps))
        assert [step["text"] for step in state["steps"]] == [step.text for step in story.steps[: place + 1]]
        assert state["ended"] == (place == len(story.steps) - 1)
        assert bool(state["waits_for"]) != state["ended"]
        inline.story_go("next")


def test_the_buttons_of_the_page_turn_its_pages_and_take_its_offer(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    explorer = dfa.Explorer(widths=(8,))
    explorer.act("story", go="next")
    assert "no story is told" in explorer.status()["error"]
    explorer.act("preset", name="no_transpose")
    part = StoryPart()
    (state,) = sent(part, explorer.runner)
    assert (state["name"], state["place"]) == ("no_transpose", 0)
    while not (state["next_takes_offer"] or state["ended"]):
        explorer.act("story", go="next")
        (state,) = sent(part, explorer.runner)
        assert explorer.status()["error"] == ""
    assert state["steps"][-1]["offers"]
    explorer.act("story", go="back")
    assert sent(part, explorer.runner)[0]["place"] == state["place"] - 1
    explorer.act("story", go="next")
    explorer.act("story", go="take")
    assert explorer.experiment.settings.feedback_seed == 1
    (state,) = sent(part, explorer.runner)
    assert not state["next_takes_offer"]
    explorer.act("reset")
    assert sent(part, explorer.runner)[0]["place"] == 0
    for wrong in ({}, {"go": "forward"}, {"go": 3}, {"go": ["next"]}):
        explorer.act("story", **wrong)
        assert "story was given go" in explorer.status()["error"]
    explorer.act("new_run", fields={"lr": 0.2})
    assert sent(part, explorer.runner)[0]["title"] == ""
    explorer.close()


@pytest.mark.parametrize("locked", ["feedback_seed", "change", "story"])
def test_what_is_locked_no_story_changes(monkeypatch, locked):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    explorer = dfa.Explorer(preset="no_transpose", lock=[locked])
    while not explorer.runner.story.next_takes_offer:
        explorer.runner.story_go("next")
    for go in ("next", "take"):
        explorer.act("story", go=go)
        assert "is locked here" in explorer.status()["error"]
    assert explorer.experiment.settings.feedback_seed == 0
    explorer.close()


def test_an_explorer_that_begins_with_a_preset_tells_its_story_at_its_speed(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    explorer = dfa.Explorer(preset="moons")
    assert explorer.runner.story.story == dfa.STORIES["moons"]
    explorer.close()
    explorer = dfa.Explorer(preset="moons", lr=0.05)
    assert explorer.runner.story.story.session.settings.lr == 0.05
    explorer.close()
    explorer = dfa.Explorer(preset="lillicrap_linear", widths=(20, 10))
    assert explorer.runner.story.story.session.settings.widths == (20, 10)
    explorer.close()
    monkeypatch.delenv("DFA_LAB_HEADLESS")
    for given, limit in (({}, dfa.STORIES["moons"].speed), ({"speed": 7}, 7), ({"speed": None}, None)):
        explorer = dfa.Explorer(preset="moons", **given)
        explorer.runner.wait(10)
        assert explorer.runner.status().limit == limit
        explorer.close()


def test_the_menu_has_every_story_by_its_question_and_those_of_a_user(monkeypatch):
    from dfa_lab.widgets.controls import Restrictions
    from dfa_lab.widgets.controls.reasons import presets

    session = dfa.Session(dfa.Settings(task="moons", widths=(4,)), steps=5, title="Mine")
    dfa.STORIES.register("mine", dfa.Story(session, [{"text": "Look.", "part": "loss"}], question="Why?"))
    try:
        cards = presets(Restrictions.of([], [], "auto"), dfa.Settings())
        assert [card["name"] for card in cards] == [*dfa.PRESETS, "mine"]
        assert cards[-1]["question"] == "Why?"
        assert all(card["question"] for card in cards)
        monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
        explorer = dfa.Explorer(widths=(8,))
        explorer.act("preset", name="mine")
        assert explorer.runner.story.story.title == "Mine"
        explorer.close()
    finally:
        del dfa.STORIES._entries["mine"]
