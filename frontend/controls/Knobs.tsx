// The five knobs: rule, feedback, derivative, batch size, learning rate.
import { useLab } from "../shared/lab.tsx";
import { useStore } from "../shared/use_store.ts";
import { DERIVATIVE } from "./derivative/DerivativeEditor.tsx";
import { isOffered } from "./drawers/names.ts";
import { LiveField } from "./fields/Field.tsx";
import { KNOBS } from "./reasons.ts";

export function Knobs() {
  const lab = useLab();
  const draws = useStore(lab.panel, (state) => isOffered(state, "derivative"));
  const open = useStore(lab.page, (state) => state.drawer === "derivative");
  return (
    <section class="dfa-knobs" aria-label="knobs" data-part="knobs" data-testid="dfa-knobs">
      {KNOBS.map((field) => (
        <LiveField key={field} field={field}>
          {field === DERIVATIVE && draws && (
            <button
              type="button"
              class="dfa-link"
              aria-expanded={open}
              title="See f, f′ and g; type g as a text, or draw it by hand"
              data-testid="dfa-open-derivative"
              onClick={() => lab.page.patch({ drawer: open ? "" : "derivative" })}
            >
              see, draw
            </button>
          )}
        </LiveField>
      ))}
    </section>
  );
}
