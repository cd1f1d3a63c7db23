// Why a button cannot be pressed now: its act is locked for the class, or the kernel would refuse it as things stand.
import BUTTONS from "./buttons.json" with { type: "json" };

const before = new WeakMap(); // the title of what is blocked

/** Why what a button's or a control's name stands for cannot be done now, in words; "" where it can. */
export function reason({ lock = [], refused = {} }, name) {
  const act = BUTTONS[name]?.verb ?? name;
  const locked = [name, act].find((one) => lock.includes(one));
  return locked ? `${locked.replaceAll("_", " ")} is locked here` : (refused[act] ?? "");
}

/** Keep a button, box or menu from being used and say why as its title; without a reason it is free again. */
export function block(target, why) {
  if (why && !before.has(target)) before.set(target, target.title);
  target.disabled = Boolean(why);
  if (why) target.title = why;
  else if (before.has(target)) {
    target.title = before.get(target);
    before.delete(target);
  }
}
