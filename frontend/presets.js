// The presets, one button each: its title, and what it shows.
import { element } from "./element.js";

export class Presets {
  constructor(desk, drawer) {
    this.desk = desk;
    this.drawer = drawer;
    this.list = element("div", "dfa-cards");
    drawer.body.append(this.list);
  }

  update({ presets = [] }, changed) {
    if (!changed.has("presets")) return;
    const cards = presets.map(({ name, title, about }) => {
      const words = [element("strong", "", {}, title || name), element("span", "", {}, about ?? "")];
      const card = element("button", "dfa-card", { type: "button", "data-testid": `dfa-preset-${name}` }, ...words);
      card.addEventListener("click", () => {
        this.desk.act({ do: "preset", name });
        this.drawer.leave();
      });
      return card;
    });
    this.list.replaceChildren(...cards);
  }
}
