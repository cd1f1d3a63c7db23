// The runs that go on beside each other, one chip each: which of them the controls act on, and a cross to drop one.
import { useLab } from "../../shared/lab.tsx";
import type { PanelState, RunChip } from "../../shared/messages.ts";
import { useStore } from "../../shared/use_store.ts";
import { blocked, reason } from "../reasons.ts";

const COLOUR = /^#[0-9a-f]{3,8}$/i;
const NO_RUNS: RunChip[] = [];

function Cross({ label, testid, message }: { label: string; testid: string; message: Record<string, unknown> }) {
  const lab = useLab();
  const why = useStore(lab.panel, (state) => reason(state, String(message.do)));
  return (
    <button
      type="button"
      class="dfa-cross"
      aria-label={label}
      data-testid={testid}
      {...blocked(why, label)}
      onClick={() => lab.act(message)}
    >
      ✕
    </button>
  );
}

export function Runs() {
  const lab = useLab();
  const lanes = useStore(lab.panel, (state) => state.lanes) ?? NO_RUNS;
  const chosen = useStore(lab.panel, (state) => state.lane) ?? 0;
  const hidden = useStore(lab.panel, ({ hide = [] }) => hide.includes("lanes"));
  const why = useStore(lab.panel, (state: PanelState) => reason(state, "select"));
  if (lanes.length < 2 || hidden) return null;
  return (
    // biome-ignore lint/a11y/useSemanticElements: chips in a line are no fieldset
    <div
      class="dfa-run-chips"
      role="group"
      aria-label="runs beside each other: controls act on"
      data-testid="dfa-lanes"
    >
      {lanes.length === 2 && <span class="dfa-runs-words">controls act on</span>}
      {lanes.map(({ name, colour, number }, place) => (
        // A run is asked for by its own number: its place may be another's by the time the kernel hears of it.
        <span key={number ?? place} class={place === chosen ? "dfa-chip dfa-chip-chosen" : "dfa-chip"}>
          <button
            type="button"
            class="dfa-chip-main"
            aria-pressed={place === chosen}
            data-testid={`dfa-lane-${place}`}
            {...blocked(why, name)}
            onClick={() => lab.act({ do: "select", lane: number })}
          >
            <span
              class="dfa-run-swatch"
              aria-hidden="true"
              style={COLOUR.test(colour ?? "") ? { background: colour } : undefined}
            />
            <span class="dfa-chip-name">{name || `run ${place + 1}`}</span>
          </button>
          {place > 0 && (
            <Cross label={`drop ${name}`} testid={`dfa-drop-${place}`} message={{ do: "drop", lane: number }} />
          )}
        </span>
      ))}
    </div>
  );
}

/** The runs pinned behind the others. */
export function Pins() {
  const lab = useLab();
  const pins = useStore(lab.panel, (state) => state.pins);
  const hidden = useStore(lab.panel, ({ hide = [] }) => hide.includes("pin"));
  if (!pins?.length || hidden) return null;
  return (
    // biome-ignore lint/a11y/useSemanticElements: chips in a line are no fieldset
    <div class="dfa-run-chips" role="group" aria-label="pinned runs" data-testid="dfa-pins">
      {pins.map((name) => (
        <span key={name} class="dfa-chip dfa-pinned">
          <span class="dfa-chip-main">
            <span class="dfa-chip-name">pinned: {name}</span>
          </span>
          <Cross label={`unpin ${name}`} testid="dfa-do-unpin" message={{ do: "unpin", name }} />
        </span>
      ))}
    </div>
  );
}
