// The row above the panels: which steps are in sight, logarithmic axes, and with several runs a key for each.
import { element, swatch } from "./element.js";
import { Menu } from "./menu.js";
import { WINDOWS } from "./view.js";
import { count } from "./words.js";

const ZOOMED = "zoomed";
let made = 0;

export class Head {
  /**
   * `act` has what the user can do: follow(last), zoom(null), logSteps(on), logValues(on), chooseLayers(choice),
   * chooseAngle(metric), showRun(place, on).
   */
  constructor(act) {
    this.act = act;
    this.keys = [];
    const id = `dfa-window-${(made += 1)}`;
    this.window = element("select", "dfa-chart-menu", { id, "data-testid": "dfa-window" });
    for (const last of WINDOWS) this.window.append(element("option", "", { value: String(last) }, last === null ? "whole run" : `last ${count(last)} steps`));
    this.zoomed = element("option", "", { value: ZOOMED, hidden: "", disabled: "" }, "zoomed");
    this.window.append(this.zoomed);
    this.window.addEventListener("change", () => act.follow(this.window.value === "null" ? null : Number(this.window.value)));
    this.wholeRun = element("button", "dfa-whole-run", { type: "button", hidden: "" }, "Show whole run");
    this.wholeRun.addEventListener("click", () => {
      const here = document.activeElement === this.wholeRun;
      act.follow(null);
      if (here) this.window.focus(); // the button is about to vanish
    });
    this.runs = element("div", "dfa-runs", { role: "group", "aria-label": "Runs", hidden: "" });
    const menu = element("span", "dfa-choice", {}, element("label", "", { for: id }, "Steps shown"), this.window);
    this.layers = new Menu("Layers", "dfa-layers", act.chooseLayers);
    this.angles = new Menu("Angles", "dfa-angles", (metric) => act.chooseAngle(metric || null));
    this.boxes = [
      this.box("log steps", "dfa-log-steps", "Logarithmic step axis in every panel", act.logSteps),
      this.box("log loss", "dfa-log-values", "Logarithmic loss axis", act.logValues),
    ];
    this.root = element(
      "div",
      "dfa-chart-head",
      { role: "group", "aria-label": "What the chart shows" },
      this.runs,
      menu,
      ...this.boxes,
      this.angles.root,
      this.layers.root,
      this.wholeRun,
    );
  }

  box(text, testId, title, switched) {
    const box = element("input", "", { type: "checkbox", "data-testid": testId });
    box.addEventListener("change", () => switched(box.checked));
    return element("label", "dfa-choice", { title }, box, text);
  }

  /** The axes are linear again. */
  uncheck() {
    for (const box of this.boxes) box.querySelector("input").checked = false;
  }

  /** Say what is in sight: which steps, and which of the layers' lines of so many runs. */
  show(view, layers, runs) {
    this.angles.show(layers.angles, layers.metric ?? "");
    this.layers.show(layers.choices, layers.choice(runs));
    const value = view.zoomed ? ZOOMED : String(view.last);
    this.zoomed.hidden = !view.zoomed;
    if (this.window.value !== value) this.window.value = value;
    this.wholeRun.hidden = !view.zoomed;
  }

  /** A key for each run, which hides it in every panel; `looks` are {name, colour, width, faint}, hidden a set of places. */
  build(looks, hidden) {
    this.runs.hidden = looks.length < 2;
    if (looks.length < 2) return;
    this.runs.replaceChildren(
      ...looks.map((look, place) => {
        const attributes = { type: "button", "aria-pressed": String(!hidden.has(place)), title: `Show or hide ${look.name} in every panel` };
        const button = element("button", "dfa-key dfa-run-key", attributes, swatch(look, 22), element("span", "dfa-key-name", {}, look.name));
        if (look.faint) button.append(element("span", "dfa-faint-run", {}, "pinned"));
        button.addEventListener("click", () => {
          const on = button.getAttribute("aria-pressed") !== "true";
          button.setAttribute("aria-pressed", String(on));
          this.act.showRun(place, on);
        });
        return button;
      }),
    );
  }
}
