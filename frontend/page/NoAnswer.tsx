// What is said while the kernel does not answer: why that may be, and what to run or do, ready to be copied.
import "./page.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { copy } from "../shared/clipboard.ts";
import { useLab } from "../shared/lab.tsx";
import { useStore } from "../shared/use_store.ts";

const BUSY = "If a cell is running, what you did takes effect when it ends.";

function Command({ text }: { text: string }) {
  const code = useRef<HTMLElement>(null);
  const [copied, setCopied] = useState(false);
  return (
    <span class="dfa-command">
      <code ref={code} data-testid="dfa-restore-command">
        {text}
      </code>{" "}
      <button
        type="button"
        class="dfa-button"
        title="Copy it to the clipboard"
        data-testid="dfa-do-copy-restore"
        onClick={async () => {
          if (code.current) await copy(code.current, text);
          setCopied(true);
        }}
      >
        {copied ? "Copied" : "Copy"}
      </button>
    </span>
  );
}

/** Where there are cells, what to run in one; on a page of its own its visitor can only load it again. */
export function NoAnswer() {
  const lab = useLab();
  const notice = useRef<HTMLDivElement>(null);
  const silent = useStore(lab.page, (state) => state.silent);
  const restore = useStore(lab.panel, (state) => state.restore);
  useEffect(() => {
    const { root } = lab;
    if (!silent || !root) return undefined;
    // Whoever presses something below sees why nothing happens.
    const show = () => notice.current?.scrollIntoView({ block: "nearest" });
    const pressed = ["click", "change", "keydown"];
    for (const kind of pressed) root.addEventListener(kind, show);
    return () => {
      for (const kind of pressed) root.removeEventListener(kind, show);
    };
  }, [lab, silent]);
  if (!silent) return null;
  const command = restore ? <Command text={`import dfa_lab as dfa; ${restore}`} /> : null;
  const cells = lab.options.cells !== false;
  return (
    <div ref={notice} class="dfa-error dfa-no-answer" role="alert" data-testid="dfa-no-answer">
      The kernel does not answer.{" "}
      {cells && command && <>If it was restarted or died, go on from the last save: run {command} in a new cell. </>}
      {cells && !command && "If it was restarted or died, run this cell again. "}
      {cells && BUSY}
      {!cells && "If that lasts, load this page again: a new run begins. "}
      {!cells && command && <>To go on from the last save, run {command} in a notebook where the page is served.</>}
    </div>
  );
}

/** Where the notice may be out of sight, a line that leads to it. */
export function NoAnswerAgain() {
  const lab = useLab();
  const silent = useStore(lab.page, (state) => state.silent);
  if (!silent) return null;
  const show = () =>
    lab.root?.querySelector('[data-testid="dfa-no-answer"]')?.scrollIntoView({ behavior: "smooth", block: "nearest" });
  return (
    <button type="button" class="dfa-button dfa-no-answer-again" data-testid="dfa-no-answer-again" onClick={show}>
      The kernel does not answer: what to do
    </button>
  );
}
