// One line that says in words what is happening; what was refused stands there too, where no control says it itself.
import { useLab } from "../shared/lab.tsx";
import { useStore } from "../shared/use_store.ts";

export function Words() {
  const lab = useLab();
  const words = useStore(lab.panel, (state) => state.words) ?? "";
  const refusal = useStore(lab.page, (state) => state.refusal);
  // A story says more than one line: while it is told it stands in this place.
  const told = useStore(lab.story, (state) => Boolean(state?.told));
  const refused = refusal.text && !refusal.by ? refusal.text : "";
  if (told && !refused) return null;
  return (
    <p class="dfa-words" title={words} data-part="words" data-testid="dfa-words">
      {refused ? (
        <span class="dfa-error" role="alert" data-testid="dfa-error">
          {refused}
        </span>
      ) : (
        words
      )}
    </p>
  );
}
