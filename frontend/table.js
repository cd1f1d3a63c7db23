// The event log as a table, newest first; a row's button shows that step in the pictures.
import { block, reason } from "./blocks.js";
import { element } from "./element.js";

const STEP = new Intl.NumberFormat("en");

export class EventTable {
  constructor(desk) {
    this.desk = desk;
    this.count = element("span", "dfa-count");
    this.body = element("tbody");
    const heads = ["step", "change"].map((name) => element("th", "", { scope: "col" }, name));
    const table = element("table", "", {}, element("thead", "", {}, element("tr", "", {}, ...heads)), this.body);
    const scroll = { tabindex: "0", role: "region", "aria-label": "events, newest first" };
    this.empty = element("p", "dfa-note", {}, "Nothing was changed yet.");
    this.frame = element("div", "dfa-scroll", scroll, table);
    const summary = element("summary", "", {}, "Events ", this.count);
    this.root = element("details", "dfa-fold", { "data-testid": "dfa-events" }, summary, this.empty, this.frame);
  }

  update(state, changed) {
    if (!["events", "hide", "lock"].some((part) => changed.has(part))) return;
    this.why = reason(state, "focus");
    const events = state.events ?? [];
    this.root.hidden = !state.events || (state.hide ?? []).includes("events");
    this.count.textContent = events.length ? `(${events.length})` : "";
    this.empty.hidden = events.length > 0;
    this.frame.hidden = !events.length;
    const held = this.body.contains(document.activeElement) ? document.activeElement.dataset.event : null;
    this.body.replaceChildren(...events.map((event, number) => this.row(event, number)).reverse());
    if (held !== null) this.body.querySelector(`[data-event="${held}"]`)?.focus();
  }

  row({ step, text }, number) {
    const jump = { type: "button", "data-event": number, title: "Show this step in the pictures" };
    const go = element(
      "button",
      "dfa-link",
      { ...jump, "aria-label": `show step ${STEP.format(step)}` },
      STEP.format(step),
    );
    const row = element(
      "tr",
      "",
      { "data-testid": `dfa-event-${number}` },
      element("td", "", {}, go),
      element("td", "", {}, text),
    );
    block(go, this.why);
    if (!this.why) row.addEventListener("click", () => this.lead(step));
    return row;
  }

  /** To a step of the curves, and to the curves themselves where they are out of sight. */
  lead(step) {
    this.desk.act({ do: "focus", step });
    const curves = this.desk.root.closest(".dfa-explorer")?.querySelector(".dfa-grid");
    curves?.scrollIntoView({ block: "nearest" });
  }
}
