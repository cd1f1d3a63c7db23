"""Film: README's picture and animation, of real frames of the explorer in JupyterLab.

python tests/browser/film.py [folder]          (docs/images where no folder is given)
"""

import io
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright
from screen import control, open_notebook, press, step, text, until
from server import CHROMIUM, FLAGS, ROOT, TOKEN, served

SIZE = {"width": 1080, "height": 860}
WIDTH, MILLISECONDS, LAST, COLOURS = 860, 700, 2500, 64


def angles(page):
    """The angles in degrees beside the title of their panel: the weights' of each layer, then the signals'."""
    return [float(value) for value in re.findall(r"^\d+$", text(page, "panel-alignment"), re.MULTILINE)]


def dials(page):
    """The angles in degrees that the dials of the hidden layers show."""
    return [float(dial.get_attribute("data-angle")) for dial in page.locator("[data-testid^=dfa-dial-]").all()]


def rates(page):
    """The samples a second of the run and of BP that their panel names."""
    found = re.findall(r"^([\d.]+)([KM]?)$", text(page, "panel-throughput"), re.MULTILINE)
    return [float(value) * {"": 1, "K": 1e3, "M": 1e6}[unit] for value, unit in found]


def shoot(page, folder):
    """Plays until the angles have fallen, then chooses backpropagation and plays on; a frame now and then.

    What the pictures are to show is checked: the angles begin at chance, fall, and are 0 by backpropagation; and that
    what is timed was timed on a machine with time for it.
    """
    explorer, frames = page.locator(".dfa-screen"), []

    def frame():
        page.wait_for_timeout(300)
        timed = rates(page)
        assert not timed or max(timed) < 3 * min(timed), f"this machine is too busy to time anything: {timed}"
        frames.append(Image.open(io.BytesIO(explorer.screenshot())).convert("RGB"))

    def play(to, every):
        """Play up to a step, with a frame whenever about ``every`` steps are done, and one where it pauses."""
        page.get_by_test_id("dfa-open-settings").click()
        stop = page.get_by_test_id("dfa-stop-at")
        stop.fill(str(to))
        stop.press("Enter")
        page.get_by_test_id("dfa-close-drawer").click()
        begun = step(page)
        press(page, "play")
        page.mouse.move(0, 0)
        for reached in range(begun + every, to, every):
            until(page, lambda reached=reached: step(page) >= reached, what=f"step {reached}")
            frame()
        until(page, lambda: text(page, "state") == "paused" and step(page) == to, what=f"step {to}")
        page.wait_for_timeout(1500)  # the pause is measured, and the network is drawn at its very step
        frame()
        return angles(page), dials(page)

    frame()
    begun = angles(page)
    page.get_by_test_id("dfa-limit").select_option("10")
    fallen, shown = play(150, 15)
    frames[-1].save(folder / "explorer.png", optimize=True)
    control(page, "rule").select_option("bp")
    by_bp, shown_by_bp = play(200, 17)
    assert min(begun) > 85, begun
    assert max(fallen) < 72, fallen
    assert max(shown) < 72, shown
    assert max(by_bp + shown_by_bp) < 0.5, (by_bp, shown_by_bp)
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
            open_notebook(page, f"{lab}/lab/tree/00_explorer.ipynb")
            page.keyboard.press("Control+b")
            page.locator(".jp-CodeCell").first.click()
            page.keyboard.press("Shift+Enter")
            page.get_by_test_id("dfa-do-play").wait_for(timeout=60_000)
            page.wait_for_timeout(1500)
            shoot(page, folder)
            browser.close()


if __name__ == "__main__":
    main()
