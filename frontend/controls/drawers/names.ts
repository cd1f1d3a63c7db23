// The drawers: what each is called, on its button and over it, and whether there is anything in it.
import { BUTTONS, type PanelState } from "../../shared/messages.ts";
import { reason } from "../reasons.ts";

export interface DrawerName {
  name: string;
  /** On the button that opens it; "" for one that something else opens. */
  button: string;
  title: string;
  help: string;
  testid: string;
}

const drawer = (name: string, button: string, title: string, help: string): DrawerName => ({
  name,
  button,
  title,
  help,
  testid: name === "stories" ? "dfa-do-presets" : `dfa-open-${name}`,
});

export const DRAWERS: DrawerName[] = [
  drawer("stories", "stories", "Stories", BUTTONS.presets.help),
  drawer("settings", "settings", "More settings", "All other settings, and a new run on other data or layers"),
  drawer("compare", "compare", "Compare", "A second run from this step, pinned curves, all runs beside each other"),
  drawer("pictures", "pictures", "Pictures", "Weights, feedback, what is got wrong: drawn as they are now"),
  drawer("events", "events", "Events", "All changes, by step"),
  drawer("share", "share", "Share", "The run as a text, a script or a file, and the runs of others"),
  drawer("keys", "keys", "Keys", "What the keyboard does (key: ?)"),
  drawer("phases", "phases", "One step in its phases", "What the next step does, in four phases"),
  drawer("derivative", "", "Derivative", ""),
];

/** Whether there is anything in the drawer, and nobody hid it. */
export function isOffered(state: PanelState, name: string): boolean {
  const { hide = [], lanes = [] } = state;
  if (name === "stories") return !hide.includes("presets") && Boolean(state.presets?.length);
  if (name === "compare") return !(hide.includes("fork") && hide.includes("pin")) && state.lanes !== undefined;
  if (name === "share") return !hide.includes("share") && ("share" in state || "script" in state);
  if (name === "events") return !hide.includes("events") && state.events !== undefined;
  if (name === "phases") return !hide.includes("phases") && Boolean(state.phases?.length);
  if (name === "derivative") return !hide.includes("curves") && state.curves !== undefined;
  if (name === "settings") return Boolean(state.specs?.length) || lanes.length > 0;
  return !hide.includes(name);
}

/** Why the drawer stays shut: what is in it is locked. "" where it opens. */
export const shutBecause = (state: PanelState, name: string): string =>
  name === "stories" ? reason(state, "presets") : "";
