"""Where the parts of one screen stand: each whole in sight, none over another, and nothing in it cut off."""

import time

#: What is to be seen at once, as CSS selectors.
PARTS = {
    "transport": "[data-testid=dfa-toolbar]",
    "words": "[data-testid=dfa-words], [data-testid=dfa-story]",
    "knobs": "[data-testid=dfa-knobs]",
    "network": "[data-testid=dfa-network-view]",
    **{name: f"[data-testid=dfa-panel-{name}]" for name in ("alignment", "loss", "accuracy", "throughput")},
}
# What is wrong, in words. A pixel is rounding. What is for ears only, and what is hidden, is not looked at.
LOOK = """(parts) => {
  const root = document.querySelector(".dfa-explorer");
  const wrong = [];
  const seen = (e) => { // what no box around it, nor the window, takes away
    let area = { left: 0, top: 0, right: innerWidth, bottom: innerHeight };
    for (let around = e.parentElement; around && around !== document.body; around = around.parentElement) {
      const style = getComputedStyle(around);
      if (style.display === "contents") continue;
      if (style.position === "fixed" || around.matches(":popover-open")) break;
      const box = around.getBoundingClientRect();
      if (style.overflowX !== "visible") {
        const left = box.left + around.clientLeft;
        area.left = Math.max(area.left, left); area.right = Math.min(area.right, left + around.clientWidth);
      }
      if (style.overflowY !== "visible") {
        const top = box.top + around.clientTop;
        area.top = Math.max(area.top, top); area.bottom = Math.min(area.bottom, top + around.clientHeight);
      }
    }
    return area;
  };
  const out = (box, area) => Math.max(
    area.left - box.left, box.right - area.right, area.top - box.top, box.bottom - area.bottom);
  const over = (a, b) => Math.min(
    Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
  const boxes = {};
  for (const [name, selector] of Object.entries(parts)) {
    const all = [...root.querySelectorAll(selector)];
    if (!all.length) wrong.push(`${name} is not there`);
    boxes[name] = all.map((e) => e.getBoundingClientRect());
    for (const [i, e] of all.entries()) {
      const { width, height } = boxes[name][i], by = out(boxes[name][i], seen(e));
      if (width < 20 || height < 15) wrong.push(`${name} is ${width} x ${height}`);
      if (by > 1) wrong.push(`${name} is out of sight by ${by.toFixed(0)}`);
      for (const inner of [e, ...e.querySelectorAll("*")])
        if (inner.scrollHeight > inner.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(inner).overflowY))
          wrong.push(`${name} has to be scrolled: ${inner.className} ${inner.scrollHeight} in ${inner.clientHeight}`);
    }
  }
  const names = Object.keys(boxes);
  for (const [i, one] of names.entries()) for (const other of names.slice(i + 1))
    for (const a of boxes[one]) for (const b of boxes[other])
      if (over(a, b) > 1) wrong.push(`${one} lies over ${other} by ${over(a, b).toFixed(0)}`);
  const laidOver = ".dfa-drawer, .dfa-popover, .dfa-question, .dfa-tip, [popover]";
  const hidden = (e) => !e.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    || e.closest(`.dfa-unseen, .dfa-state, option, style, title, ${laidOver}`);
  const texts = [];
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, around = node.parentElement;
    if (!node.data.trim() || hidden(around)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const lines = [...range.getClientRects()].filter(({ width, height }) => width && height);
    const area = seen(node);
    const by = Math.max(0, ...lines.map((box) => out(box, { ...area, top: area.top - 3, bottom: area.bottom + 3 })));
    if (by > 1) wrong.push(`"${node.data.trim()}" (${around.getAttribute("class")}) is cut off by ${by.toFixed(0)}`);
    texts.push({ node, around, lines });
  }
  for (const e of root.querySelectorAll("button, select, input, canvas, img, svg")) {
    const box = e.getBoundingClientRect();
    if (hidden(e) || !box.width || e.closest(".dfa-plot")) continue;
    const by = out(box, seen(e));
    if (by > 2)
      wrong.push(`${e.tagName} ${e.dataset.testid ?? e.getAttribute("class")} is cut off by ${by.toFixed(0)}`);
  }
  for (const [i, a] of texts.entries()) for (const b of texts.slice(i + 1)) {
    if (a.around.contains(b.around) || b.around.contains(a.around)) continue;
    if (a.around.closest("text") && a.around.closest("text") === b.around.closest("text")) continue;
    // A line's box is higher than its letters.
    const low = ({ left, right, top, bottom }) => {
      const by = (bottom - top) * 0.22;
      return { left: left + 1, right: right - 1, top: top + by, bottom: bottom - by };
    };
    if (a.lines.some((x) => b.lines.some((y) => over(low(x), low(y)) > 0)))
      wrong.push(`"${a.node.data.trim()}" lies over "${b.node.data.trim()}"`);
  }
  return wrong;
}"""


def wrong(page, without=()):
    """What is out of sight, over another or cut off, in words; ``without`` parts that this run has not."""
    return page.evaluate(LOOK, {name: selector for name, selector in PARTS.items() if name not in without})


def all_is_in_sight(page, where, without=(), seconds=15):
    """See that nothing is wrong, once the page has had time to settle."""
    end = time.monotonic() + seconds
    while found := wrong(page, without):
        assert time.monotonic() < end, "\n".join([where, *found[:20]])
        page.wait_for_timeout(100)
