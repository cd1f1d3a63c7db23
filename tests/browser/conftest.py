"""A real JupyterLab on a copy of the notebooks, and a page in Chromium that notes its errors and where it goes."""

import re
from pathlib import Path
from urllib.parse import urlparse

import nbformat
import pytest
from screen import open_notebook
from server import ARTIFACTS, CHROMIUM, FLAGS, TOKEN, served

from dfa_lab.widgets.kernel import copy_notebooks


def pytest_collection_modifyitems(items):
    skip = pytest.mark.skip(reason="no chromium on the PATH; Debian: apt-get install chromium")
    for item in items:
        if "browser" in Path(item.fspath).parts[-2]:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory):
    """The folder of the session's JupyterLab."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="session")
def lab(lab_folder):
    """The address of the JupyterLab that `dfa-lab lab` starts, on a copy of the notebooks."""
    with served(lab_folder, ["lab", str(lab_folder)], f"/api?token={TOKEN}") as address:
        yield address


@pytest.fixture(scope="session")
def voila(tmp_path_factory):
    """The address of the page that `dfa-lab serve` serves."""
    with served(tmp_path_factory.mktemp("voila"), ["serve", "--lock", "weight_init"], "/static/none") as address:
        yield address


@pytest.fixture
def first_notebook(lab, lab_folder):
    """The address of the first notebook, as it is shipped: without what another test saved in it."""
    (lab_folder / "00_explorer.ipynb").unlink()
    copy_notebooks(lab_folder)  # signed, so that a page that is loaded again shows its widgets
    return f"{lab}/lab/tree/00_explorer.ipynb"


@pytest.fixture
def explorer(page, first_notebook):
    """The first notebook with its first cell run."""
    open_notebook(page, first_notebook)
    page.locator(".jp-CodeCell").first.click()
    page.keyboard.press("Shift+Enter")
    page.get_by_test_id("dfa-step").wait_for(timeout=60_000)
    page.get_by_test_id("dfa-do-play").wait_for(timeout=60_000)
    return page


@pytest.fixture
def own_notebook(page, lab, lab_folder, request):
    """``own_notebook(*cells)``: a notebook of these cells, opened, its first cell run by Shift+Enter."""
    name = re.sub(r"\W+", "_", request.node.name) + ".ipynb"

    def opened(*cells):
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(made, lab_folder / name)
        open_notebook(page, f"{lab}/lab/tree/{name}")
        page.locator(".jp-CodeCell").first.click()
        page.keyboard.press("Shift+Enter")
        page.locator(".dfa-root").first.wait_for(timeout=90_000)
        return page

    yield opened
    sessions = f"{lab}/api/sessions"
    for one in page.request.get(f"{sessions}?token={TOKEN}").json():
        if one["path"] == name:
            page.request.delete(f"{sessions}/{one['id']}?token={TOKEN}")


@pytest.fixture(scope="session")
def chromium():
    """One Chromium for all tests."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A page with ``errors`` (its console's) and ``outside`` (addresses it asked for beyond this machine).

    Nothing of another test is left in it: no cookie, no storage.
    """
    with chromium.new_context(viewport={"width": 1400, "height": 1050}) as context:
        made = context.new_page()
        made.errors, made.outside = [], []
        made.on("console", lambda message: made.errors.append(message.text) if message.type == "error" else None)
        made.on("pageerror", lambda error: made.errors.append(str(error)))
        made.on("request", lambda request: made.outside.append(request.url) if leaves(request.url) else None)
        yield made
        ARTIFACTS.mkdir(exist_ok=True)
        made.screenshot(path=ARTIFACTS / "last.png")


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
