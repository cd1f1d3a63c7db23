// Keeping and sharing: the run as a short text and as a script, what was shared by others, and files.
import { block, reason } from "./blocks.js";
import BUTTONS from "./buttons.json" with { type: "json" };
import { element, setText } from "./element.js";

/** The kinds of file, as their buttons `save_…` say. */
const FILES = Object.keys(BUTTONS).flatMap((name) => (BUTTONS[name].verb === "save" ? [name.slice("save_".length)] : []));

export class Share {
  constructor(desk) {
    this.desk = desk;
    const key = `${desk.key}-share`;
    this.text = this.shown(`${key}-text`, "dfa-share-text", 2);
    this.script = this.shown(`${key}-script`, "dfa-share-script", 6);
    const attributes = { id: `${key}-load`, rows: 2, spellcheck: "false", "data-testid": "dfa-load-text" };
    this.given = element("textarea", "dfa-box", { ...attributes, placeholder: "dfa1.… or JSON" });
    this.load = this.asker("load", () => {
      const text = this.given.value.trim();
      if (text) desk.act({ do: "load", text }, { beside: this.given, by: this });
    });
    this.renew = this.asker("share", () => desk.act({ do: "share" }));
    this.files = FILES.map((kind) => this.asker(`save_${kind}`, () => desk.save(kind)));
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

  /** A button of the kernel's table. */
  asker(name, press) {
    return this.button(name.replace("_", "-"), BUTTONS[name].text, BUTTONS[name].help, press);
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
    FILES.forEach((kind, i) => {
      this.files[i].hidden = hide.includes(`save_${kind}`);
      block(this.files[i], reason(state, `save_${kind}`));
    });
  }

  /** Why what was given could not be loaded; "" where nothing is to be said. */
  tell(text) {
    setText(this.refused, text);
  }
}
