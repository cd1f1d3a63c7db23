// Keeping and sharing: the run as a short text and as a script, what was shared by others, and files.
import { block, reason } from "./blocks.js";
import { element, setText } from "./element.js";

const FILES = [
  ["csv", "CSV", "Every value measured, one row each"],
  ["png", "PNG", "The pictures as they are now"],
  ["html", "Report", "One HTML file that opens without a kernel"],
  ["script", "Script", "A Python script that makes the run again, to the last bit"],
  ["json", "JSON", "The session: settings, changes, steps"],
];

export class Share {
  constructor(desk) {
    this.desk = desk;
    const key = `${desk.key}-share`;
    this.text = this.shown(`${key}-text`, "dfa-share-text", 2);
    this.script = this.shown(`${key}-script`, "dfa-share-script", 6);
    const attributes = { id: `${key}-load`, rows: 2, spellcheck: "false", "data-testid": "dfa-load-text" };
    this.given = element("textarea", "dfa-box", { ...attributes, placeholder: "dfa1.… or JSON" });
    this.load = this.button("load", "Load", "Make ready the run that this text describes", () => {
      const text = this.given.value.trim();
      if (text) desk.act({ do: "load", text }, { beside: this.given, by: this });
    });
    this.renew = this.button("share", "Renew", "The texts of the run as it is now", () => desk.act({ do: "share" }));
    this.files = FILES.map(([kind, text, title]) => this.button(`save-${kind}`, text, title, () => desk.save(kind)));
    const label = (id, text) => element("label", "", { for: id }, text);
    this.ours = element("div", "dfa-stack", {}, label(`${key}-text`, "This run as a text"), this.text);
    this.ours.append(element("div", "dfa-line", {}, this.copier(this.text, "text"), this.renew));
    this.code = element("div", "dfa-stack", {}, label(`${key}-script`, "and as a Python script"), this.script);
    this.code.append(element("div", "dfa-line", {}, this.copier(this.script, "script")));
    this.theirs = element(
      "div",
      "dfa-stack",
      {},
      label(attributes.id, "A text or JSON from somebody else"),
      this.given,
    );
    this.refused = element("p", "dfa-error", { role: "alert", "data-testid": "dfa-load-refused" });
    this.theirs.append(element("div", "dfa-line", {}, this.load), this.refused);
    const save = element(
      "div",
      "dfa-line",
      { role: "group", "aria-label": "save" },
      element("span", "", {}, "Save"),
      ...this.files,
    );
    this.said = element("span", "dfa-note", { role: "status" });
    const summary = element("summary", "", {}, "Share");
    this.scope = element("p", "dfa-note", {}, "Texts, script, JSON and PNG are of the lane chosen above; CSV and report of all lanes.");
    const parts = [this.scope, this.ours, this.theirs, this.code, save, this.said];
    this.root = element(
      "details",
      "dfa-fold",
      { "data-testid": "dfa-share" },
      summary,
      element("div", "dfa-sharing", {}, ...parts),
    );
    this.root.addEventListener("toggle", () => this.root.open && !this.renew.disabled && desk.act({ do: "share" }));
  }

  shown(id, testid, rows) {
    return element("textarea", "dfa-box", { id, rows, readonly: "", spellcheck: "false", "data-testid": testid });
  }

  button(name, text, title, press) {
    const made = element("button", "dfa-button", { type: "button", title, "data-testid": `dfa-do-${name}` }, text);
    made.addEventListener("click", press);
    return made;
  }

  copier(source, name) {
    return this.button(`copy-${name}`, "Copy", "Copy it to the clipboard", async () => {
      source.select();
      try {
        await navigator.clipboard.writeText(source.value);
      } catch {
        document.execCommand("copy"); // a page without https has no clipboard of the newer kind
      }
      this.said.textContent = `${name} copied`;
    });
  }

  update(state, changed) {
    const { hide = [] } = state;
    if (changed.has("share")) this.text.value = state.share ?? "";
    if (changed.has("script")) this.script.value = state.script ?? "";
    this.code.hidden = !state.script;
    this.scope.hidden = (state.lanes?.length ?? 1) < 2;
    this.root.hidden = (!("share" in state) && !("script" in state)) || hide.includes("share");
    this.theirs.hidden = hide.includes("load");
    for (const one of [this.given, this.load]) block(one, reason(state, "load"));
    block(this.renew, reason(state, "share"));
    FILES.forEach(([kind], i) => {
      this.files[i].hidden = hide.includes(`save_${kind}`);
      block(this.files[i], reason(state, `save_${kind}`));
    });
  }

  /** Why what was given could not be loaded; "" where nothing is to be said. */
  tell(text) {
    setText(this.refused, text);
  }
}
