"""One part of the lab on a page of its own, beside a model that only keeps what it is sent: no kernel, so a second."""

import json
from pathlib import Path

from dfa_lab.experiment.settings import Settings
from dfa_lab.widgets.controls.control_specs import specs
from dfa_lab.widgets.controls.derivative_curves import curves

STATIC = Path(__file__).parents[2] / "dfa_lab" / "widgets" / "static"
PAGE = """<!doctype html><html lang="en"><head><title>lab</title><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/dfa_lab.css"></head><body class="jp-Notebook" style="margin: 0"><main id="view"></main>
<script type="module">
import lab from "/dfa_lab.js";
const handlers = [], restarts = [], traits = TRAITS, answered = {};
let number = 0;
window.sent = [];
const frame = (parts, whole) => handlers.forEach((hear) =>
  hear({ type: "frame", number: ++number, whole, asked: false, answered: { ...answered }, parts }, []));
window.tell = (type, state, gone = []) =>
  frame([{ part: "panel", type, buffers: 0, state, gone }], type === "snapshot");
window.answer = (page, last) => { answered[page] = last; frame([], false); };
const send = (message) => {
  sent.push(message);
  if (message.page && !window.dead) setTimeout(() => answer(message.page, message.number));
};
const on = (name, hear) => (name === "msg:custom" ? handlers : restarts).push(hear);
const model = { get: (name) => traits[name], send, on, off() {} };
window.restarted = () => restarts.forEach((hear) => hear());
window.pass = (parts) => frame(parts, false);
window.show = (place) => lab.render({ model, el: place });
show(view);
window.ready = true;
</script></body></html>"""
#: What the kernel says of a run that has not begun, as far as the controls need it.
SETTINGS = json.loads(json.dumps(Settings(feedback_init={"name": "aligned", "angle": 45}).values()))


def beginning():
    """The state of the controls at first."""
    state = {"specs": specs(), "settings": SETTINGS, "running": False, "curves": curves("tanh"), "error": ""}
    state |= {"lanes": [], "lane": 0, "pins": [], "phases": None, "limit": 30, "stop_at": None, "events": []}
    state |= {"presets": [], "share": "", "script": "", "hide": [], "lock": [], "refused": {}, "theme": "auto"}
    state |= {"words": "Press Play.", "status": {"state": "ready", "step": "0", "samples": "0", "settings": ""}}
    return json.loads(json.dumps(state))


def act_of(message):
    """The act without what asks for its answer."""
    return {name: value for name, value in message.items() if name not in ("page", "number")}


def open_part(page, part="explorer", options=None, **state):
    """Open the part on ``page``, with ``state`` over the beginning; ``page.sent()`` takes what was sent since."""
    traits = json.dumps({"part": part, "options": options or {}})

    def serve(route):
        name = route.request.url.rsplit("/", 1)[1]
        if name in ("dfa_lab.js", "dfa_lab.css"):
            kind = "text/css" if name.endswith("css") else "text/javascript"
            route.fulfill(body=(STATIC / name).read_bytes(), content_type=kind)
        else:
            route.fulfill(body=PAGE.replace("TRAITS", traits) if name == "" else "", content_type="text/html")

    page.route("**/*", serve)
    page.goto("http://lab.localhost/")
    page.wait_for_function("window.ready")
    page.tell = lambda **fields: page.evaluate("(state) => tell('state', state)", json.loads(json.dumps(fields)))
    page.sent = lambda: [act_of(message) for message in page.evaluate("sent.splice(0)") if "do" in message]
    page.beginning = {**beginning(), **json.loads(json.dumps(state))}
    page.evaluate("(state) => tell('snapshot', state)", page.beginning)
    return page
