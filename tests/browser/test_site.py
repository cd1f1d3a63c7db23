"""The site that `make docs` built: axe finds nothing serious, no page is too wide, nothing needs a network."""

import functools
import http.server
import re
import threading

import pytest
from test_accessibility import AXE

from places import ROOT

SITE = ROOT / "docs" / "_build" / "html"
PAGES = {
    "front": "index.html",
    "learn": "_generated/learn.html",
    "tutorial": "_generated/03_what_the_angle_says.html",
    "api": "_generated/api/dfa_lab.Experiment.html",
    "glossary": "glossary.html",
    "choosing": "choosing.html",
    "reproductions": "reproductions.html",
    "start": "_generated/start.html",
}
#: Boxes whose content is cut: it is wider than the box, and no box that Tab reaches and that has a name scrolls it.
CUT = """() => [...document.querySelectorAll("main :is(h1, h2, h3, td, th, pre, .pst-scrollable-table-container)")]
  .filter((box) => box.scrollWidth > box.clientWidth && box.clientWidth > 0)
  .filter((box) => {
    const scroller = box.closest(".scrolls");
    return !(scroller?.tabIndex === 0 && scroller.ariaLabel && getComputedStyle(scroller).overflowX === "auto");
  })
  .map((box) => box.outerHTML.slice(0, 150))"""
pytestmark = pytest.mark.skipif(not (SITE / "index.html").exists(), reason="make docs builds the site")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *given):
        pass


@pytest.fixture(scope="module")
def site():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_site(page, site, name, width):
    foreign = []
    page.on("request", lambda one: foreign.append(one.url) if one.url.startswith("http") else None)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{site}/{PAGES[name]}")
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:150]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CUT) == []
    assert [one for one in foreign if not one.startswith(site)] == []


@pytest.mark.parametrize(
    ("name", "there", "not_there"),
    [
        ("Experiment", ["train", "observe", "change", "load"], []),
        ("MLP", ["forward", "set_rule"], ["state_dict", "zero_grad"]),
        ("Explorer", ["close"], ["observe", "get_state"]),
        ("Settings", ["changed"], ["model_dump"]),
    ],
)
def test_a_class_page_has_its_own_methods(name, there, not_there):
    page = (SITE / "_generated" / "api" / f"dfa_lab.{name}.html").read_text(encoding="utf-8")
    for method in there:
        assert f'id="dfa_lab.{name}.{method}"' in page
    for method in not_there:
        assert f'id="dfa_lab.{name}.{method}"' not in page


def test_no_page_loads_from_another_host():
    loads = re.compile(r"<(?:script|img|iframe|source|link)\b[^>]* (?:src|href)=\"(?:https?:)?//[^>]*>")
    pages = [
        one for one in SITE.rglob("*.html") if one.name != "report.html"
    ]  # plotly's own code names hosts in its text
    assert {one.name: found for one in pages if (found := loads.findall(one.read_text(encoding="utf-8")))} == {}


@pytest.mark.parametrize("width", [1280, 400])
def test_the_report_is_seen_whole(page, site, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{site}/index.html")
    page.frame_locator("iframe").locator(".js-plotly-plot .trace").first.wait_for(timeout=60_000)
    whole = """() => {
      const page = document.querySelector("iframe").contentDocument.documentElement;
      return page.scrollHeight <= page.clientHeight && page.scrollWidth <= page.clientWidth;
    }"""
    page.wait_for_function(whole, timeout=10_000)


def test_a_table_that_is_too_wide_shows_where_there_is_more(page, site):
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(f"{site}/choosing.html")
    box = page.locator(".pst-scrollable-table-container").first
    edges = "box => [box.matches('.more-left'), box.matches('.more-right')]"
    page.locator(".pst-scrollable-table-container.more-right").first.wait_for()
    assert box.evaluate(edges) == [False, True]
    box.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
    page.locator(".pst-scrollable-table-container.more-left:not(.more-right)").first.wait_for()


def test_the_front_page_shows_a_run(page, site):
    page.goto(f"{site}/index.html")
    report = page.frame_locator("iframe")
    report.locator(".js-plotly-plot").first.wait_for(timeout=20_000)
    assert report.locator(".js-plotly-plot .scatterlayer .trace").count() > 5


def test_every_public_name_has_a_page():
    import dfa_lab as dfa

    made = {one.stem.removeprefix("dfa_lab.") for one in (SITE / "_generated" / "api").glob("*.html")}
    assert set(dfa.__all__) <= made
