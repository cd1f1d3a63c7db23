// Keeping and sharing: the run as a short text and as a script, what was shared by others, and files.

import { useEffect, useRef, useState } from "preact/hooks";
import { copy } from "../../shared/clipboard.ts";
import { useLab } from "../../shared/lab.tsx";
import { BUTTONS } from "../../shared/messages.ts";
import { useOwnId } from "../../shared/own_id.ts";
import { useStore } from "../../shared/use_store.ts";
import { ActButton } from "../ActButton.tsx";
import { blocked, reason } from "../reasons.ts";

/** The kinds of file, as their buttons `save_…` say. */
const FILES = Object.keys(BUTTONS).filter((name) => BUTTONS[name].verb === "save");

function Shown({ label, text, rows, name }: { label: string; text: string; rows: number; name: string }) {
  const id = useOwnId();
  const box = useRef<HTMLTextAreaElement>(null);
  const [copied, setCopied] = useState(false);
  const take = async () => {
    if (box.current) await copy(box.current, text);
    setCopied(true);
  };
  useEffect(() => setCopied(false), [text]);
  return (
    <div class="dfa-stack">
      <label for={id}>{label}</label>
      <textarea
        ref={box}
        id={id}
        class="dfa-box"
        rows={rows}
        readOnly
        spellcheck={false}
        value={text}
        data-testid={`dfa-share-${name}`}
      />
      <div class="dfa-line">
        <button
          type="button"
          class="dfa-button"
          title="Copy it to the clipboard"
          data-testid={`dfa-do-copy-${name}`}
          onClick={take}
        >
          Copy
        </button>
        <span class="dfa-note" role="status">
          {copied ? "copied" : ""}
        </span>
      </div>
    </div>
  );
}

function Load() {
  const lab = useLab();
  const id = useOwnId();
  const why = useStore(lab.panel, (state) => reason(state, "load"));
  const refused = useStore(lab.page, ({ refusal }) => (refusal.by === "load" ? refusal.text : ""));
  const [text, setText] = useState("");
  return (
    <div class="dfa-stack">
      <label for={id}>A text or JSON from somebody else</label>
      <textarea
        id={id}
        class="dfa-box"
        rows={2}
        spellcheck={false}
        placeholder="dfa1.… or JSON"
        data-testid="dfa-load-text"
        value={text}
        {...blocked(why)}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <div class="dfa-line">
        <ActButton name="load" press={() => text.trim() && lab.act({ do: "load", text: text.trim() }, "load")} />
      </div>
      {refused && (
        <p class="dfa-error" role="alert" data-testid="dfa-load-refused">
          {refused}
        </p>
      )}
    </div>
  );
}

export function Share() {
  const lab = useLab();
  const share = useStore(lab.panel, (state) => state.share) ?? "";
  const script = useStore(lab.panel, (state) => state.script) ?? "";
  const several = useStore(lab.panel, ({ lanes = [] }) => lanes.length > 1);
  const noLoad = useStore(lab.panel, ({ hide = [] }) => hide.includes("load"));
  const refused = useStore(lab.page, ({ refusal }) => (refusal.by.startsWith("save_") ? refusal.text : ""));
  useEffect(() => {
    if (!reason(lab.panel.get(), "share")) lab.act({ do: "share" }); // the texts of the run as it is now
  }, [lab]);
  return (
    <div class="dfa-stack dfa-sharing" data-testid="dfa-share">
      {several && (
        <p class="dfa-note">Texts, script, JSON and PNG are of the chosen run; CSV and report of all runs.</p>
      )}
      {/* biome-ignore lint/a11y/useSemanticElements: buttons in a line are no fieldset */}
      <div class="dfa-line" role="group" aria-label="save a file">
        <span>Save</span>
        {FILES.map((name) => (
          <ActButton
            key={name}
            name={name}
            testid={`dfa-do-${name.replace("_", "-")}`}
            press={() => lab.save(name.slice("save_".length))}
          />
        ))}
      </div>
      {refused && (
        <p class="dfa-error" role="alert">
          {refused}
        </p>
      )}
      <Shown label="This run as a text" text={share} rows={2} name="text" />
      <div class="dfa-line">
        <ActButton name="share" press={() => lab.act({ do: "share" })} />
        <span class="dfa-note">{BUTTONS.share.help.toLowerCase()}</span>
      </div>
      {!noLoad && <Load />}
      {script && <Shown label="This run as a Python script" text={script} rows={6} name="script" />}
    </div>
  );
}
