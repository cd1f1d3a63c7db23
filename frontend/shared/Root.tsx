// The box around a widget: its theme, and whether the kernel answers.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { keepPlainKeys } from "./keys.ts";
import { useLab } from "./lab.tsx";
import { isOnDarkHost, watchTheme } from "./theme.ts";
import { useStore } from "./use_store.ts";

const SILENT =
  "The kernel does not answer. If it was restarted or died, run this cell again (a page of its own: load it again). If a cell is running, what you did takes effect when it ends.";

/** The same where the runs were saved: what to run in place of the cell, which would begin anew. */
function silentButSaved(restore: string) {
  return (
    <>
      The kernel does not answer. If it was restarted or died, run <code>import dfa_lab as dfa; {restore}</code> in a
      new cell to go on from the last save. If a cell is running, what you did takes effect when it ends.
    </>
  );
}

/** Parts that, unlike the rest, have no place of their own for what the kernel refuses: where they stand alone, it is said above them. */
const SAYS_NOTHING = ["network", "picture"];

export function Root({ name, children }: { name: string; children: ComponentChildren }) {
  const lab = useLab();
  const theme = useStore(lab.panel, (state) => state.theme) ?? String(lab.options.theme ?? "auto");
  const silent = useStore(lab.page, (state) => state.silent);
  const restore = useStore(lab.panel, (state) => state.restore);
  const refused = useStore(lab.page, ({ refusal }) => refusal.text);
  const box = useRef<HTMLDivElement>(null);
  const [darkHost, setDarkHost] = useState(false);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => {
      setDarkHost(isOnDarkHost(element));
      lab.tellDark();
    };
    look();
    return watchTheme(element, look);
  }, [lab]);
  useLayoutEffect(() => lab.tellDark(), [lab, theme, darkHost]);
  useLayoutEffect(() => (box.current ? keepPlainKeys(box.current) : undefined), []);
  const classes = [
    "dfa-root",
    `dfa-${name}`,
    `dfa-theme-${theme}`,
    darkHost ? "dfa-dark-host" : "",
    silent ? "dfa-silent" : "",
  ];
  return (
    <div ref={box} class={classes.join(" ")} data-testid={`dfa-${name}`}>
      {silent && (
        <p class="dfa-error dfa-no-answer" role="alert" data-testid="dfa-no-answer">
          {restore ? silentButSaved(restore) : SILENT}
        </p>
      )}
      {refused && SAYS_NOTHING.includes(name) && (
        <p class="dfa-error" role="alert" data-testid="dfa-desk-error">
          {refused}
        </p>
      )}
      {children}
    </div>
  );
}
