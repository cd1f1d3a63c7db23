// The curves of the runs: panels whose cursors are linked; in the explorer in one row, by themselves as a widget.
import "uplot/dist/uPlot.min.css";
import "./chart.css";
import "./legend.css";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { useLab } from "../shared/lab.tsx";
import { useStore } from "../shared/use_store.ts";
import { Chart } from "./chart.ts";
import { PanelBox, Swatch } from "./PanelBox.tsx";
import { ViewMenu } from "./ViewMenu.tsx";

/** `row`: as one row, as high as the box around it. */
export function LiveChart({ row = false }: { row?: boolean }) {
  const lab = useLab();
  const box = useRef<HTMLDivElement>(null);
  const chart = useMemo(() => {
    const made = new Chart(row, (lab.options.panels as string[] | undefined) ?? null);
    lab.link.receivers.set("chart", (message, buffers) => made.receive(message, buffers));
    return made;
  }, [lab, row]);
  useLayoutEffect(() => (box.current ? chart.mount(box.current) : undefined), [chart]);
  const enlarged = useStore(lab.page, (state) => state.enlarged);
  useLayoutEffect(() => chart.enlarge(enlarged), [chart, enlarged]);
  useEffect(() => {
    const { root } = lab;
    if (!enlarged || !root) return;
    const back = (event: KeyboardEvent) => {
      if (event.key === "Escape") lab.page.patch({ enlarged: "" });
    };
    root.addEventListener("keydown", back);
    return () => root.removeEventListener("keydown", back);
  }, [lab, enlarged]);
  const panels = useStore(chart.around, (state) => state.panels);
  const columns = useStore(chart.around, (state) => state.columns);
  const large = useStore(chart.around, (state) => state.large);
  const zoomed = useStore(chart.around, (state) => state.zoomed);
  const several = useStore(chart.around, (state) => state.runs.length > 1);
  const shown = panels.some(({ name }) => name === large) ? large : "";
  const is = ["dfa-curves", row ? "dfa-curves-row" : "", several ? "dfa-several" : "", zoomed ? "dfa-zoomed" : ""];
  return (
    <div ref={box} class={is.join(" ")} data-part="chart" data-testid={row ? "dfa-chart" : undefined}>
      <div class="dfa-curves-head">
        {!row && <StatusLine chart={chart} />}
        <ViewMenu chart={chart} />
        {several && <RunKeys chart={chart} />}
      </div>
      <div
        class={shown ? "dfa-panels dfa-one-large" : "dfa-panels"}
        style={{ "--dfa-columns": shown && !row ? 1 : columns }}
      >
        {panels.map((panel, place) => (
          <PanelBox
            key={panel.name}
            panel={panel}
            large={panel.name === shown}
            corner={place === columns - 1}
            beside={shown || columns < 2 ? "" : place % columns < columns / 2 ? "right" : "left"}
            alone={panels.length === 1}
            enlarge={(on) => lab.page.patch({ enlarged: on ? panel.name : "" })}
          />
        ))}
      </div>
    </div>
  );
}

/** A key for each run, which hides it in every panel. */
function RunKeys({ chart }: { chart: Chart }) {
  const runs = useStore(chart.around, (state) => state.runs);
  const hidden = useStore(chart.around, (state) => state.hiddenRuns);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset has a look of its own
    <div class="dfa-runs" role="group" aria-label="Runs">
      {runs.map((run, place) => (
        <button
          key={place}
          type="button"
          class="dfa-key dfa-run-key"
          aria-pressed={!hidden.has(place)}
          title={`Show or hide ${run.name} in every panel`}
          onClick={() => chart.showRun(place, hidden.has(place))}
        >
          <Swatch look={run} length={24} />
          <span class="dfa-key-name">{run.name}</span>
          {run.faint && <span class="dfa-faint-run">pinned</span>}
        </button>
      ))}
    </div>
  );
}

// Counters change many times a second: a screen reader must not be told each time.
const FIELDS: Record<string, { label: string; live: "polite" | "off" }> = {
  state: { label: "", live: "polite" },
  step: { label: "step", live: "off" },
  samples: { label: "samples seen", live: "off" },
  settings: { label: "", live: "polite" },
  error: { label: "", live: "off" },
};
const NO_ANSWER = "no answer";

/** What the run is doing, how far it is, the settings in force, and any error in words. */
function StatusLine({ chart }: { chart: Chart }) {
  const status = useStore(chart.around, (state) => state.status);
  const silent = useStore(useLab().page, (state) => state.silent);
  const names = [...new Set([...Object.keys(FIELDS), ...Object.keys(status)])];
  return (
    <div class="dfa-status" role="status" aria-atomic="false" data-testid="dfa-status">
      {names.map((name) => {
        const text = name === "state" && silent ? NO_ANSWER : (status[name] ?? "");
        const { label, live } = FIELDS[name] ?? { label: name, live: "off" };
        return (
          <span
            key={name}
            class={`dfa-field dfa-field-${name}${name === "error" ? " dfa-error" : ""}`}
            data-state={name === "state" ? text : undefined}
            hidden={!text}
          >
            {label && <span class="dfa-label">{label}</span>}
            <span class="dfa-value" data-testid={`dfa-${name}`} aria-live={live}>
              {text}
            </span>
          </span>
        );
      })}
    </div>
  );
}
