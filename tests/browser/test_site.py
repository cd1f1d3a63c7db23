"""The site that `make docs` built: axe finds nothing serious, no page is too wide, nothing needs a network."""

import functools
import http.server
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
}
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
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{site}/{PAGES[name]}")
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:150]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_front_page_shows_a_run(page, site):
    page.goto(f"{site}/index.html")
    report = page.frame_locator("iframe")
    report.locator(".js-plotly-plot").first.wait_for(timeout=20_000)
    assert report.locator(".js-plotly-plot .scatterlayer .trace").count() > 5


def test_every_public_name_has_a_page():
    import dfa_lab as dfa

    made = {one.stem.removeprefix("dfa_lab.") for one in (SITE / "_generated" / "api").glob("*.html")}
    assert set(dfa.__all__) <= made
