// A button of the kernel's table of verbs: its text, help and key, and why it cannot be pressed now.
import type { ComponentChildren } from "preact";
import { useLab } from "../shared/lab.tsx";
import { BUTTONS } from "../shared/messages.ts";
import { useStore } from "../shared/use_store.ts";
import { shortcut } from "./keys.ts";
import { blocked, buttonTitle, reason } from "./reasons.ts";

interface Props {
  /** The name in the table, which is also what `hide` and `lock` know. */
  name: string;
  press: () => void;
  className?: string;
  label?: string;
  pressed?: boolean;
  testid?: string;
  /** What stands on it in place of the table's text. */
  children?: ComponentChildren;
}

export function ActButton({ name, press, className = "", label, pressed, testid, children }: Props) {
  const lab = useLab();
  const hidden = useStore(lab.panel, ({ hide = [] }) => hide.includes(name));
  const why = useStore(lab.panel, (state) => reason(state, name));
  if (hidden) return null;
  const { text, key } = BUTTONS[name];
  return (
    <button
      type="button"
      class={`dfa-button ${className}`}
      aria-label={label}
      aria-pressed={pressed}
      aria-keyshortcuts={shortcut(key)}
      data-testid={testid ?? `dfa-do-${name}`}
      {...blocked(why, buttonTitle(name))}
      onClick={press}
    >
      {children ?? text}
    </button>
  );
}
