// One line that says in words what is happening, or why the last was refused; the runs beside each other at its end.

import { sayingDrawer } from "../controls/reasons.ts";
import { Runs } from "../controls/transport/Runs.tsx";
import { useLab } from "../shared/lab.tsx";
import { useStore } from "../shared/use_store.ts";

export function Words() {
  const lab = useLab();
  const words = useStore(lab.panel, (state) => state.words) ?? "";
  const { text, by } = useStore(lab.page, (state) => state.refusal);
  const drawer = useStore(lab.page, (state) => state.drawer);
  // A story says more than one line: while it is told it stands in this place, and the runs are in "compare".
  const told = useStore(lab.story, (state) => Boolean(state?.told));
  // What is said beside the control that asked for it is not said here again.
  const place = sayingDrawer(lab.panel.get(), by);
  const refused = text !== "" && place !== "" && place !== drawer;
  if (told && !refused) return null;
  return (
    <div class="dfa-words-line">
      <p class="dfa-words" title={refused ? text : words} data-part="words" data-testid="dfa-words">
        {refused ? (
          <span class="dfa-error" role="alert" data-testid="dfa-desk-error">
            {text}
          </span>
        ) : (
          words
        )}
      </p>
      {!told && <Runs />}
    </div>
  );
}
