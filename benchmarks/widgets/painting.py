"""What a frame of the live chart costs the browser, at step 1,000 and at later ones up to 1,000,000.

python benchmarks/widgets/painting.py [--frames 400] [--steps-a-frame 150] [--width 1280]

The messages are those that frames.py times the making of. A page in headless Chromium holds a chart for each step, one
over the other, which take messages in turns, a message a frame. "scripts" is the mean of what the chart's own code
takes, from the message to the last stroke given to the canvas, beside it the 95th percentile; "main thread" is all that
the page does: scripts, styles, layout, and the strokes made into pixels, for there is no GPU. "ratio" is to the same at
step 1,000. Where nothing could be seen to move the chart does not draw: "redrawn" are the frames that did, with the
mean of their scripts. A run that has come to 10,000 steps has as many points of the training loss on the page as any
longer one; one of 1,000 steps has a hundred, and is begun again every ten frames, so that it stays one. Snapshots are
not timed.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from frames import CASES, EARLY, LATE, Screen, Silent
from playwright.sync_api import Page, Route, sync_playwright

STATIC = Path(__file__).parents[2] / "dfa_lab" / "widgets" / "static"
STEPS = (EARLY, 10_000, 100_000, LATE)
TURN, FRESH = 50, 10
QUIET_MS = 400
ADDRESS = "http://127.0.0.1/"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
# Only a page by itself has a clock of 5 µs; others have one of 100.
HEADERS = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
PAGE = """<!doctype html><link rel="stylesheet" href="dfa_lab.css">
<style>body > div { position: absolute; inset: 0 0 auto; background: white }</style>
<body><script type="module">
import widget from "./dfa_lab.js";
const moment = () => new Promise((done) => requestAnimationFrame(() => done(performance.now())));
let strokes = 0;
const plain = CanvasRenderingContext2D.prototype.clearRect;
CanvasRenderingContext2D.prototype.clearRect = function (...box) {
  strokes += 1;
  return plain.apply(this, box);
};
class Chart {
  constructor(run) {
    this.run = run;
    this.next = 0;
    const el = document.body.appendChild(document.createElement("div"));
    this.number = 0;
    const traits = { part: "chart", options: {} };
    const model = { get: (name) => traits[name], on: (_, listener) => (this.receive = listener), off() {}, send() {} };
    widget.render({ el, model });
  }
  /** One message, one frame: milliseconds of the chart's own, and whether it drew. */
  async frame([header, numbers]) {
    const bytes = Uint8Array.from(atob(numbers), (letter) => letter.charCodeAt(0));
    // A frame calls what asked for it in that order: between the two lies the chart's own.
    strokes = 0;
    const before = moment();
    const began = performance.now();
    const parts = [{ ...header, part: "chart", buffers: 1 }];
    this.number += 1;
    const whole = header.type === "snapshot";
    const message = { type: "frame", number: this.number, whole, asked: false, answered: {}, parts };
    this.receive(message, [new DataView(bytes.buffer)]);
    const handled = performance.now() - began;
    const after = moment();
    const [from, to] = await Promise.all([before, after]);
    return [handled + to - from, strokes > 0];
  }
  /** Begin again where its rows are through. */
  async ready() {
    if (this.next % this.run.rows.length === 0) await this.frame(this.run.snapshot);
  }
  async play(count) {
    const took = [];
    for (let i = 0; i < count; i += 1) took.push(await this.frame(this.run.rows[this.next++ % this.run.rows.length]));
    return took;
  }
}
let charts = [];
window.mount = (runs) => {
  charts = runs.map((run) => new Chart(run));
  return Promise.all(charts.map((one) => one.frame(one.run.snapshot)));
};
window.ready = (place) => charts[place].ready();
window.play = (place, count) => charts[place].play(count);
</script>"""


class Kept(Silent):
    """A chart that keeps its last message, as the page will be given it."""

    last: tuple[dict[str, Any], str]

    def send(self, content: Any, buffers: Any = None) -> None:
        super().send(content, buffers)
        self.last = json.loads(json.dumps(content)), base64.b64encode(b"".join(buffers)).decode()


def messages(step: int, case: tuple[int, int, int], frames: int, steps_a_frame: int) -> dict[str, Any]:
    """The snapshot at ``step`` and what follows it, a message a frame."""
    screen = Screen(step, *case, chart=Kept)
    assert isinstance(screen.chart, Kept)
    snapshot, rows = screen.chart.last, []
    for _ in range(FRESH if step == EARLY else frames):
        screen.frame(steps_a_frame)
        rows.append(screen.chart.last)
    return {"snapshot": snapshot, "rows": rows}


def answered(route: Route) -> None:
    """The page, or a part of the bundle; no request leaves this machine."""
    name = route.request.url.removeprefix(ADDRESS)
    if not name:
        route.fulfill(body=PAGE, content_type="text/html", headers=HEADERS)
    elif (STATIC / name).is_file():
        route.fulfill(path=STATIC / name, headers=HEADERS)
    else:
        route.fulfill(status=404)


@dataclass
class Cost:
    """What the frames of one chart took, in milliseconds: the scripts of each, whether it drew, and all there was."""

    scripts: list[float] = field(default_factory=list)
    drew: list[bool] = field(default_factory=list)
    total: float = 0.0

    @property
    def mean(self) -> float:
        """Scripts of a frame."""
        return statistics.mean(self.scripts)

    @property
    def whole(self) -> float:
        """The main thread's time a frame."""
        return self.total / len(self.scripts)

    def cells(self, first: Cost) -> list[str]:
        """A row of the table; ``first`` is what the ratios refer to."""
        most = statistics.quantiles(self.scripts, n=20)[-1]
        drawn = [took for took, drew in zip(self.scripts, self.drew, strict=True) if drew]
        scripts = [f"{self.mean:.2f} ms", f"{self.mean / first.mean:.2f}", f"{most:.2f} ms"]
        whole = [f"{self.whole:.1f} ms", f"{self.whole / first.whole:.2f}"]
        return [*scripts, *whole, f"{len(drawn) / len(self.drew):.0%}", f"{statistics.mean(drawn):.2f} ms"]


