"""Film: README's picture and animation, of real frames of the explorer in JupyterLab.

python tests/browser/film.py [folder]          (docs/images where no folder is given)
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright
from screen import control, press, slider, step, until
from server import CHROMIUM, FLAGS, ROOT, TOKEN, served

SIZE = {"width": 1500, "height": 1150}
WIDTH, MILLISECONDS, LAST, COLOURS = 860, 700, 2500, 96


def shoot(page, folder):
    """Plays, changes the feedback, the rule and the batch size, and forks; a frame now and then."""
    explorer, frames = page.locator(".dfa-explorer"), []

    def frame(count=1):
        for _ in range(count):
            page.wait_for_timeout(450)
            frames.append(Image.open(io.BytesIO(explorer.screenshot())).convert("RGB"))

    frame()
    press(page, "play")
    frame(4)
    until(page, lambda: step(page) > 70)
    control(page, "feedback_init").select_option("orthogonal")
    frame(6)
    until(page, lambda: step(page) > 250)
    control(page, "rule").select_option("fa")
    frame(3)
    slider(page, "batch_size").focus()
    page.keyboard.press("ArrowRight")
    frame(3)
    until(page, lambda: step(page) > 400)
    press(page, "pause")
    frame(2)
    frames[-1].save(folder / "explorer.png", optimize=True)
    height = max(one.height for one in frames)
    film = []
    for one in frames:  # a story or an error makes the explorer a line taller
        whole = Image.new("RGB", (one.width, height), "white")
        whole.paste(one, (0, 0))
        small = whole.resize((WIDTH, round(height * WIDTH / one.width)), Image.Resampling.LANCZOS)
        film.append(small.quantize(COLOURS, dither=Image.Dither.NONE))
    times = [MILLISECONDS] * (len(film) - 1) + [LAST]
    film[0].save(folder / "explorer.gif", save_all=True, append_images=film[1:], duration=times, loop=0, optimize=True)


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    with tempfile.TemporaryDirectory() as notebooks:
        arguments = ["lab", notebooks]
        with served(Path(notebooks), arguments, f"/api?token={TOKEN}") as lab, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport=SIZE)
            page.goto(f"{lab}/lab/tree/00_explorer.ipynb?reset&token={TOKEN}", wait_until="load", timeout=60_000)
            page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
            page.keyboard.press("Escape")
            page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
            page.keyboard.press("Control+b")
            page.locator(".jp-CodeCell").first.click()
            page.keyboard.press("Shift+Enter")
            page.get_by_test_id("dfa-do-play").wait_for(timeout=60_000)
            page.wait_for_timeout(1500)
            shoot(page, folder)
            browser.close()


if __name__ == "__main__":
    main()
