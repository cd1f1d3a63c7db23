// One control for one setting, made from its spec: label, help, the way to set it, and why the last value was refused.
import { useOwnId } from "../../shared/own_id.ts";
import "./fields.css";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useLab } from "../../shared/lab.tsx";
import type { Spec } from "../../shared/messages.ts";
import { useStore } from "../../shared/use_store.ts";
import { reason } from "../reasons.ts";
import { ChoiceMenu, ChoiceParameters } from "./ChoiceInput.tsx";
import { Help } from "./Help.tsx";
import { NumberInput } from "./NumberInput.tsx";
import { useSent } from "./use_sent.ts";
import { split } from "./values.ts";

const MEANINGLESS = ["", "×", "units"];

interface Props {
  spec: Spec;
  value: unknown;
  set: (value: unknown) => void;
  /** Why it cannot be used, "" where it can. */
  why: string;
  /** Stands beside the label: "…" while nothing is confirmed, "*" for what differs from the run in force. */
  mark?: string;
  refused?: string;
  /** Why it means nothing as things stand, "" where it does. */
  unused?: string;
  /** Beside the label, after the help. */
  children?: ComponentChildren;
}

export function Field({ spec, value, set, why, mark = "", refused = "", unused = "", children }: Props) {
  const id = useOwnId();
  const { name } = split(
    value,
    spec.choices.map((choice) => choice.name),
  );
  const about = spec.choices.find((choice) => choice.name === name)?.about ?? "";
  const placeholder = spec.optional ? (spec.field.startsWith("probe") ? "auto" : "none") : "";
  const testid = `dfa-control-${spec.field}`;
  const what = { ...spec, id, describedBy: `${id}-help`, testid, placeholder };
  const input = { what, value, set, why };
  const isChoice = spec.kind === "choice";
  return (
    <div
      class={["dfa-control", mark === "…" && "dfa-pending", unused && "dfa-unused"].filter(Boolean).join(" ")}
      data-field={spec.field}
      data-part={spec.field}
    >
      <div class={isChoice || !spec.slider ? "dfa-row dfa-wide" : "dfa-row"} aria-busy={mark === "…"}>
        <span class="dfa-field-name">
          <label class="dfa-field-label" for={id}>
            {spec.label}
            {!MEANINGLESS.includes(spec.unit) && <span class="dfa-unit">{spec.unit}</span>}
            <span class="dfa-mark" aria-hidden="true">
              {mark}
            </span>
          </label>
          <Help
            id={`${id}-help`}
            label={spec.label}
            text={[unused, spec.help, about].filter(Boolean).join(" ")}
            testid={`dfa-help-${spec.field}`}
          />
          {children}
        </span>
        {isChoice ? <ChoiceMenu {...input} choices={spec.choices} free={spec.free} /> : <NumberInput {...input} />}
      </div>
      {isChoice && <ChoiceParameters {...input} choices={spec.choices} free={spec.free} />}
      {refused && <Refused words={refused} testid={`dfa-refused-${spec.field}`} />}
    </div>
  );
}

/** Why the last value was refused; brought into sight where the column of controls is at its end. */
function Refused({ words, testid }: { words: string; testid: string }) {
  const box = useRef<HTMLParagraphElement>(null);
  useLayoutEffect(() => box.current?.scrollIntoView({ block: "nearest" }), [words]);
  return (
    <p ref={box} class="dfa-error" role="alert" data-testid={testid}>
      {words}
    </p>
  );
}

/** The control of a live setting of the chosen run; nothing where the field is hidden or there is none of this name. */
export function LiveField({ field, children }: { field: string; children?: ComponentChildren }) {
  const lab = useLab();
  const spec = useStore(lab.panel, (state) => state.specs?.find((one) => one.field === field && one.live));
  const value = useStore(lab.panel, (state) => state.settings?.[field]);
  const why = useStore(lab.panel, (state) => reason(state, field) || reason(state, "change"));
  const unused = useStore(lab.panel, (state) => state.unused?.[field] ?? "");
  const hidden = useStore(lab.panel, (state) => (state.hide ?? []).includes(field));
  const refused = useStore(lab.page, ({ refusal }) => (refusal.by === field ? refusal.text : ""));
  const sent = useSent(value, (wanted) => lab.act({ do: "change", fields: { [field]: wanted } }, field));
  if (!spec || hidden) return null;
  return (
    <Field
      spec={spec}
      value={sent.shown}
      set={sent.set}
      why={why}
      mark={sent.pending ? "…" : ""}
      refused={refused}
      unused={unused}
    >
      {children}
    </Field>
  );
}
