// The box around a widget: its theme, and whether the kernel answers.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { keepPlainKeys } from "../shared/keys.ts";
import { useLab } from "../shared/lab.tsx";
import { isOnDarkHost, watchTheme } from "../shared/theme.ts";
import { useStore } from "../shared/use_store.ts";
import { NoAnswer } from "./NoAnswer.tsx";

/** Parts that, unlike the rest, have no place of their own for what the kernel refuses: where they stand alone, it is said above them. */
const SAYS_NOTHING = ["network", "picture"];

export function Root({ name, children }: { name: string; children: ComponentChildren }) {
  const lab = useLab();
  const theme = useStore(lab.panel, (state) => state.theme) ?? String(lab.options.theme ?? "auto");
  const silent = useStore(lab.page, (state) => state.silent);
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
      {refused && SAYS_NOTHING.includes(name) && (
        <p class="dfa-error" role="alert" data-testid="dfa-desk-error">
          {refused}
        </p>
      )}
      {children}
      {name !== "explorer" && <NoAnswer />}
    </div>
  );
}
