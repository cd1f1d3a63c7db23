"""The widgets' bundle on a page of its own, given the chart's messages in frames: no server, no kernel."""

from __future__ import annotations

import base64
import json
from typing import Any

from dfa_lab.widgets.chart.chart_part import ChartPart
from dfa_lab.widgets.kernel.page_widget import STATIC

ADDRESS = "http://127.0.0.1/"
PAGE = """<!doctype html><html lang="en"><title>chart</title><link rel="stylesheet" href="dfa_lab.css">
<body style="margin: 0"><script type="module">
import widget from "./dfa_lab.js";
window.written = [];
window.drawings = 0;
const pen = CanvasRenderingContext2D.prototype;
const { clearRect, fillText } = pen;
pen.clearRect = function (...box) {
  window.drawings += 1;
  return clearRect.apply(this, box);
};
pen.fillText = function (text, ...at) {
  window.written.push(text);
  return fillText.call(this, text, ...at);
};
const listeners = [];
window.mount = (el, part, options) => {
  const traits = { part, options };
  const on = (name, hear) => { if (name === "msg:custom") listeners.push(hear); };
  const off = (name, hear) => { if (name === "msg:custom") listeners.splice(listeners.indexOf(hear), 1); };
  const model = { get: (name) => traits[name], on, off, send() {} };
  return widget.render({ model, el });
};
let number = 0;
window.give = (parts, numbers, whole) => {
  const bytes = Uint8Array.from(atob(numbers), (letter) => letter.charCodeAt(0));
  number += 1;
  const frame = { type: "frame", number, whole, asked: false, answered: {}, parts };
  for (const hear of [...listeners]) hear(frame, [new DataView(bytes.buffer)]);
};
</script>"""


def answer(route: Any) -> None:
    """The page, or a part of the bundle; no request leaves this machine."""
    name = route.request.url.removeprefix(ADDRESS)
    if not name:
        route.fulfill(body=PAGE, content_type="text/html")
    elif (STATIC / name).is_file():
        route.fulfill(path=STATIC / name)
    else:
        route.fulfill(status=204)


def opened(page: Any) -> None:
    """The page, ready, with nothing on it."""
    page.route("**/*", answer)
    page.goto(ADDRESS)
    page.wait_for_function("!!window.give")


def mount(page: Any, part: str = "chart", options: dict[str, Any] | None = None, style: str = "") -> None:
    """One more view of the widget, in a box with a style; ``options`` are what the kernel gives the part."""
    page.evaluate(
        """([part, options, style]) => {
            const box = document.body.appendChild(document.createElement("div"));
            box.style.cssText = style;
            (window.leave ??= []).push(window.mount(box, part, options));
        }""",
        [part, options or {}, style],
    )


class PageChart(ChartPart):
    """A chart whose messages go to the page at once."""

    page: Any

    def send(self, content: Any, buffers: Any = ()) -> None:
        """One frame with one part."""
        parts = [{**content, "part": "chart", "buffers": len(buffers or ())}]
        whole = content["type"] == "snapshot"
        if whole:  # what the explorer waits for before it shows itself
            state = {"part": "panel", "type": "snapshot", "buffers": 0, "state": {"settings": {}}, "gone": []}
            parts.append(state)
        numbers = base64.b64encode(b"".join(buffers or ())).decode()
        self.page.evaluate(
            "([parts, numbers, whole]) => window.give(parts, numbers, whole)",
            [json.loads(json.dumps(parts)), numbers, whole],
        )
