// What of the curves is in sight: steps, layers, angles, logarithmic axes; behind one small button.

import { useEffect, useRef, useState } from "preact/hooks";
import { useOwnId } from "../shared/own_id.ts";
import { useStore } from "../shared/use_store.ts";
import type { Chart } from "./chart.ts";
import type { Choice } from "./sight.ts";

export function ViewMenu({ chart }: { chart: Chart }) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const around = useStore(chart.around, (state) => state);
  const { steps, layers, angles, zoomed, logSteps, logValues } = around;
  useEffect(() => {
    if (!open) return;
    // The way of an event is asked for, not its target: inside a shadow root that would be the root's host.
    const outside = (event: Event) => {
      if (box.current && !event.composedPath().includes(box.current)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const closed = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !open) return;
    event.stopPropagation();
    setOpen(false);
    button.current?.focus();
  };
  const whole = () => {
    chart.zoom(null);
    chart.chooseSteps("all");
    button.current?.focus(); // the button pressed is about to vanish
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only hears Escape from the controls inside
    <div ref={box} class="dfa-view-menu" onKeyDown={closed}>
      {zoomed && (
        <button type="button" class="dfa-small-button" data-testid="dfa-whole-run" onClick={whole}>
          whole run
        </button>
      )}
      <button
        ref={button}
        type="button"
        class="dfa-small-button"
        data-testid="dfa-view"
        aria-expanded={open}
        title="Steps, layers, angles and axes of the curves"
        onClick={() => setOpen(!open)}
      >
        view
      </button>
      {open && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset has a look of its own
        <div class="dfa-view-box" role="group" aria-label="What the curves show">
          <Menu label="steps" name="window" {...steps} choose={(choice) => chart.chooseSteps(choice)} />
          <Menu label="layers" name="layers" {...layers} choose={(choice) => chart.chooseLayers(choice)} />
          <Menu label="angles" name="angles" {...angles} choose={(choice) => chart.chooseAngle(choice)} />
          <Box
            label="logarithmic step axis"
            name="log-steps"
            on={logSteps}
            turn={(on) => chart.setLog("logSteps", on)}
          />
          <Box
            label="logarithmic loss axis"
            name="log-values"
            on={logValues}
            turn={(on) => chart.setLog("logValues", on)}
          />
          <p class="dfa-note">Drag over a curve to zoom in; double-click to see all again.</p>
        </div>
      )}
    </div>
  );
}

interface MenuProps {
  label: string;
  name: string;
  choices: Choice[];
  chosen: string;
  choose: (choice: string) => void;
}

function Menu({ label, name, choices, chosen, choose }: MenuProps) {
  const id = useOwnId();
  if (!choices.length) return null;
  return (
    <div class="dfa-view-choice">
      <label for={id}>{label}</label>
      <select
        id={id}
        class="dfa-menu"
        data-testid={`dfa-${name}`}
        value={chosen}
        onChange={(event) => choose(event.currentTarget.value)}
      >
        {choices.map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
    </div>
  );
}

function Box({ label, name, on, turn }: { label: string; name: string; on: boolean; turn: (on: boolean) => void }) {
  return (
    <label class="dfa-view-choice">
      <input
        type="checkbox"
        data-testid={`dfa-${name}`}
        checked={on}
        onChange={(event) => turn(event.currentTarget.checked)}
      />
      {label}
    </label>
  );
}
