"""A real JupyterLab on a copy of the notebooks, and a page in Chromium that notes its errors and where it goes."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import pytest

ROOT = Path(__file__).parents[2]
ARTIFACTS = ROOT / "artifacts"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
TOKEN = "lesson"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items):
    skip = pytest.mark.skip(reason="no chromium on the PATH; Debian: apt-get install chromium")
    for item in items:
        if "browser" in Path(item.fspath).parts[-2]:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(skip)


@contextmanager
def served(folder, arguments, path):
    """The address of a server that `dfa-lab` starts with these arguments, once ``path`` answers there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (folder / "server.log").open("w")
    command = [sys.executable, "-m", "dfa_lab.cli", *arguments, "--port", str(port), "--no-browser"]
    # Settings and layouts of whoever runs the tests are neither used nor changed.
    environment = {**os.environ, "JUPYTER_TOKEN": TOKEN, "JUPYTER_CONFIG_DIR": str(folder / ".jupyter")}
    server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}{path}", timeout=1)
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.5)
        else:
            pytest.fail("the server did not start:\n" + (folder / "server.log").read_text())
        yield address
    finally:
        server.terminate()
        server.wait(20)
        log.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """The address of the JupyterLab that `dfa-lab lab` starts, on a copy of the notebooks."""
    folder = tmp_path_factory.mktemp("notebooks")
    with served(folder, ["lab", str(folder)], f"/api?token={TOKEN}") as address:
        yield address


@pytest.fixture(scope="session")
def voila(tmp_path_factory):
    """The address of the page that `dfa-lab serve` serves."""
    with served(tmp_path_factory.mktemp("voila"), ["serve", "--lock", "weight_init"], "/static/none") as address:
        yield address


@pytest.fixture
def explorer(page, lab):
    """The first notebook with its first cell run."""
    page.goto(f"{lab}/lab/tree/00_explorer.ipynb?reset&token={TOKEN}", wait_until="load", timeout=60_000)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    page.keyboard.press("Escape")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
    page.locator(".jp-CodeCell").first.click()
    page.keyboard.press("Shift+Enter")
    page.get_by_test_id("dfa-step").wait_for(timeout=60_000)
    page.get_by_test_id("dfa-do-play").wait_for(timeout=60_000)
    return page


@pytest.fixture
def page():
    """A page with ``errors`` (its console's) and ``outside`` (addresses it asked for beyond this machine)."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        made = browser.new_page(viewport={"width": 1400, "height": 1050})
        made.errors, made.outside = [], []
        made.on("console", lambda message: made.errors.append(message.text) if message.type == "error" else None)
        made.on("pageerror", lambda error: made.errors.append(str(error)))
        made.on("request", lambda request: made.outside.append(request.url) if leaves(request.url) else None)
        yield made
        ARTIFACTS.mkdir(exist_ok=True)
        made.screenshot(path=ARTIFACTS / "last.png")
        browser.close()


def leaves(url):
    parts = urlparse(url)
    return parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1"


@pytest.fixture
def screenshot(page):
    """Saves what the page shows as a test artefact."""

    def save(name):
        ARTIFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTIFACTS / f"{re.sub(r'[^a-z0-9_]+', '_', name)}.png")

    return save
