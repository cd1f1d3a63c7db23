// Forking: the run goes on twice from this step, in the second lane with one thing changed.
import { reason } from "./blocks.js";
import { element } from "./element.js";
import { split } from "./choice.js";
import { read, written } from "./values.js";

export class Fork {
  constructor(desk, drawer) {
    this.desk = desk;
    this.drawer = drawer;
    const key = `${desk.key}-fork`;
    this.field = element("select", "dfa-menu", { id: `${key}-field`, "data-testid": "dfa-fork-field" });
    this.menu = element("select", "dfa-menu", {
      id: `${key}-menu`,
      "aria-label": "to",
      "data-testid": "dfa-fork-menu",
    });
    this.box = element("input", "dfa-box", {
      id: `${key}-box`,
      type: "text",
      "aria-label": "to",
      "data-testid": "dfa-fork-box",
    });
    this.go = element(
      "button",
      "dfa-button dfa-primary",
      { type: "submit", "data-testid": "dfa-do-fork-go" },
      "Fork here",
    );
    const label = element("label", "", { for: `${key}-field` }, "A second lane from this step, with");
    this.form = element(
      "form",
      "dfa-line",
      {},
      label,
      this.field,
      element("span", "", {}, "→"),
      this.menu,
      this.box,
      this.go,
    );
    this.field.addEventListener("change", () => this.offer());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    drawer.body.append(this.form);
    drawer.button.addEventListener("click", () => this.offer());
  }

  update(state, changed) {
    if (!["specs", "hide", "lock"].some((part) => changed.has(part))) return;
    const { specs = [], hide = [] } = state;
    this.specs = specs.filter((spec) => spec.live && !hide.includes(spec.field) && !reason(state, spec.field));
    const options = this.specs.map((spec) => element("option", "", { value: spec.field }, spec.label));
    this.field.replaceChildren(...options, element("option", "", { value: "" }, "nothing changed"));
    this.offer();
  }

  /** What the chosen field may become; first of all something else than it is. */
  offer() {
    const spec = (this.spec = this.specs?.find((one) => one.field === this.field.value));
    this.menu.hidden = spec?.kind !== "choice";
    this.box.hidden = !spec || spec.kind === "choice";
    if (!spec) return;
    const now = this.desk.settings()[spec.field];
    if (spec.kind === "choice") {
      const names = spec.choices.map((choice) => choice.name);
      const { name } = split(now, names);
      this.menu.replaceChildren(...names.map((one) => element("option", "", { value: one }, one)));
      this.menu.value = names.find((one) => one !== name) ?? names[0];
    } else this.box.value = written(now);
  }

  send() {
    const { spec } = this;
    const value = spec && (spec.kind === "choice" ? this.menu.value : read(this.box.value, spec));
    this.desk.act({ do: "fork", fields: spec ? { [spec.field]: value } : {} });
    this.drawer.leave();
  }
}
