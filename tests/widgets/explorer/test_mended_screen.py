"""Who trains, what is locked, and what is drawn when: one runner a run, no way around a lock, no drawing forgotten."""

from __future__ import annotations

import threading

import pytest

import dfa_lab as dfa
from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.runner import runner_of
from dfa_lab.widgets.explorer.feeds import Moment, NetworkFeed, PictureFeed
from dfa_lab.widgets.network import NetworkPart
from dfa_lab.widgets.pictures.picture_part import PicturePart
from runs import FAST, until


@pytest.fixture
def headless(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")


def test_an_explorer_of_a_run_takes_the_runner_that_somebody_holds():
    run = dfa.Experiment(**FAST)
    held = runner_of(run)
    explorer = dfa.Explorer(run)
    assert explorer.runner is held
    explorer.close()
    assert not held.closed
    held.close()


@pytest.mark.parametrize("go", ["next", "take"])
def test_a_story_trains_not_where_play_is_locked(headless, go):
    explorer = dfa.Explorer(preset="no_transpose", lock=["play"])
    for _ in range(12):
        now = explorer.runner.story
        if now.offer if go == "take" else now.waits_for:
            break
        explorer.act("story", go="next")
    explorer.act("story", go=go)
    assert "play is locked here" in explorer.status()["error"]
    assert explorer.experiment.steps_done == 0
    explorer.close()


def test_slow_trains_not_where_play_is_locked(headless):
    explorer = dfa.Explorer(**FAST, lock=["play"])
    explorer.act("slow")
    assert "play is locked here" in explorer.status()["error"]
    assert explorer.experiment.steps_done == 0
    explorer.close()


@pytest.mark.parametrize("name", ["reset", "new_seed", "feedback_seed"])
def test_a_new_seed_begins_anew_only_where_that_may_be(headless, name):
    explorer = dfa.Explorer(**FAST, lock=[name])
    explorer.act("step", steps=3)
    seed, done = explorer.experiment.settings.seed, explorer.experiment.steps_done
    explorer.act("new_seed")
    assert explorer.status()["error"] == f"{name} is locked here."
    assert (explorer.experiment.settings.seed, explorer.experiment.steps_done) == (seed, done)
    assert done == 3
    explorer.close()


def moment(explorer, *, at_once=True):
    return Moment(explorer.model, explorer.runner.status(), None, {}, at_once=at_once)


def test_who_hurries_while_it_is_drawn_is_not_forgotten(headless, monkeypatch):
    explorer, drawn = dfa.Explorer(**FAST), []
    for feed in (PictureFeed(PicturePart()), NetworkFeed(NetworkPart())):

        def show(*given, feed=feed):
            drawn.append(feed)
            if drawn.count(feed) == 1:
                feed.hurry()

        monkeypatch.setattr(feed.part, "show", show)
        for _ in range(3):
            feed.show(moment(explorer))
        assert drawn.count(feed) == 2
    explorer.close()


def test_what_fails_in_the_picture_s_thread_is_said(monkeypatch):
    explorer, ended = dfa.Explorer(**FAST), []
    monkeypatch.setattr(threading, "excepthook", ended.append)

    def offer(part, run):
        raise ValueError("it fits nothing")

    monkeypatch.setattr(PicturePart, "_offer", offer)
    explorer.act("pause")
    until(lambda: "it fits nothing" in explorer.status()["error"])
    assert not ended
    monkeypatch.undo()
    explorer.act("pause")
    until(lambda: explorer.model.screen.undrawn == "")
    explorer.close()


def test_a_page_that_is_gone_looks_no_longer(headless):
    explorer = dfa.Explorer(**FAST)
    frames, picture = explorer.frames, explorer.picture
    frames.receive({"type": "seen", "page": "gone", "seen": True})
    frames.receive({"type": "hello"})
    frames.receive({"type": "seen", "page": "here", "seen": False})
    assert not picture.is_seen
    explorer.close()


def test_only_what_a_message_is_about_is_drawn_anew(headless, monkeypatch):
    run = dfa.Experiment(**FAST)
    explorer = dfa.Explorer(run)
    view = dfa.NetworkView(run)
    hurried = []
    for feed in (*explorer.feeds, *view.feeds):
        monkeypatch.setattr(feed, "hurry", lambda feed=feed: hurried.append(feed))
    view.frames.receive({"do": "focus", "step": 0})
    assert hurried == list(view.feeds)
    hurried.clear()
    view.frames.receive({"do": "step", "steps": 1})
    assert {*explorer.feeds, *view.feeds} <= set(hurried)
    view.close()
    explorer.close()


def test_a_chart_without_a_run_answers_a_page_that_asks(monkeypatch):
    chart, sent = dfa.LiveChart(), []
    monkeypatch.setattr(chart, "send", lambda content, buffers=None: sent.append(content))
    run = dfa.Experiment(**FAST)
    run.train(20)
    chart.show(run.history)
    run.train(20)
    chart.frames.receive({"type": "next"})
    assert [one["asked"] for one in sent] == [False, True]
    chart.close()


def test_one_run_stays_in_the_explorer_s_words(headless):
    explorer = dfa.Explorer(**FAST)
    explorer.act("drop", lane=0)
    assert "lane" not in explorer.status()["error"]
    assert "one run only" in explorer.status()["error"]
    explorer.close()


def test_a_story_that_went_on_is_not_taken_by_an_earlier_step():
    runner = dfa.Runner(dfa.Experiment(**FAST), threaded=False)
    steps = [
        {"text": "One.", "part": "play", "offers": {"words": "BP", "change": {"rule": "bp"}}},
        {"text": "Two.", "part": "lr", "offers": {"words": "Faster", "change": {"lr": 1.0}}},
    ]
    runner.tell(dfa.Story(dfa.Session(dfa.Settings(**FAST), steps=40), steps))
    runner.story_go("next")
    runner.story_go("take", place=0)
    assert "another step is shown" in runner.status().error
    assert runner.experiment.settings.lr == 0.1
    with pytest.raises(DfaLabError):
        runner.wait()
    runner.story_go("take", place=1)
    assert runner.experiment.settings.lr == 1.0
    runner.close()
