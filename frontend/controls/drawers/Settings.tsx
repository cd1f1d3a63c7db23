// All other settings: how far the run goes, the live ones in their groups, and a new run.

import { useLab } from "../../shared/lab.tsx";
import { useOwnId } from "../../shared/own_id.ts";
import { useStore } from "../../shared/use_store.ts";
import { NumberInput } from "../fields/NumberInput.tsx";
import { useSent } from "../fields/use_sent.ts";
import { Groups } from "../Groups.tsx";
import { KNOBS, reason } from "../reasons.ts";
import { NewRun } from "./NewRun.tsx";

const beside = (field: string) => !KNOBS.includes(field);

export function Settings() {
  return (
    <div class="dfa-stack" data-testid="dfa-controls">
      <p class="dfa-note">What is set here acts at the next step and leaves a marker; each ? says what it does.</p>
      <StopAt />
      <Groups takes={beside} />
      <NewRun />
    </div>
  );
}

function StopAt() {
  const lab = useLab();
  const id = useOwnId();
  const goal = useStore(lab.panel, (state) => state.stop_at);
  const hidden = useStore(lab.panel, ({ hide = [] }) => hide.includes("stop_at"));
  const why = useStore(lab.panel, (state) => reason(state, "stop_at"));
  const { shown, set } = useSent(goal, (step) => lab.act({ do: "stop_at", step }));
  if (goal === undefined || hidden) return null;
  const what = { id, label: "stop at", kind: "integer", optional: true, placeholder: "never", testid: "dfa-stop-at" };
  return (
    <div class="dfa-row dfa-wide" title="Pause at this step; empty: never">
      <label class="dfa-field-name" for={id}>
        stop at step
      </label>
      <NumberInput
        what={what}
        value={shown}
        set={(typed) => set(Number.isInteger(typed) && Number(typed) > 0 ? typed : null)}
        why={why}
      />
    </div>
  );
}
