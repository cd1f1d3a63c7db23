// The lines below the network: what the dials mean, or the phases of a step one after another.
import { useEffect, useState } from "preact/hooks";
import { useLab } from "../../shared/lab.tsx";
import type { PhaseName, PhaseText } from "../../shared/messages.ts";
import { useStore } from "../../shared/use_store.ts";
import { PHASE_NAMES } from "../words.ts";

const ALONE_S = 2; // a single step's phases, all four
const LONGEST_S = 4;

export interface Phases {
  texts: PhaseText[];
  now: PhaseName | null;
  choose: (name: PhaseName | null) => void;
}

/** The phases of the step, where they are shown, and the one that is lit now: each for a quarter of the step's time. */
export function usePhases(): Phases | null {
  const lab = useLab();
  const texts = useStore(lab.panel, (state) => state.phases) ?? null;
  const running = useStore(lab.panel, (state) => state.running) ?? false;
  const limit = useStore(lab.panel, (state) => state.limit) ?? null;
  const [now, choose] = useState<PhaseName | null>(null);
  const seconds = running && limit ? Math.min(LONGEST_S, 1 / limit) : ALONE_S;
  useEffect(() => {
    choose(null);
    if (!texts || matchMedia("(prefers-reduced-motion: reduce)").matches) return undefined;
    const timers = texts.map(({ name }, place) =>
      setTimeout(() => choose(name), (1000 * seconds * place) / texts.length),
    );
    if (!running) timers.push(setTimeout(() => choose(null), 1000 * seconds));
    return () => timers.forEach(clearTimeout);
  }, [texts, seconds, running]);
  return texts && { texts, now, choose };
}

/** An equation whose indexes, written `_l` or `_{l−1}`, stand low. */
function Equation({ text }: { text: string }) {
  return (
    <>
      {text
        .split(/_(\w|\{[^}]*\})/)
        .map((part, place) => (place % 2 ? <sub key={place}>{part.replace(/[{}]/g, "")}</sub> : part))}
    </>
  );
}

function Running({ phases }: { phases: Phases }) {
  const { texts, now, choose } = phases;
  const [last, keep] = useState(0);
  const place = texts.findIndex(({ name }) => name === now);
  if (place >= 0 && place !== last) keep(place);
  const shown = texts[place >= 0 ? place : Math.min(last, texts.length - 1)];
  return (
    <>
      <div class="dfa-phase-line">
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would bring a frame of its own */}
        <span role="group" aria-label="phases of a step" class="dfa-phase-names">
          {texts.map(({ name }) => (
            <button
              key={name}
              type="button"
              class="dfa-phase"
              aria-pressed={name === now}
              data-testid={`dfa-phase-${name}`}
              onClick={() => choose(name === now ? null : name)}
            >
              {PHASE_NAMES[name]}
            </button>
          ))}
        </span>
        <span class="dfa-equation">{shown && <Equation text={shown.equation} />}</span>
      </div>
      <div class="dfa-phase-words" title={shown?.words}>
        {shown?.words}
      </div>
    </>
  );
}

function Legend() {
  return (
    <>
      <div class="dfa-legend-line">
        <span>
          <svg width="20" height="10" aria-hidden="true">
            <path class="dfa-needle" d="M20 3.5L8 4V1L0 5L8 9V6L20 6.5Z" />
          </svg>
          angle of δ to backpropagation’s
        </span>
        <span>
          <svg width="20" height="10" aria-hidden="true" class="dfa-weight-needle">
            <line x1="20" y1="5" x2="7" y2="5" />
            <circle cx="4" cy="5" r="3" />
          </svg>
          angle of B to Wᵀ
        </span>
        <span>
          <svg width="12" height="10" aria-hidden="true">
            <rect class="dfa-chance" width="12" height="10" />
          </svg>
          chance
        </span>
        <span>
          <svg width="13" height="10" aria-hidden="true">
            <rect class="dfa-bar" width="5" height="10" />
            <rect class="dfa-bar-bp" x="7.5" y="2.5" width="5" height="7" />
          </svg>
          size of δ, hollow: BP’s
        </span>
      </div>
      <div class="dfa-legend-line">
        <span>
          <b>0°</b> = same direction as backpropagation, <b>90°</b> = unrelated.
        </span>
        <span>
          Cells: <i class="dfa-cell" /> above zero, <i class="dfa-cell dfa-hollow" /> below.
        </span>
      </div>
    </>
  );
}

function UnitWords({ words }: { words: string }) {
  return (
    <>
      <p>{words}</p>
      <p class="dfa-note">Press numbers for the sums; click the unit again to leave it.</p>
    </>
  );
}

export function Caption({ phases, words }: { phases: Phases | null; words: string }) {
  return (
    <div class="dfa-caption" data-testid="dfa-network-caption">
      {phases ? <Running phases={phases} /> : words ? <UnitWords words={words} /> : <Legend />}
    </div>
  );
}
