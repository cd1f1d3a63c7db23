// A new run: what only a run from the beginning can take, gathered and started by one button.
import { useEffect, useRef, useState } from "preact/hooks";
import { useLab } from "../../shared/lab.tsx";
import type { Spec } from "../../shared/messages.ts";
import { useStore } from "../../shared/use_store.ts";
import { Field } from "../fields/Field.tsx";
import { same } from "../fields/values.ts";
import { blocked, reason } from "../reasons.ts";

const NONE: Spec[] = [];
const NOTHING: string[] = [];
const COMPUTING = ["replicas", "device", "threads", "precision"];

type Values = Record<string, unknown>;

export function NewRun() {
  const lab = useLab();
  const specs = useStore(lab.panel, (state) => state.specs) ?? NONE;
  const settings = useStore(lab.panel, (state) => state.settings) as Values | undefined;
  const hide = useStore(lab.panel, (state) => state.hide) ?? NOTHING;
  const why = useStore(lab.panel, (state) => reason(state, "new_run"));
  const refused = useStore(lab.page, ({ refusal }) => (refusal.by === "new_run" ? refusal.text : ""));
  const [draft, setDraft] = useState<Values>({});
  const before = useRef<Values | undefined>(settings);
  useEffect(() => {
    const [was, now] = [before.current, settings];
    before.current = settings;
    if (was === now) return;
    // What is in force, or became something else, is no draft any more.
    setDraft((old) => Object.fromEntries(Object.entries(old).filter(([field]) => same(was?.[field], now?.[field]))));
  }, [settings]);
  const structural = specs.filter(({ field, live }) => !live && !hide.includes(field));
  if (!structural.length || hide.includes("new_run")) return null;
  const change = (field: string, value: unknown) =>
    setDraft(({ [field]: _, ...others }) => (same(value, settings?.[field]) ? others : { ...others, [field]: value }));
  const rows = (chosen: Spec[]) =>
    chosen.map((spec) => (
      <Field
        key={spec.field}
        spec={spec}
        value={spec.field in draft ? draft[spec.field] : settings?.[spec.field]}
        set={(value) => change(spec.field, value)}
        why={reason(lab.panel.get(), spec.field) || why}
        mark={spec.field in draft ? "*" : ""}
      />
    ));
  const changed = structural.filter(({ field }) => field in draft).map(({ label }) => label);
  const computing = structural.filter(({ field }) => COMPUTING.includes(field));
  return (
    <form
      class="dfa-group dfa-new-run"
      aria-label="new run"
      data-testid="dfa-new-run"
      onSubmit={(event) => {
        event.preventDefault();
        // The draft is kept until it is in force: what is refused can be mended.
        lab.act({ do: "new_run", fields: draft }, "new_run");
      }}
      onKeyDown={(event) => {
        // Only the button starts anew.
        if (event.key === "Enter" && event.target instanceof HTMLInputElement) event.preventDefault();
      }}
    >
      <h3>New run</h3>
      {rows(structural.filter(({ field }) => !COMPUTING.includes(field)))}
      {computing.length > 0 && (
        <details>
          <summary>Computing</summary>
          {rows(computing)}
        </details>
      )}
      <div class="dfa-line">
        <button
          type="submit"
          class="dfa-button dfa-primary"
          data-testid="dfa-do-new-run"
          {...blocked(why, "Begin at step 0 with these")}
        >
          Start new run
        </button>
        <span class="dfa-note">
          {changed.length ? `* changed: ${changed.join(", ")}` : "begins at step 0; all other settings stay"}
        </span>
      </div>
      {refused && (
        <p class="dfa-error" role="alert" data-testid="dfa-new-run-refused">
          {refused}
        </p>
      )}
    </form>
  );
}
