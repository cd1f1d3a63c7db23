"""One widget's frames: numbers, buffers, what a page is told when it opens, what it sends, whoever wrote it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import dfa_lab as dfa
from dfa_lab.widgets.kernel import frames as frames_module
from dfa_lab.widgets.kernel.frames import Frames
from dfa_lab.widgets.kernel.page_part import PagePart
from dfa_lab.widgets.kernel.page_widget import PageWidget
from hostile_messages import IGNORED, MESSAGES
from runs import FAST, until

HELLO = {"type": "hello"}


class Part(PagePart):
    """Keeps what it receives, and takes what is ``for`` it."""

    def __init__(self, name: str, *, fails: bool = False) -> None:
        super().__init__()
        self.name, self.fails = name, fails
        self.heard: list[Any] = []

    def receive(self, content: Any) -> bool:
        if self.fails:
            raise ValueError("broken")
        self.heard.append(content)
        return content.get("for") == self.name


class Page:
    """What a page is sent by two parts."""

    def __init__(self, **options: Any) -> None:
        self.one, self.two = Part("one", **options), Part("two")
        self.sent: list[dict[str, Any]] = []
        self.buffers: list[list[bytes]] = []
        self.frames = Frames([self.one, self.two], self._keep)

    def _keep(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        self.sent.append(content)
        self.buffers.append(buffers)


@pytest.fixture
def page() -> Page:
    return Page()


def test_a_frame_holds_the_parts_messages_in_order_with_their_buffers(page: Page) -> None:
    page.two.send({"type": "b"}, [b"2"])
    page.one.send({"type": "a"}, [b"0", b"1"])
    page.one.send({"type": "c"})
    page.frames.begin()
    assert page.frames.send_new()
    assert page.sent[-1] == {
        "type": "frame",
        "number": 1,
        "whole": False,
        "asked": False,
        "answered": {},
        "parts": [
            {"part": "one", "buffers": 2, "type": "a"},
            {"part": "one", "buffers": 0, "type": "c"},
            {"part": "two", "buffers": 1, "type": "b"},
        ],
    }
    assert page.buffers[-1] == [b"0", b"1", b"2"]


def test_frames_are_numbered_and_nothing_new_sends_nothing(page: Page) -> None:
    for number in (1, 2, 3):
        page.one.send({"type": "a"})
        assert page.frames.send_new()
        assert page.sent[-1]["number"] == number
        assert not page.frames.send_new()
    assert len(page.sent) == 3


def test_after_a_hello_every_part_says_everything_in_one_whole_frame(page: Page) -> None:
    page.one.whole = page.two.whole = False
    heard: list[str] = []
    page.frames.on_hello = lambda: heard.append("hello")
    assert not page.frames.begin()
    page.frames.receive(HELLO)
    assert heard == ["hello"]
    assert not page.sent, "the one thread that shows sends it"
    assert page.frames.begin()
    assert page.one.whole
    assert page.two.whole
    assert page.frames.send_new(), "an empty one tells the page where the numbers stand"
    assert page.sent[-1]["whole"]
    assert not page.frames.begin()
    assert not page.frames.send_new()


def test_every_act_is_answered_by_its_number_whatever_came_of_it(page: Page) -> None:
    page.frames.receive({"do": "pause", "page": "one", "number": 1})
    assert page.frames.send_new()
    assert page.sent[-1]["answered"] == {"one": 1}
    page.frames.receive({"do": "no such act", "page": "one", "number": 2})
    page.frames.receive({"do": "pause", "page": "two", "number": 1})
    assert page.frames.send_new()
    assert page.sent[-1]["answered"] == {"one": 2, "two": 1}
    assert not page.frames.send_new(), "an answer is one message"
    page.frames.receive({"do": "pause"})
    assert not page.frames.send_new(), "nobody asked"


def test_numbers_of_hostile_pages_are_no_answers_and_of_many_pages_the_last_are_kept(page: Page) -> None:
    for name, number in ((7, 1), ("", 1), ("x" * 81, 1), ("x", -1), ("x", True), ("x", 2**60), ("x", 0.5), (None, 1)):
        page.frames.receive({"do": "pause", "page": name, "number": number})
    assert not page.frames.send_new()
    for place in range(100):
        page.frames.receive({"do": "pause", "page": f"page {place}", "number": 1})
    page.frames.send_new()
    assert list(page.sent[-1]["answered"]) == [f"page {place}" for place in range(84, 100)]


def test_a_message_goes_to_the_part_that_takes_it(page: Page) -> None:
    page.frames.receive({"for": "one"})
    page.frames.receive({"for": "two"})
    assert page.one.heard == [{"for": "one"}, {"for": "two"}]
    assert page.two.heard == [{"for": "two"}]


def test_a_part_that_fails_does_not_keep_a_message_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    page = Page(fails=True)
    page.frames.receive({"for": "two"})
    assert page.two.heard == [{"for": "two"}]
    assert "ValueError: broken" in caplog.text


@pytest.mark.parametrize("content", [*IGNORED, *MESSAGES, {"type": ["hello"]}, {"type": "next", "page": 3}], ids=repr)
def test_nothing_that_a_page_sends_raises(content: Any) -> None:
    made = dfa.LiveChart()
    made.frames.on_next = lambda: 1 / 0
    made.frames.receive(content)
    made.close()


def test_next_is_answered_at_once_and_the_thread_leaves_that_page_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(frames_module.time, "monotonic", lambda: now[0])
    page = Page()
    page.frames.on_next = lambda: page.frames.send_new(asked=True)
    assert not page.frames.asked
    page.one.send({"type": "a"})
    page.frames.receive({"type": "next"})
    assert [content["asked"] for content in page.sent] == [True]
    assert page.frames.asked
    assert page.frames.try_unasked()
    assert page.sent[-1] == {"type": "ping"}
    now[0] += 0.4
    assert page.frames.asked
    assert not page.frames.try_unasked(), "a trial in two seconds is enough"
    now[0] += 0.2
    assert not page.frames.asked, "it asks no more: what comes by itself reaches it"
    now[0] += 2.0
    assert page.frames.try_unasked()
    assert [content.get("number") for content in page.sent] == [1, None, None], "a ping has no number"


def test_a_message_that_another_thread_queues_is_never_lost(page: Page) -> None:
    count = 2000

    def queue(part: Part) -> None:
        for number in range(count):
            part.send({"type": "a", "count": number}, [b"%d" % number])

    threads = [threading.Thread(target=queue, args=(part,)) for part in (page.one, page.two)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        page.frames.begin()
        page.frames.send_new()
    page.frames.send_new()
    for name in ("one", "two"):
        came = [one["count"] for frame in page.sent for one in frame["parts"] if one["part"] == name]
        assert came == list(range(count))
    for frame, buffers in zip(page.sent, page.buffers, strict=True):
        assert [b"%d" % one["count"] for one in frame["parts"]] == buffers
    assert [frame["number"] for frame in page.sent] == list(range(1, len(page.sent) + 1))


def test_a_widget_sends_its_frames_and_hears_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    part, sent = Part("one"), []
    made = PageWidget("chart", [part], {"panels": None})
    monkeypatch.setattr(made, "send", lambda content, buffers=None: sent.append((content["parts"], buffers)))
    part.send({"type": "a"}, [b"0"])
    made.frames.send_new()
    assert sent == [([{"part": "one", "buffers": 1, "type": "a"}], [b"0"])]
    made._handle_custom_msg({"for": "one"}, [])
    assert part.heard == [{"for": "one"}]
    assert (made.part, made.options) == ("chart", {"panels": None})
    made.close()


def test_closing_is_told_once_and_a_half_made_widget_can_be_closed() -> None:
    told: list[str] = []
    made = PageWidget("chart", [])
    made.on_close = lambda: told.append("closed")
    made.close()
    made.close()
    assert told == ["closed"]
    PageWidget.__new__(PageWidget).close()


def test_a_page_that_asks_an_explorer_for_frames_is_answered_in_that_very_call(monkeypatch: Any) -> None:
    explorer, sent = dfa.Explorer(**FAST), []
    monkeypatch.setattr(
        explorer, "send", lambda content, buffers=None: sent.append((threading.current_thread(), content))
    )
    try:
        explorer.frames.receive({"do": "step", "steps": 3, "page": "one", "number": 1})
        explorer.runner.wait(10)
        explorer.frames.receive({"type": "next"})
        until(lambda: any(content.get("answered") == {"one": 1} for _, content in sent))
        sent.clear()
        explorer.frames.receive({"type": "next"})
        explorer.act("step", steps=3)
        explorer.runner.wait(10)
        for _ in range(20):
            explorer.frames.receive({"type": "next"})
            explorer._screen._tick()
        asked = [thread for thread, content in sent if content.get("asked")]
        assert set(asked) == {threading.current_thread()}
        assert all(content.get("asked") or content == {"type": "ping"} for _, content in sent)
    finally:
        explorer.close()


@pytest.mark.parametrize(("software", "told"), [(None, {}), ("", {}), ("voila/0.5.8", {"cells": False})])
def test_a_page_by_voila_is_told_that_it_has_no_cells(
    monkeypatch: pytest.MonkeyPatch, software: str | None, told: dict[str, bool]
) -> None:
    monkeypatch.delenv("SERVER_SOFTWARE", raising=False)
    if software is not None:
        monkeypatch.setenv("SERVER_SOFTWARE", software)
    for given in ({}, {"theme": "dark"}):
        made = PageWidget("chart", [], given)
        assert made.options == {**given, **told}
        made.close()
