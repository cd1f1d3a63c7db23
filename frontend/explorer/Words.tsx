// One line that says in words what is happening, or why the last was refused; the runs beside each other at its end.

import { Runs } from "../controls/Runs.tsx";
import { sayingDrawer } from "../controls/reasons.ts";
import { useLab } from "../shared/lab.tsx";
import { useStore } from "../shared/use_store.ts";

export function Words() {
  const lab = useLab();
  const words = useStore(lab.panel, (state) => state.words) ?? "";
  const { text, by } = useStore(lab.page, (state) => state.refusal);
  const drawer = useStore(lab.page, (state) => state.drawer);
  // What is said beside the control that asked for it is not said here again.
  const place = sayingDrawer(lab.panel.get(), by);
  const refused = text !== "" && place !== "" && place !== drawer;
  return (
    <div class="dfa-words-line">
      <p class="dfa-words" data-part="words" data-testid="dfa-words" title={refused ? text : words}>
        {refused ? (
          <span class="dfa-error" role="alert" data-testid="dfa-desk-error">
            {text}
          </span>
        ) : (
          words
        )}
      </p>
      <Runs />
    </div>
  );
}
