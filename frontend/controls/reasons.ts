// Why something cannot be used now or was refused, how that is said, and where.
import { BUTTONS, type PanelState } from "../shared/messages.ts";

/** The five knobs, which are always there. */
export const KNOBS = ["rule", "feedback_init", "activation_derivative", "batch_size", "lr"];

/** Why what a button's or a control's name stands for cannot be done now, in words; "" where it can. */
export function reason({ lock = [], refused = {}, specs = [] }: PanelState, name: string): string {
  const act = BUTTONS[name]?.verb ?? name;
  const locked = [name, act].find((one) => lock.includes(one));
  if (!locked) return refused[act] ?? "";
  const label = specs.find(({ field }) => field === locked)?.label ?? locked.replaceAll("_", " ");
  return `${label} is locked here`;
}

/** The attributes of a button, box or menu that cannot be used because of `why`, "" where it can. */
export function blocked(why: string, title = ""): Record<string, unknown> {
  return why ? { disabled: true, title: why, "aria-description": why } : { title };
}

/** What a button of the kernel's table says of itself, with its key. */
export function buttonTitle(name: string): string {
  const { help, key } = BUTTONS[name];
  return help + (key ? ` (key: ${key})` : "");
}

/** Which drawer says why what `by` asked for was refused: "" for a knob, which is always there; null for none. */
export function sayingDrawer({ specs = [] }: PanelState, by: string): string | null {
  if (by === "fork") return "compare";
  if (by === "new_run") return "settings";
  if (by === "load" || by.startsWith("save_")) return "share";
  if (!specs.some(({ field }) => field === by)) return null;
  return KNOBS.includes(by) ? "" : "settings";
}