def painted(page: Page, runs: list[dict[str, Any]], frames: int) -> list[Cost]:
    """What the frames of each run cost, on a page of their own."""
    page.goto(ADDRESS)
    page.wait_for_function("!!window.play")
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")

    def busy() -> float:
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return 1e3 * next(one["value"] for one in metrics if one["name"] == "TaskDuration")

    page.evaluate("(runs) => window.mount(runs)", runs)
    costs = [Cost() for _ in runs]
    for turn in range(frames // TURN):
        for place in sorted(range(len(runs)), reverse=bool(turn % 2)):
            rows = min(TURN, len(runs[place]["rows"]))
            for _ in range(0, TURN, rows):
                page.evaluate("(place) => window.ready(place)", place)
                page.wait_for_timeout(QUIET_MS)
                before = busy()
                took = page.evaluate("([place, count]) => window.play(place, count)", [place, rows])
                costs[place].total += busy() - before
                costs[place].scripts += [milliseconds for milliseconds, _ in took]
                costs[place].drew += [drew for _, drew in took]
    return costs


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--steps-a-frame", type=int, default=150)
    parser.add_argument("--width", type=int, default=1280)
    arguments = parser.parse_args()
    head = ["shown", "step", "scripts", "ratio", "95 %", "main thread", "ratio", "redrawn", "their scripts"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": arguments.width, "height": 900})
        page.route("**/*", answered)
        for name, case in CASES.items():
            runs = [messages(step, case, arguments.frames, arguments.steps_a_frame) for step in STEPS]
            costs = painted(page, runs, arguments.frames)
            for step, cost in zip(STEPS, costs, strict=True):
                print(f"| {name} | {step:,} | {' | '.join(cost.cells(costs[0]))} |", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
