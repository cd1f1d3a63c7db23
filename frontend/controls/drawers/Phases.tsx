// One step in slow motion: its phases, each with its equation and its numbers in words.
import { useLab } from "../../shared/lab.tsx";
import { useStore } from "../../shared/use_store.ts";

export function Phases() {
  const lab = useLab();
  const phases = useStore(lab.panel, (state) => state.phases) ?? [];
  return (
    <ol class="dfa-phases" aria-label="phases of the next step" data-testid="dfa-phases">
      {phases.map(({ name, equation, words }, place) => (
        <li key={name} class="dfa-step-phase">
          <strong>
            {place + 1} {name}
          </strong>
          <code class="dfa-control-equation">{equation}</code>
          <span>{words}</span>
        </li>
      ))}
    </ol>
  );
}
