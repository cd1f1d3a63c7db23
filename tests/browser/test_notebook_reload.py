"""Only the first cell is run, and saved: after a reload, and in a new browser, the explorer is there and goes on."""

import shlex
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from screen import press, step, text, until
from server import ROOT, TOKEN, served

READY = f"/api?token={TOKEN}"
GIT = ("git", "-c", "user.name=tests", "-c", "user.email=tests@localhost")


def tracked(checkout):
    """What `git status` says of a checkout: nothing where no tracked file changed and none was added."""
    asked = subprocess.run([*GIT, "status", "--porcelain"], cwd=checkout, capture_output=True, text=True, check=True)
    return asked.stdout


@contextmanager
def make_lab(folder):
    """`make lab` in a checkout of its own, whose environment is the one that runs the tests."""
    if not (ROOT / ".git").exists() or not all(map(shutil.which, ("git", "make"))):
        pytest.skip("this test copies a checkout by git and starts it by make")
    checkout = folder / "checkout"
    listed = [*GIT, "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, checkout / name)
    shutil.copytree(ROOT / "dfa_lab/widgets/static", checkout / "dfa_lab/widgets/static")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "as it is"]):
        subprocess.run([*GIT, *command], cwd=checkout, check=True)
    binaries = checkout / ".venv/bin"
    binaries.mkdir(parents=True)
    program = binaries / "dfa-lab"
    program.write_text(f'#!/bin/sh\nPYTHONPATH=. exec {shlex.quote(sys.executable)} -m dfa_lab.cli "$@"\n')
    program.chmod(0o755)
    (binaries / "python").touch()
    (checkout / ".venv/.installed").touch()
    with served(folder, [], READY, lambda port: (["make", "lab", f"PORT={port}", "BROWSER=no"], checkout)) as lab:
        yield lab
    assert tracked(checkout) == ""


@contextmanager
def lab_of_a_folder(folder):
    with served(folder, ["lab", str(folder / "own")], READY) as lab:
        yield lab


@contextmanager
def lab_of_a_checkout(folder):
    """`dfa-lab lab notebooks` on the folder that the notebooks are shipped in."""
    (folder / "site").mkdir()
    for name in ("dfa_lab", "notebooks"):
        shutil.copytree(ROOT / name, folder / "site" / name)
    command = [sys.executable, "-m", "dfa_lab.cli", "lab", "notebooks", "--no-browser", "--port"]
    with served(folder, [], READY, lambda port: ([*command, str(port)], folder / "site")) as lab:
        yield lab


MORE_WAYS = [pytest.param(way, marks=pytest.mark.exhaustive) for way in (lab_of_a_folder, lab_of_a_checkout)]


@pytest.mark.parametrize("way", [make_lab, *MORE_WAYS])
def test_the_explorer_is_there_again(page, way, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))  # no signature of another test helps
    monkeypatch.setenv("JUPYTER_PATH", str(Path(sys.prefix) / "share/jupyter"))
    with way(tmp_path) as lab:
        address = f"{lab}/lab/tree/00_explorer.ipynb?token={TOKEN}"
        page.goto(address, wait_until="load", timeout=60_000)
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
        page.locator(".jp-Notebook .jp-Cell").first.click()
        page.keyboard.press("Shift+Enter")
        page.get_by_test_id("dfa-do-play").wait_for(timeout=60_000)
        until(page, lambda: text(page, "state") == "ready")
        press(page, "play")
        until(page, lambda: step(page) > 50)

        def saved():
            found = page.request.get(f"{lab}/api/contents/00_explorer.ipynb?content=0&token={TOKEN}").json()
            return found["last_modified"]

        before = saved()
        page.keyboard.press("Control+s")
        until(page, lambda: saved() != before, what="saving")
        reached = step(page)
        page.reload(wait_until="load")
        page.get_by_test_id("dfa-step").wait_for(timeout=60_000)
        until(page, lambda: step(page) > reached)
        reached = step(page)
        page.goto("about:blank")
        with page.context.browser.new_context(viewport={"width": 1280, "height": 800}) as context:
            again = context.new_page()
            again.goto(address, wait_until="load", timeout=60_000)
            again.get_by_test_id("dfa-step").wait_for(timeout=60_000)
            until(again, lambda: step(again) > reached)
            press(again, "pause")
            until(again, lambda: text(again, "state") == "paused")
