// The desk: every control of the explorer. It shows what the kernel says (control_panel.py) and sends what the user does.
import "./desk.css";
import "./explorer.css";
import { Answers } from "./answers.js";
import { Ask } from "./ask.js";
import { Controls } from "./controls.js";
import { element } from "./element.js";
import { showPicture, watchWidth } from "./explorer.js";
import { NewRun } from "./form.js";
import { greet } from "./handshake.js";
import { KeysFold, listenForKeys } from "./keys.js";
import { Share } from "./share.js";
import { EventTable } from "./table.js";
import { isDark, watchTheme } from "./theme.js";
import { Toolbar } from "./toolbar.js";

const STILL_HERE_MS = 20000; // where nobody looks for long, the kernel pauses
const SOON_MS = 3000; // what is refused later has another reason than what was asked for last
const THEMES = ["light", "dark", "projector"];
let desks = 0;

class Desk {
  constructor(send) {
    this.send = (message) => {
      try {
        send(message);
      } catch (reason) {
        console.warn(reason); // a kernel that died takes no message: that no answer comes says so
      }
    };
    this.key = `dfa-desk-${(desks += 1)}-${Math.random().toString(36).slice(2, 8)}`;
    this.state = {};
    this.number = null; // of the last message; null while a snapshot is awaited
    this.saving = false;
    this.ask = new Ask();
    this.answers = new Answers(this.key, this.send);
    this.told = null; // which part says the error now
    this.toolbar = new Toolbar(this);
    this.controls = new Controls(this);
    this.keys = new KeysFold();
    this.parts = [this.toolbar, this.controls, new NewRun(this), new EventTable(this), new Share(this), this.keys];
    const column = this.parts.slice(1).map((part) => part.root);
    this.column = element("div", "dfa-column", { tabindex: "-1" }, ...column);
    this.toolbar.bar.after(this.answers.root);
    this.root = element("div", "dfa-desk dfa-waiting", { "data-testid": "dfa-desk" }, this.toolbar.root, this.column);
    this.silence = listenForKeys(this, (name) => (name === "keys" ? this.keys.toggle() : this.toolbar.press(name)));
  }

  /**
   * Send what the user did. What would drop lanes is asked about first, below `beside`; `then` is called once it is sent.
   * Where it is refused soon, the part `by` says why.
   */
  act(message, { beside = this.toolbar.bar, by, then } = {}) {
    const does = () => {
      this.asked = { by, at: performance.now() };
      this.send(this.answers.numbered(message));
      then?.();
    };
    if (this.ask.needed(message.do, this.state.lanes)) this.ask.put(message.do, this.state.lanes, beside, does);
    else does();
  }

  /** A file is made by the kernel and comes back in a message of its own. */
  save(kind) {
    this.saving = true;
    this.act({ do: "save", kind });
  }

  /** The settings in force in the chosen lane. */
  settings() {
    return this.state.settings ?? {};
  }

  /** One message: a snapshot, which replaces everything, the parts that changed, or a file to keep. */
  receive(message, buffers) {
    if (message.type === "file") return this.keep(message, buffers[0]);
    if (message.type === "snapshot") this.begin(message);
    else if (message.type !== "state" || this.number === null) return;
    else if (message.number !== this.number + 1) {
      this.number = null; // one was lost on the way
      this.send({ type: "hello" });
      return;
    }
    this.number = message.number;
    const changed = new Set([...Object.keys(message.state), ...message.gone]);
    Object.assign(this.state, message.state);
    for (const key of message.gone) delete this.state[key];
    if (message.type === "snapshot") for (const key of this.former) changed.add(key);
    this.update(changed);
    if (message.type === "snapshot") {
      this.dark = undefined; // a kernel that knows nothing yet is told anew
      this.tellPaper();
    }
  }

  begin() {
    this.former = Object.keys(this.state);
    this.state = {};
    this.root.classList.remove("dfa-waiting");
  }

  update(changed) {
    for (const theme of THEMES) this.root.classList.toggle(`dfa-theme-${theme}`, this.state.theme === theme);
    for (const part of this.parts) part.update(this.state, changed);
    this.ask.update(this.state);
    this.answers.hear(this.state.answered);
    if (changed.has("opened") && this.state.opened) showPicture(this.root);
    if (changed.has("error")) this.complain(this.state.error ?? "");
    this.keys.root.hidden = (this.state.hide ?? []).includes("keys");
  }

  /** An error is said once: beside the control that asked for what was refused, else under the toolbar. */
  complain(text) {
    this.told?.tell("");
    this.told = null;
    if (!text) return;
    const soon = this.asked && performance.now() - this.asked.at < SOON_MS;
    this.told = this.controls.asker() ?? (soon ? this.asked.by : null) ?? this.toolbar;
    this.told.tell(text);
    this.controls.refuse();
  }

  keep({ name, kind }, data) {
    if (!this.saving) return; // another page asked for it
    this.saving = false;
    const address = URL.createObjectURL(new Blob([data], { type: kind }));
    const link = element("a", "", { href: address, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  /** Tell the kernel whether the page is dark, where that has changed: it draws pictures. */
  tellPaper() {
    const dark = isDark(getComputedStyle(this.column).backgroundColor);
    if (dark !== this.dark) this.send({ type: "paper", dark: (this.dark = dark) });
  }

  destroy() {
    this.silence();
    this.answers.destroy();
    this.controls.destroy();
  }
}

/** What anywidget calls for each place the desk is shown in. */
function render({ model, el }) {
  const desk = new Desk((message) => model.send(message));
  const looking = () => document.visibilityState === "visible" && desk.number !== null && desk.send({ do: "watching" });
  const watching = setInterval(looking, STILL_HERE_MS);
  el.classList.add("dfa-desk-view");
  el.append(desk.root);
  const unwatch = watchWidth(el);
  let unwatchTheme = () => {};
  const watchPaper = requestAnimationFrame(() => {
    unwatchTheme = watchTheme(desk.root, () => desk.tellPaper());
  });
  const leave = greet(model, () => desk.number === null, (message, buffers) => desk.receive(message, buffers));
  return () => {
    leave();
    clearInterval(watching);
    unwatch();
    cancelAnimationFrame(watchPaper);
    unwatchTheme();
    desk.destroy();
  };
}

export default { render };
