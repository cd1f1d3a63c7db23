// A choice from a registry: a menu, and below it what the chosen one may be set to beside its name.
import { Dial } from "./dial.js";
import { element } from "./element.js";
import { NumberInput } from "./number.js";
import { same, shown } from "./values.js";

const OWN = "\u0000own"; // the option for a value that no registry names: a text, points, one for each replica

/** The name and the parameters of a choice; no name where it is none of the registered ones. */
export function split(value, names) {
  const bare = typeof value === "string" ? value : value && !Array.isArray(value) ? value.name : null;
  const { name: _, ...parameters } = value && typeof value === "object" && !Array.isArray(value) ? value : {};
  return { name: names.includes(bare) ? bare : null, parameters };
}

export class ChoiceInput {
  constructor(what, commit) {
    this.what = what;
    this.commit = commit;
    this.names = what.choices.map((choice) => choice.name);
    const attributes = { id: what.id, "aria-describedby": what.describedBy, "data-testid": what.testid };
    this.menu = element("select", "dfa-menu", attributes);
    for (const { name, about } of what.choices) {
      // Points are drawn, not chosen: the derivative's editor makes them, and the menu names them once they are there.
      if (what.free && name === "points") continue;
      this.menu.append(element("option", "", { value: name, title: about }, name));
    }
    this.own = element("option", "", { value: OWN });
    this.menu.addEventListener("change", () => this.menu.value !== OWN && this.commit(this.menu.value));
    this.parameters = element("div", "dfa-parameters");
    this.inputs = new Map();
    this.parts = [this.menu];
    this.below = [this.parameters];
  }

  /** What is said of the choice that is shown. */
  get about() {
    return this.what.choices.find((choice) => choice.name === this.name)?.about ?? "";
  }

  show(value) {
    this.value = value;
    const { name, parameters } = split(value, this.names);
    const listed = name !== null && !(this.what.free && name === "points");
    if (listed) this.own.remove();
    else {
      this.own.textContent = name === "points" ? "drawn by hand" : shown(value);
      this.menu.append(this.own);
    }
    const chosen = listed ? name : OWN;
    if (this.menu.value !== chosen) this.menu.value = chosen;
    if (this.name !== name) this.rebuild(name);
    for (const [key, { input, preset }] of this.inputs) input.show(parameters[key] ?? preset);
  }

  /** Inputs for the parameters of another choice. */
  rebuild(name) {
    this.name = name;
    this.inputs.clear();
    const rows = (this.what.choices.find((choice) => choice.name === name)?.parameters ?? []).map((parameter) => {
      const id = `${this.what.id}-${parameter.name}`;
      const { low, high } = parameter;
      const slider = low !== null && high !== null ? [low, high, "linear"] : null;
      const round = parameter.name === "angle" && slider;
      const what = {
        ...parameter,
        id,
        slider,
        label: `${this.what.label} ${parameter.name}`,
        testid: `${this.what.testid}-${parameter.name}`,
      };
      const commit = (set) => this.set(parameter.name, set);
      const input = round ? new Dial(what, commit) : new NumberInput(what, commit);
      input.lock(this.locked ?? false);
      this.inputs.set(parameter.name, { input, preset: parameter.default });
      const label = element("label", "dfa-label", { for: id }, parameter.name.replaceAll("_", " "));
      return element("div", `dfa-row${round ? " dfa-round" : slider ? "" : " dfa-wide"}`, {}, label, ...input.parts);
    });
    this.parameters.replaceChildren(...rows);
  }

  /** One parameter set, the others as they are shown. */
  set(parameter, value) {
    const entries = [...this.inputs].map(([key, { input }]) => [key, key === parameter ? value : input.value]);
    const choice = { name: this.name, ...Object.fromEntries(entries) };
    if (!same(choice, this.value)) this.commit(choice);
  }

  lock(locked) {
    this.locked = locked;
    this.menu.disabled = locked;
    for (const { input } of this.inputs.values()) input.lock(locked);
  }
}
