// A new run: what only a run from the beginning can take, gathered and started by one button.
import { block, reason } from "./blocks.js";
import { Control } from "./control.js";
import { element, setText } from "./element.js";
import { same } from "./values.js";

export class NewRun {
  constructor(desk) {
    this.desk = desk;
    this.controls = new Map();
    this.draft = {};
    this.rows = element("div", "dfa-rows");
    this.start = element(
      "button",
      "dfa-button dfa-primary",
      { type: "submit", "data-testid": "dfa-do-new-run" },
      "Start new run",
    );
    this.note = element("span", "dfa-note");
    const form = element("form", "", {}, this.rows);
    this.refused = element("p", "dfa-error", { role: "alert", "data-testid": "dfa-new-run-refused" });
    this.line = element("div", "dfa-line", {}, this.start, this.note);
    form.append(this.line, this.refused);
    this.root = element(
      "details",
      "dfa-fold",
      { "data-testid": "dfa-new-run" },
      element("summary", "", {}, "New run"),
      form,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      // The draft is kept until it is in force: what is refused can be mended.
      desk.act({ do: "new_run", fields: this.draft }, { beside: this.line, by: this });
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input")) event.preventDefault(); // only the button starts anew
    });
  }

  update(state, changed) {
    if (changed.has("specs")) this.build(state.specs ?? []);
    if (changed.has("settings") || changed.has("specs")) {
      for (const [field, control] of this.controls) {
        const value = state.settings?.[field];
        if (!same(value, control.value)) delete this.draft[field];
        if (!(field in this.draft)) control.receive(value);
      }
      this.count();
    }
    const { hide = [] } = state;
    for (const [field, control] of this.controls) {
      control.hide(hide.includes(field));
      control.lock(reason(state, field) || reason(state, "new_run"));
    }
    block(this.start, reason(state, "new_run"));
    this.root.hidden = !this.controls.size || hide.includes("new_run");
  }

  /** Why the new run was refused; "" where nothing is to be said. */
  tell(text) {
    setText(this.refused, text);
  }

  build(specs) {
    const change = (field, value) => {
      if (same(value, this.controls.get(field).value)) delete this.draft[field];
      else this.draft[field] = value;
      this.count();
    };
    this.controls.clear();
    for (const spec of specs.filter((one) => !one.live)) {
      this.controls.set(spec.field, new Control(spec, { key: `${this.desk.key}-new`, change, draft: true }));
    }
    this.rows.replaceChildren(...[...this.controls.values()].map((control) => control.root));
  }

  /** Say which fields differ from the run in force. */
  count() {
    const fields = Object.keys(this.draft);
    for (const [field, control] of this.controls) {
      control.root.classList.toggle("dfa-drafted", fields.includes(field));
      control.mark.textContent = fields.includes(field) ? "*" : "";
    }
    const words = fields.map((field) => field.replaceAll("_", " ")).join(", ");
    this.note.textContent = fields.length ? `* changed: ${words}` : "begins at step 0; live settings stay";
  }
}
