"""What the explorer shows, read off a page, and the wait until it shows something else."""

import time


def text(page, name):
    return page.get_by_test_id(f"dfa-{name}").inner_text()


def step(page):
    return int(text(page, "step").replace(",", ""))


def markers(page, panel="loss"):
    return int(page.get_by_test_id(f"dfa-panel-{panel}").get_attribute("data-markers"))


def points(page, panel):
    return int(page.get_by_test_id(f"dfa-panel-{panel}").get_attribute("data-points"))


def press(page, name):
    page.get_by_test_id(f"dfa-do-{name}").click()


def control(page, field):
    return page.get_by_test_id(f"dfa-control-{field}")


def slider(page, field):
    return page.get_by_test_id(f"dfa-control-{field}-slider")


def until(page, condition, seconds=20, what="it"):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen in time; status: {text(page, 'status')!r}"
        page.wait_for_timeout(20)
