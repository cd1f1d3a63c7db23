"""What passes between a page and the kernel: who asks for frames, what is asked again, a part that fails."""

from __future__ import annotations

from typing import Any

from javascript import run

#: A link on a model that keeps what it is sent, with a clock that the test sets; no timer runs.
BEGIN = """(() => {
let now = 0, hear;
const sent = [], errors = [];
globalThis.window = { setInterval: () => 0 };
globalThis.document = { visibilityState: "visible" };
console.warn = console.error = (error) => errors.push(String(error));
performance.now = () => now;
const listeners = {}, on = (name, receive) => { listeners[name] = receive; };
const link = new m.Link({ get() {}, send: (message) => sent.push(message), on });
const frame = (number, more = {}) =>
  hear({ type: "frame", number, whole: false, asked: false, answered: {}, parts: [], ...more }, []);
const asks = (at) => { now = at; sent.length = 0; link.askNext(); return sent.some(({ type }) => type === "next"); };
link.start();
hear = listeners["msg:custom"];
frame(1, { whole: true });
"""


def linked(code: str) -> Any:
    return run("shared/link.ts", f"{BEGIN}{code}}})()")


def test_a_page_that_frames_come_to_by_themselves_does_not_ask_between_them() -> None:
    slow = "link.expects = () => true; now = 4000; frame(2); const calm = [4500, 5500, 8900].map(asks);"
    assert linked(f"{slow} return [calm, asks(9100)];") == [[False] * 3, True]
    assert linked(f"{slow} now = 8900; hear({{ type: 'ping' }}, []); return [asks(9100), asks(13800)];") == [False] * 2


def test_where_nothing_comes_for_long_a_page_asks_once_a_second() -> None:
    begin = "link.expects = () => true; now = 8900; frame(2, { asked: true });"
    busy, idle = "[10000, 10100, 10200]", "[20000, 20100, 21000, 21100]"
    asked = linked(f"{begin} return [{busy}.map(asks), {idle}.map(asks)];")
    assert asked == [[True] * 3, [True, False, True, False]]


def test_the_longer_nothing_comes_the_seldomer_a_page_asks() -> None:
    code = """link.expects = () => true; now = 8900; frame(2, { asked: true });
    const times = (from, to) => {
      let count = 0;
      for (let at = from; at < to; at += 100) count += asks(at);
      return count;
    };
    const [soon, minute, hour] = [times(20_000, 30_000), times(100_000, 160_000), times(3_600_000, 3_660_000)];
    frame(3, { asked: true });
    return [soon, minute, hour, times(3_661_000, 3_662_000)];"""
    soon, minute, hour, again = linked(code)
    assert (soon, hour, again) == (10, 4, 10), "every 15 seconds at the most, and often again when something came"
    assert 8 <= minute <= 12


def test_what_was_done_and_has_no_answer_is_asked_about_sooner() -> None:
    assert linked("link.act({ do: 'play' }); return [asks(500), asks(1000)];") == [False, True]
    assert linked("return asks(60000);") is False, "nothing is to come"


def test_a_kernel_that_is_silent_is_asked_with_one_message_at_a_time() -> None:
    code = """link.act({ do: "play" });
    for (now = 0; now <= 60_000; now += 500) link.miss();
    const many = link.open.length, last = sent.at(-1).number;
    frame(2, { answered: { [link.page]: last } });
    return [many, last > 20, link.open.length];"""
    assert linked(code) == [2, True, 0]


def test_a_part_that_fails_does_not_keep_a_frame_from_the_others() -> None:
    code = """const heard = [];
    link.receivers.set("one", () => { throw new Error("no"); });
    link.receivers.set("other", ({ value }) => heard.push(value));
    const parts = (value) => [{ part: "one", buffers: 0 }, { part: "other", buffers: 0, value }];
    sent.length = 0;
    frame(2, { parts: parts("changed") });
    const asked = sent.map(({ type }) => type), ready = link.ready;
    frame(3, { whole: true, parts: parts("whole") });
    return [heard, asked, ready, link.ready, sent.length, errors.length];"""
    assert linked(code) == [["changed", "whole"], ["hello"], False, True, 1, 2]


def test_where_the_kernel_is_restarted_it_is_asked_and_silent_where_no_answer_comes() -> None:
    begin = """const said = [];
    link.onSilent = (silent) => said.push(silent);
    listeners.comm_live_update();
    const asked = sent.filter((one) => one.do === "watching").map(({ number }) => number);
    const look = (at) => { now = at; link.miss(); return [...said]; };"""
    silent = linked(f"{begin} return [asked, look(1900), look(2000)];")
    assert silent == [[1], [], [True]]
    answered = linked(f"{begin} frame(2, {{ answered: {{ [link.page]: 1 }} }}); return look(60000);")
    assert answered == []


def test_while_a_run_trains_the_kernel_is_asked_after_five_seconds_without_a_frame() -> None:
    code = """link.trains = () => %s; now = 4000; frame(2); sent.length = 0;
    return [8900, 9100].map((at) => { now = at; link.miss(); return sent.length; });"""
    assert linked(code % "true") == [0, 1]
    assert linked(code % "false") == [0, 0]
