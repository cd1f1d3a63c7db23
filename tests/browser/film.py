"""Film: README's picture and animation, of real frames of the explorer in JupyterLab.

python tests/browser/film.py [folder]          (docs/images where no folder is given)
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright
from screen import close_drawer, control, drawn_step, open_drawer, press, slider, step, text, until
from server import CHROMIUM, FLAGS, ROOT, TOKEN, served

SIZE = {"width": 1280, "height": 860}
WIDTH, MILLISECONDS, LAST, COLOURS = 860, 700, 2500, 96


def angles(page):
    """The angles in degrees that the dials show: of the signal and of B, in each hidden layer."""
    read = "all => all.flatMap(({ dataset }) => [Number(dataset.angle), Number(dataset.weightAngle)])"
    return page.locator(".dfa-dial").evaluate_all(read)


def shoot(page, folder):
    """Plays, draws new feedback early, and plays on until the angles have fallen again; a frame now and then.

    What the pictures are to show is checked: the angles fall, go back to chance, and fall again.
    """
    explorer, frames = page.locator(".dfa-explorer"), []

    def frame():
        page.wait_for_timeout(300)
        frames.append(Image.open(io.BytesIO(explorer.screenshot())).convert("RGB"))

    def play(to, every):
        """Play up to a step, with a frame whenever about ``every`` steps are done, and one where it pauses."""
        open_drawer(page, "settings")
        stop = page.get_by_test_id("dfa-stop-at")
        stop.fill(str(to))
        stop.press("Enter")
        close_drawer(page)
        begun = step(page)
        press(page, "play")
        for reached in range(begun + every, to, every):
            until(page, lambda reached=reached: step(page) >= reached, what=f"step {reached}")
            frame()
        until(page, lambda: text(page, "state") == "paused" and drawn_step(page) == to, what=f"step {to}")
        frame()
        return angles(page)

    frame()
    page.get_by_test_id("dfa-limit").select_option("10")
    fallen = play(35, 10)
    control(page, "feedback_init").select_option("normal")
    set_back = play(36, 10)
    page.get_by_test_id("dfa-limit").select_option("30")
    play(150, 20)
    slider(page, "batch_size").focus()
    page.keyboard.press("ArrowRight")
    fallen_again = play(250, 25)
    assert max(fallen) < 86, fallen
    assert min(set_back) > 85, set_back
    assert max(fallen_again) < 77, fallen_again
    frames[-1].save(folder / "explorer.png", optimize=True)
    height = max(one.height for one in frames)
    film = []
    for one in frames:  # a story or an error makes the explorer a line taller
        whole = Image.new("RGB", (one.width, height), "white")
        whole.paste(one, (0, 0))
        small = whole.resize((WIDTH, round(height * WIDTH / one.width)), Image.Resampling.LANCZOS)
        film.append(small.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE))
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
