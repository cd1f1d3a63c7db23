"""A real JupyterLab on a copy of the notebooks, and a page in Chromium that notes its errors and where it goes."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
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


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """The address of the JupyterLab that `dfa-lab lab` starts, on a copy of the notebooks."""
    folder = tmp_path_factory.mktemp("notebooks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (folder / "server.log").open("w")
    arguments = [sys.executable, "-m", "dfa_lab.cli", "lab", str(folder), "--port", str(port), "--no-browser"]
    environment = {**os.environ, "JUPYTER_TOKEN": TOKEN}
    server = subprocess.Popen(arguments, stdout=log, stderr=subprocess.STDOUT, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api?token={TOKEN}", timeout=1)
                break
            except OSError:
                time.sleep(0.5)
        else:
            pytest.fail("JupyterLab did not start:\n" + (folder / "server.log").read_text())
        yield address
    finally:
        server.terminate()
        server.wait(20)
        log.close()


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
