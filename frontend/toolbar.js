// The toolbar: play, step, begin anew, take back, compare; how fast and how far; presets. Each button says its key.
// What the buttons say is told by the kernel's table of verbs (verb_table.py), from which buttons.json is made.
import { block, reason } from "./blocks.js";
import BUTTONS from "./buttons.json" with { type: "json" };
import { Drawer } from "./drawer.js";
import { element, setText } from "./element.js";
import { Fork } from "./fork.js";
import { Lanes } from "./lanes.js";
import { NumberInput } from "./number.js";
import { Phases } from "./phases.js";
import { Presets } from "./presets.js";

const SPEEDS = [1, 3, 10, 30, 100, 300, 1000];
const STEPS = [1, 10, 100];
/** The part of the state without which a button has nothing to do, and is not shown. */
const NEEDS = { presets: "presets", limit: "limit", stop_at: "stop_at", fork: "lanes", pin: "pins", slow: "phases" };

const title = (name) => BUTTONS[name].help + (BUTTONS[name].key ? ` (key: ${BUTTONS[name].key})` : "");

export class Toolbar {
  constructor(desk) {
    this.desk = desk;
    this.buttons = {};
    this.play = this.button("play", () => desk.act({ do: this.running ? "pause" : "play" }));
    this.play.classList.add("dfa-primary");
    const steps = STEPS.map((count) => this.stepper(count));
    const asker = (name) => this.button(name, () => desk.act({ do: name }));
    const drawers = (this.drawers = []);
    const fork = this.button("fork", () => {});
    const presets = this.button("presets", () => {});
    drawers.push(new Drawer(fork, `${desk.key}-drawer-fork`, "fork the run", drawers));
    drawers.push(new Drawer(presets, `${desk.key}-drawer-presets`, "presets", drawers));
    const groups = [
      [this.play],
      [this.part("step", element("span", "dfa-joined", { role: "group", "aria-label": "step" }, ...steps))],
      [asker("reset"), asker("new_seed")],
      [asker("undo"), fork, asker("pin")],
      [asker("slow")],
      [this.speed(), this.stopAt()],
      [presets],
    ];
    const rows = groups.map((parts) => element("span", "dfa-cluster", {}, ...parts));
    this.bar = element("div", "dfa-bar", { role: "group", "aria-label": "run" }, ...rows);
    this.error = element("p", "dfa-error", { role: "alert", "data-testid": "dfa-desk-error" });
    this.parts = [new Fork(desk, drawers[0]), new Presets(desk, drawers[1]), new Lanes(desk), new Phases()];
    const [, , lanes, phases] = this.parts;
    const open = drawers.map((drawer) => drawer.root);
    this.root = element(
      "div",
      "dfa-toolbar",
      { tabindex: "-1", "data-testid": "dfa-toolbar" },
      this.bar,
      ...open,
      lanes.root,
    );
    this.root.append(phases.root, this.error);
  }

  button(name, press) {
    const { text, key } = BUTTONS[name];
    const attributes = { type: "button", title: title(name), "data-testid": `dfa-do-${name}` };
    if (key) attributes["aria-keyshortcuts"] = { space: "Space", "→": "ArrowRight" }[key] ?? key;
    const made = element("button", "dfa-button", attributes, text);
    made.addEventListener("click", press);
    this.buttons[name] = made;
    return made;
  }

  stepper(count) {
    const made = this.button(`step_${count}`, () => this.desk.act({ do: "step", steps: count }));
    made.setAttribute("aria-label", `step ×${count}`);
    return made;
  }

  /** Anything that can be hidden or locked by name. */
  part(name, root) {
    this.buttons[name] = root;
    return root;
  }

  speed() {
    const id = `${this.desk.key}-limit`;
    this.limit = element("select", "dfa-menu", { id, title: "Steps a second, at most", "data-testid": "dfa-limit" });
    this.limit.addEventListener("change", () => {
      const value = this.limit.value === "" ? null : Number(this.limit.value);
      this.desk.act({ do: "limit", steps_per_s: value });
    });
    return this.part("limit", element("span", "dfa-pair", {}, element("label", "", { for: id }, "Speed"), this.limit));
  }

  stopAt() {
    const id = `${this.desk.key}-stop-at`;
    const what = { id, label: "stop at", kind: "integer", optional: true, placeholder: "never", testid: "dfa-stop-at" };
    this.stop = new NumberInput(what, (typed) => {
      const step = Number.isInteger(typed) && typed >= 0 ? typed : null;
      this.stop.show(step);
      this.desk.act({ do: "stop_at", step });
    });
    this.stop.box.title = "Pause at this step; empty: never";
    return this.part(
      "stop_at",
      element("span", "dfa-pair", {}, element("label", "", { for: id }, "Stop at"), this.stop.box),
    );
  }

  update(state, changed) {
    this.running = Boolean(state.running);
    const name = this.running ? "pause" : "play";
    setText(this.play, BUTTONS[name].text);
    this.play.dataset.testid = `dfa-do-${name}`;
    if (changed.has("running")) {
      block(this.play, "");
      this.play.title = title(name);
    }
    this.buttons.slow.setAttribute("aria-pressed", String(Boolean(state.phases)));
    if (changed.has("limit")) this.showLimit(state.limit ?? null);
    if (changed.has("stop_at")) this.stop.show(state.stop_at ?? null);
    this.parts.forEach((part) => part.update(state, changed));
    const bearing = ["hide", "lock", "refused", "running", ...Object.values(NEEDS)];
    if (bearing.some((part) => changed.has(part)) || !this.restricted)
      this.restrict(state);
  }

  /** An error that no control asked for; "" where there is none. */
  tell(text) {
    setText(this.error, text);
  }

  showLimit(limit) {
    const speeds = limit === null || SPEEDS.includes(limit) ? SPEEDS : [...SPEEDS, limit].sort((a, b) => a - b);
    const options = speeds.map((speed) =>
      element("option", "", { value: speed }, `${speed} step${speed === 1 ? "" : "s"}/s`),
    );
    this.limit.replaceChildren(...options, element("option", "", { value: "" }, "full"));
    this.limit.value = limit === null ? "" : String(limit);
  }

  restrict(state) {
    this.restricted = true;
    const { hide = [] } = state;
    for (const [name, part] of Object.entries(this.buttons)) {
      const needs = NEEDS[name];
      part.hidden = hide.includes(name) || Boolean(needs && !(needs in state));
      const why = reason(state, name === "play" && this.running ? "pause" : name);
      // The buttons inside a part have names of their own.
      for (const one of part.matches("button") ? [part] : part.querySelectorAll("select, input")) block(one, why);
    }
    for (const drawer of this.drawers) if (drawer.button.disabled) drawer.open(false);
    for (const one of this.bar.children) one.hidden = [...one.children].every((part) => part.hidden);
  }

  /** What a key does: what its button does, if that is there and free. */
  press(name) {
    const button = this.buttons[name];
    if (button && !button.disabled && !button.closest("[hidden]")) button.click();
  }
}
