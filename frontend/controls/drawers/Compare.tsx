// Comparing: a second run from this step with one thing changed, and curves kept as a reference.

import { useState } from "preact/hooks";
import { useLab } from "../../shared/lab.tsx";
import type { Spec } from "../../shared/messages.ts";
import { useOwnId } from "../../shared/own_id.ts";
import { useStore } from "../../shared/use_store.ts";
import { ActButton } from "../ActButton.tsx";
import { read, split, written } from "../fields/values.ts";
import { blocked, reason } from "../reasons.ts";
import { Pins, Runs } from "../transport/Runs.tsx";

const NONE: Spec[] = [];
const NOTHING_HIDDEN: string[] = [];
const NO_LOCK: string[] = [];

export function Compare() {
  const lab = useLab();
  const hide = useStore(lab.panel, (state) => state.hide) ?? NOTHING_HIDDEN;
  const several = useStore(lab.panel, ({ lanes = [] }) => lanes.length > 1);
  const told = useStore(lab.story, (state) => Boolean(state?.told));
  const pins = useStore(lab.panel, (state) => "pins" in state);
  return (
    <div class="dfa-stack">
      {!hide.includes("fork") && <Fork hide={hide} />}
      {several && (
        <p class="dfa-note">
          {told ? "The runs: choose " : "The runs stand in the line of words: choose "}
          the one that the controls act on, or drop it with ✕.
        </p>
      )}
      {told && <Runs />}
      {pins && !hide.includes("pin") && (
        <section class="dfa-group" aria-label="pinned curves">
          <h3>Pinned curves</h3>
          <p class="dfa-note">Pin a run, then reset or change it: the pinned curves stay behind the new ones.</p>
          <ActButton name="pin" press={() => lab.act({ do: "pin" })}>
            Pin this run
          </ActButton>
          <Pins />
        </section>
      )}
    </div>
  );
}

function Fork({ hide }: { hide: string[] }) {
  const lab = useLab();
  const id = useOwnId();
  const specs = useStore(lab.panel, (state) => state.specs) ?? NONE;
  const settings = useStore(lab.panel, (state) => state.settings);
  const lock = useStore(lab.panel, (state) => state.lock) ?? NO_LOCK;
  const why = useStore(lab.panel, (state) => reason(state, "fork"));
  const refused = useStore(lab.page, ({ refusal }) => (refusal.by === "fork" ? refusal.text : ""));
  const offered = specs.filter(({ field, live }) => live && !hide.includes(field) && !lock.includes(field));
  const [field, setField] = useState(offered[0]?.field ?? "");
  const [typed, setTyped] = useState<string | null>(null);
  const spec = offered.find((one) => one.field === field);
  const now = spec && settings?.[spec.field];
  const names = spec?.choices.map(({ name }) => name) ?? [];
  const choices = spec?.choices.filter(({ name }) => !(spec.free && name === "points")) ?? [];
  // First of all something else than it is.
  const other = choices.find(({ name }) => name !== split(now, names).name)?.name ?? names[0];
  const isChoice = spec?.kind === "choice";
  const text = typed ?? (isChoice ? other : written(now));
  const send = (event: Event) => {
    event.preventDefault();
    const value = spec && (isChoice ? text : read(text, spec));
    lab.page.patch({ drawer: "" });
    lab.act({ do: "fork", fields: spec ? { [spec.field]: value } : {} }, "fork");
  };
  return (
    <section class="dfa-group" aria-label="a second run">
      <h3>A second run from this step</h3>
      <p class="dfa-note">Both go on from the same weights, in the same batches; the second with one thing changed.</p>
      <form class="dfa-fork" onSubmit={send}>
        <label for={`${id}-field`}>with</label>
        <select
          id={`${id}-field`}
          class="dfa-menu"
          data-testid="dfa-fork-field"
          value={field}
          {...blocked(why)}
          onChange={({ currentTarget }) => {
            setField(currentTarget.value);
            setTyped(null);
          }}
        >
          {offered.map((one) => (
            <option key={one.field} value={one.field}>
              {one.label}
            </option>
          ))}
          <option value="">nothing changed</option>
        </select>
        {spec && <span aria-hidden="true">→</span>}
        {isChoice && (
          <select
            class="dfa-menu"
            aria-label="to"
            data-testid="dfa-fork-menu"
            value={text}
            {...blocked(why)}
            onChange={({ currentTarget }) => setTyped(currentTarget.value)}
          >
            {choices.map(({ name, title }) => (
              <option key={name} value={name}>
                {title || name}
              </option>
            ))}
          </select>
        )}
        {spec && !isChoice && (
          <input
            type="text"
            class="dfa-box"
            aria-label="to"
            data-testid="dfa-fork-box"
            value={text}
            {...blocked(why)}
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        )}
        <button
          type="submit"
          class="dfa-button dfa-primary"
          data-testid="dfa-do-fork-go"
          {...blocked(why, "Go on twice from this step")}
        >
          Fork here
        </button>
      </form>
      {refused && (
        <p class="dfa-error" role="alert">
          {refused}
        </p>
      )}
      {why && <p class="dfa-note">{why}</p>}
    </section>
  );
}
