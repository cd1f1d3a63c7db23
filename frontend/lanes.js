// The lanes that run side by side, and the runs pinned behind them: one chip each.
import { block, reason } from "./blocks.js";
import { element } from "./element.js";

export class Lanes {
  constructor(desk) {
    this.desk = desk;
    this.root = element("div", "dfa-lanes", {
      role: "group",
      "aria-label": "lanes and pinned runs",
      "data-testid": "dfa-lanes",
    });
  }

  update(state, changed) {
    if (!["lanes", "lane", "pins", "hide", "lock"].some((part) => changed.has(part))) return;
    const { lanes = [], lane = 0, pins = [], hide = [], lock = [] } = state;
    this.state = state;
    const several = lanes.length > 1 && !hide.includes("lanes");
    const said = several && lanes.map(({ name, colour, number }) => [name, colour, number]);
    const names = JSON.stringify([said, lane, pins, hide, lock]);
    if (names === this.names) return; // the focus stays where it is
    this.names = names;
    const held = this.root.contains(document.activeElement) ? document.activeElement.dataset.testid : null;
    const chips = several ? lanes.map((one, place) => this.chip(one, place, place === lane)) : [];
    const words = several ? [element("span", "dfa-lanes-words", {}, "Controls act on")] : [];
    const kept = hide.includes("pin") ? [] : pins.map((name) => this.pin(name));
    this.root.replaceChildren(...words, ...chips, ...kept);
    this.root.hidden = !this.root.childElementCount;
    if (held) this.root.querySelector(`[data-testid="${CSS.escape(held)}"]`)?.focus();
  }

  /** A lane is asked for by its own number: its place may be another's by the time the kernel hears of it. */
  chip({ name, colour, number }, place, chosen) {
    const swatch = element("span", "dfa-lane-swatch", { "aria-hidden": "true" });
    if (/^#[0-9a-f]{3,8}$/i.test(colour ?? "")) swatch.style.background = colour;
    const attributes = { type: "button", "aria-pressed": String(chosen), "data-testid": `dfa-lane-${place}` };
    const text = element("span", "", {}, name || `lane ${place + 1}`);
    const select = element("button", "dfa-chip-main", attributes, swatch, text);
    block(select, reason(this.state, "select"));
    select.addEventListener("click", () => this.desk.act({ do: "select", lane: number }));
    const parts = [select];
    if (place) parts.push(this.cross(`drop lane ${name}`, `dfa-drop-${place}`, { do: "drop", lane: number }));
    return element("span", `dfa-chip${chosen ? " dfa-chosen" : ""}`, {}, ...parts);
  }

  pin(name) {
    const text = element("span", "dfa-chip-main", {}, `pinned: ${name}`);
    return element(
      "span",
      "dfa-chip dfa-pinned",
      {},
      text,
      this.cross(`unpin ${name}`, "dfa-do-unpin", { do: "unpin", name }),
    );
  }

  cross(label, testid, message) {
    const made = element(
      "button",
      "dfa-cross",
      { type: "button", "aria-label": label, title: label, "data-testid": testid },
      "✕",
    );
    block(made, reason(this.state, message.do));
    made.addEventListener("click", () => this.desk.act(message));
    return made;
  }
}
