// How far the run is and what it does, in a place that stays as wide as it is.
import { useLab } from "../../shared/lab.tsx";
import { useStore } from "../../shared/use_store.ts";
import { count } from "../../shared/words.ts";

export function StepCounter() {
  const lab = useLab();
  const status = useStore(lab.panel, (state) => state.status);
  const goal = useStore(lab.panel, (state) => state.stop_at);
  const silent = useStore(lab.page, (state) => state.silent);
  const { state = "", step = "0", samples = "0", settings = "", progress = "", plan = "" } = status ?? {};
  const said = silent ? "no answer" : state;
  return (
    <span class="dfa-counter" title={[`${samples} samples seen`, progress, plan].filter(Boolean).join("; ")}>
      <span class="dfa-state" data-state={said} data-testid="dfa-state" aria-live="polite">
        {said}
      </span>
      <span class="dfa-counter-step">
        step{" "}
        <span data-testid="dfa-step" data-part="step">
          {step}
        </span>
        {typeof goal === "number" && Number(step.replaceAll(",", "")) <= goal && (
          <span class="dfa-goal"> / {count(goal)}</span>
        )}
      </span>
      <span class="dfa-unseen" data-testid="dfa-samples">
        {samples}
      </span>
      <span class="dfa-unseen" data-testid="dfa-settings">
        {settings}
      </span>
    </span>
  );
}
