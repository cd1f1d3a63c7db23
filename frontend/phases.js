// One step in slow motion: its phases side by side, each with its equation and its numbers in words.
import { element } from "./element.js";

export class Phases {
  constructor() {
    this.root = element("ol", "dfa-phases", {
      "aria-label": "phases of the next step",
      "data-testid": "dfa-phases",
      hidden: "",
    });
  }

  update({ phases, hide = [] }, changed) {
    if (!changed.has("phases") && !changed.has("hide")) return;
    this.root.hidden = !phases?.length || hide.includes("phases");
    const cards = (phases ?? []).map(({ name, equation, words }, i) =>
      element(
        "li",
        "dfa-phase",
        {},
        element("strong", "", {}, `${i + 1} ${name}`),
        element("code", "dfa-equation", {}, equation ?? ""),
        element("span", "", {}, words ?? ""),
      ),
    );
    this.root.replaceChildren(...cards);
  }
}
