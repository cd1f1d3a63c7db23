// The column of controls for live settings, in groups.
import { reason } from "./blocks.js";
import { Control } from "./control.js";
import { DerivativeEditor } from "./derivative.js";
import { element } from "./element.js";

const FOLDED = ["Measuring"];
const WELCOME = "Every control acts at the next step and leaves a marker; its ? says what it does.";
const DERIVATIVE = "activation_derivative";

export class Controls {
  constructor(desk) {
    this.desk = desk;
    this.controls = new Map();
    this.groups = element("div", "dfa-groups");
    const welcome = element("p", "dfa-note", {}, WELCOME);
    this.root = element("div", "dfa-controls", { "data-testid": "dfa-controls" }, welcome, this.groups);
  }

  update(state, changed) {
    if (changed.has("specs")) this.build(state.specs ?? []);
    const { settings = {} } = state;
    const moved = ["specs", "settings", "curves"].some((part) => changed.has(part));
    if (moved) {
      for (const [field, control] of this.controls) if (field in settings) control.receive(settings[field]);
    }
    if (this.editor && moved) {
      this.editor.root.hidden = !state.curves;
      if (state.curves) this.editor.show(state.curves, settings[DERIVATIVE]);
    }
    if (["specs", "hide", "lock"].some((part) => changed.has(part))) this.restrict(state);
  }

  /** The control whose change is not confirmed yet. */
  asker() {
    return [...this.controls.values()].find((control) => control.sent);
  }

  /** What is not confirmed was refused. */
  refuse() {
    this.controls.forEach((control) => control.refuse());
  }

  build(specs) {
    this.root.hidden = !specs.length;
    this.destroy();
    this.controls.clear();
    this.editor = null;
    const groups = new Map();
    const change = (field, value) => this.desk.act({ do: "change", fields: { [field]: value } });
    for (const spec of specs.filter((one) => one.live)) {
      const control = new Control(spec, { key: this.desk.key, change });
      this.controls.set(spec.field, control);
      if (!groups.has(spec.group)) groups.set(spec.group, []);
      groups.get(spec.group).push(control.root);
      if (spec.field === DERIVATIVE) {
        this.editor = new DerivativeEditor(control, `${this.desk.key}-derivative`);
        groups.get(spec.group).push(this.editor.root);
      }
    }
    this.groups.replaceChildren(...[...groups].map(([name, rows]) => group(name, rows)));
  }

  restrict(state) {
    const { hide = [] } = state;
    const why = (field) => reason(state, field) || reason(state, "change");
    for (const [field, control] of this.controls) {
      control.hide(hide.includes(field));
      control.lock(why(field));
    }
    this.editor?.lock(Boolean(why(DERIVATIVE)));
    if (hide.includes("curves") || hide.includes(DERIVATIVE)) this.editor?.root.remove();
    for (const one of this.groups.children) {
      one.hidden = [...one.querySelectorAll(".dfa-control")].every((control) => control.hidden);
    }
  }

  destroy() {
    this.controls.forEach((control) => control.destroy());
  }
}

function group(name, rows) {
  if (FOLDED.includes(name)) {
    return element("details", "dfa-group dfa-fold", {}, element("summary", "", {}, name), ...rows);
  }
  return element("section", "dfa-group", { "aria-label": name }, element("h3", "dfa-heading", {}, name), ...rows);
}
