// One line that says in words what is happening.
import { useLab } from "../shared/lab.tsx";
import { useStore } from "../shared/use_store.ts";

export function Words() {
  const lab = useLab();
  const words = useStore(lab.panel, (state) => state.words) ?? "";
  const refusal = useStore(lab.page, (state) => state.refusal);
  return (
    <p class="dfa-words" data-part="words" data-testid="dfa-words">
      {refusal.text && !refusal.by ? <span class="dfa-error">{refusal.text}</span> : words}
    </p>
  );
}
