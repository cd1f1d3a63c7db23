"""How long an explorer takes to be seen: from Shift+Enter to its first drawn frame, in JupyterLab, the kernel warm.

python benchmarks/widgets/first_paint.py [--times 10]

A notebook imports dfa_lab and shows an explorer once; then a second cell is run again and again. The clock is the
page's: from the key to the first frame in which Play, the network and the curves are there.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "browser"))

from server import CHROMIUM, FLAGS, TOKEN, served

CELLS = ("import dfa_lab as dfa\ndfa.Explorer()", "dfa.Explorer()")
THERE = ["dfa-do-play", "dfa-network-picture", "dfa-panel-loss"]
WATCH = """names => {
  const cell = [...document.querySelectorAll(".jp-CodeCell")][1];
  window.began = null;
  window.seen = null;
  window.addEventListener("keydown", () => (window.began ??= performance.now()), { capture: true, once: true });
  const old = cell.querySelector("[data-testid=dfa-do-play]");
  const look = () => {
    const play = cell.querySelector("[data-testid=dfa-do-play]");
    const all = names.every((name) => cell.querySelector(`[data-testid=${name}]`)?.getBoundingClientRect().height);
    if (all && play !== old && !cell.querySelector(".dfa-waiting")) window.seen = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=10)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = Path(place)
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        book = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS], metadata={"kernelspec": kernel}
        )
        nbformat.write(book, folder / "paint.ipynb")
        with served(folder, ["lab", str(folder)], f"/api?token={TOKEN}") as address:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(f"{address}/lab/tree/paint.ipynb?reset&token={TOKEN}", timeout=60_000)
            page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
            page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
            page.keyboard.press("Shift+Enter")
            page.get_by_test_id("dfa-do-play").first.wait_for(timeout=60_000)
            page.wait_for_timeout(3000)
            found = []
            for _ in range(times):
                page.locator(".jp-CodeCell").nth(1).click(position={"x": 5, "y": 5})
                page.keyboard.press("Escape")
                page.evaluate(WATCH, THERE)
                page.keyboard.press("Control+Enter")
                page.wait_for_function("window.seen !== null", timeout=30_000)
                found.append(page.evaluate("window.seen - window.began"))
                page.wait_for_timeout(1000)
            browser.close()
    print(f"first paint: median {statistics.median(found):.0f} ms, {min(found):.0f} to {max(found):.0f}, of {times}")


if __name__ == "__main__":
    main()
