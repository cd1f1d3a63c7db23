// The menu behind "more": what has no room in the line.

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { useOwnId } from "../../shared/own_id.ts";

export function More({ children }: { children: ComponentChildren }) {
  const id = useOwnId();
  const opener = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const place = (list: HTMLElement) => {
    const { right, bottom } = (opener.current as HTMLElement).getBoundingClientRect();
    list.style.right = `${Math.max(4, document.documentElement.clientWidth - right)}px`;
    list.style.top = `${bottom + 2}px`;
  };
  return (
    <>
      <button
        ref={opener}
        type="button"
        class="dfa-button dfa-quiet"
        aria-expanded={open}
        data-testid="dfa-do-more"
        popovertarget={id}
      >
        more
      </button>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: what is pressed in it are buttons */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: a key on a button is a click */}
      <div
        id={id}
        class="dfa-more-menu"
        popover="auto"
        onBeforeToggle={({ newState, currentTarget }) => {
          if (newState === "open") place(currentTarget);
          setOpen(newState === "open");
        }}
        onClick={(event) => event.currentTarget.hidePopover()}
      >
        {children}
      </div>
    </>
  );
}
