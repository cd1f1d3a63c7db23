// What a control is and takes, whole: a button shows it over the page, and a screen reader hears it with the control.
import { useRef, useState } from "preact/hooks";

const WIDTH = 320;
const APART = 4;

interface Props {
  /** What the control is described by. */
  id: string;
  label: string;
  text: string;
  testid: string;
}

export function Help({ id, label, text, testid }: Props) {
  const [open, setOpen] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  /** Beside its button, wherever that is: what is shown so is cut off by nothing around it. */
  const place = (box: HTMLElement) => {
    const { left, top, bottom } = (opener.current as HTMLElement).getBoundingClientRect();
    const above = bottom > window.innerHeight * 0.65;
    box.style.left = `${Math.max(APART, Math.min(left, window.innerWidth - WIDTH - APART))}px`;
    box.style.top = above ? "auto" : `${bottom + APART}px`;
    box.style.bottom = above ? `${window.innerHeight - top + APART}px` : "auto";
  };
  return (
    <>
      <button
        ref={opener}
        type="button"
        class="dfa-ask-help"
        aria-label={`help: ${label}`}
        aria-expanded={open}
        title={text}
        data-testid={testid}
        popovertarget={id}
      >
        ?
      </button>
      <p
        id={id}
        class="dfa-help"
        popover="auto"
        onBeforeToggle={({ newState, currentTarget }) => {
          if (newState === "open") place(currentTarget);
          setOpen(newState === "open");
        }}
      >
        {text}
      </p>
    </>
  );
}
