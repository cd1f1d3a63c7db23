"""What a page says and shows when the kernel does not answer, and what it tells the kernel by itself."""

import pytest
from lab_page import open_part


@pytest.fixture
def lab(page):
    return open_part(page)


def test_the_kernel_is_told_whether_the_page_is_dark(lab):
    told = "sent.filter((one) => one.type === 'dark').map((one) => one.dark)"
    lab.wait_for_function(f"{told}.length === 1")
    lab.evaluate("document.body.dataset.jpThemeLight = 'false'")
    lab.wait_for_function(f"{told}.length === 2")
    assert lab.evaluate(told) == [False, True]


def test_a_kernel_that_does_not_answer_is_said_and_one_that_answers_again_is_not(lab):
    words, grey = lab.get_by_test_id("dfa-no-answer"), lab.locator(".dfa-explorer.dfa-silent")
    lab.evaluate("window.dead = true")
    lab.get_by_test_id("dfa-do-play").click()
    words.wait_for(timeout=6000)
    assert "run this cell again" in words.inner_text()
    assert (grey.count(), lab.get_by_test_id("dfa-state").inner_text()) == (1, "no answer")
    (play,) = [message for message in lab.evaluate("sent") if message.get("do") == "play"]
    # It was busy: what it answers late, to the first act alone, takes the words away.
    lab.evaluate("({ page, number }) => answer(page, number)", play)
    words.wait_for(state="hidden", timeout=2000)
    assert grey.count() == 0
    # What was asked since has no answer yet: it has two seconds more.
    words.wait_for(timeout=6000)
    lab.evaluate("window.dead = false")
    words.wait_for(state="hidden", timeout=6000)  # asked again and again, for an act may have been lost


def test_a_kernel_that_does_not_answer_and_has_saved_is_said_with_what_to_run(lab):
    lab.tell(restore="dfa.Explorer.restore('20260102-030405-00ff')")
    lab.evaluate("window.dead = true")
    lab.get_by_test_id("dfa-do-play").click()
    words = lab.get_by_test_id("dfa-no-answer")
    words.wait_for(timeout=6000)
    command = "import dfa_lab as dfa; dfa.Explorer.restore('20260102-030405-00ff')"
    said = " ".join(words.inner_text().split())
    assert f"go on from the last save: run {command} Copy in a new cell" in said
    assert "run this cell again" not in said
    lab.get_by_test_id("dfa-do-copy-restore").click()
    lab.get_by_role("button", name="Copied", exact=True).wait_for(timeout=6000)
    assert lab.evaluate("getSelection().toString()") == command, "where there is no clipboard it is copied by hand"


@pytest.mark.parametrize("restore", ["", "dfa.Explorer.restore('20260102-030405-00ff')"])
def test_on_a_page_without_cells_nobody_is_told_to_run_one(page, restore):
    lab = open_part(page, options={"cells": False})
    lab.tell(restore=restore)
    lab.evaluate("window.dead = true")
    lab.get_by_test_id("dfa-do-play").click()
    words = lab.get_by_test_id("dfa-no-answer")
    words.wait_for(timeout=6000)
    assert "load this page again" in words.inner_text()
    assert "cell" not in words.inner_text()
    for part in ("where the page is served", restore or "restore"):
        assert words.inner_text().count(part) == bool(restore)


@pytest.mark.parametrize("width", [700, 850, 1280])
def test_it_stands_under_the_buttons_and_covers_none(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    lab = open_part(page)
    lab.tell(restore="dfa.Explorer.restore('/home/somebody/of/a/long/name/autosave/20260102-030405-00ff')")
    lab.evaluate("window.dead = true")
    lab.get_by_test_id("dfa-do-play").click()
    lab.get_by_test_id("dfa-no-answer").wait_for(timeout=6000)
    notice, line = (lab.get_by_test_id(f"dfa-{one}").bounding_box() for one in ("no-answer", "toolbar"))
    assert 0 <= notice["y"] - (line["y"] + line["height"]) <= 2
    assert notice["y"] + notice["height"] < 300, "in sight where the explorer's lower half is not"
    words = lab.get_by_test_id("dfa-words").bounding_box()
    assert notice["y"] + notice["height"] >= words["y"] + words["height"], "what is said of the run may be long ago"


def test_a_kernel_that_is_restarted_is_said_without_a_click(lab):
    lab.evaluate("window.dead = true; restarted()")
    lab.get_by_test_id("dfa-no-answer").wait_for(timeout=6000)


@pytest.mark.parametrize("running", [True, False])
def test_where_a_run_trains_and_no_frame_comes_the_kernel_is_asked(lab, running):
    lab.tell(running=running)
    lab.evaluate("window.dead = true")
    lab.wait_for_timeout(12_000)  # nobody presses anything: longer than until it is asked, and has not answered
    assert lab.get_by_test_id("dfa-no-answer").count() == running


def test_an_answer_to_another_page_is_none(lab):
    lab.evaluate("window.dead = true")
    lab.get_by_test_id("dfa-do-play").click()
    lab.evaluate("answer('another', 9)")
    lab.get_by_test_id("dfa-no-answer").wait_for(timeout=6000)


def test_a_model_that_can_send_no_more_is_a_kernel_that_does_not_answer(lab):
    lab.evaluate("() => { window.sent.push = () => { throw new Error('Kernel is dead'); }; }")
    lab.get_by_test_id("dfa-do-play").click()
    lab.get_by_test_id("dfa-no-answer").wait_for(timeout=6000)


def test_a_chart_without_a_run_asks_for_frames_and_one_that_follows_a_run_does_not(page):
    for follows, asks in ((True, False), (False, True)):
        lab = open_part(page, "chart", {"panels": None, "follows": follows})
        lab.wait_for_timeout(6500)  # longer than a page waits after what came by itself
        assert lab.evaluate("sent.some(({ type }) => type === 'next')") == asks


@pytest.mark.parametrize("part", ["network", "picture"])
def test_a_part_that_stands_alone_says_what_is_refused(page, part):
    lab = open_part(page, part)
    lab.tell(error="no such layer")
    assert lab.get_by_test_id("dfa-desk-error").all_inner_texts() == ["no such layer"]
    lab.tell(error="")
    assert lab.get_by_test_id("dfa-desk-error").count() == 0


def test_a_picture_that_cannot_be_says_why(page):
    lab = open_part(page, "picture")
    said = {"part": "picture", "type": "picture", "buffers": 0, "chosen": "none", "choices": [], "layer": 1}
    lab.evaluate(
        "(part) => pass([part])", {**said, "layers": 1, "words": "This run has none.", "width": 9, "height": 9}
    )
    assert lab.locator("[data-part=picture]").inner_text().endswith("This run has none.")
