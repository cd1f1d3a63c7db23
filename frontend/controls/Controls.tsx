// Controls by themselves: those that `fields` names, in its order, or all live settings below their headings.
import { useLab } from "../shared/lab.tsx";
import { useStore } from "../shared/use_store.ts";
import { DERIVATIVE, DerivativeEditor } from "./derivative/DerivativeEditor.tsx";
import { LiveField } from "./fields/Field.tsx";
import { Groups } from "./Groups.tsx";

const all = () => true;

export function Controls() {
  const lab = useLab();
  const { text, by } = useStore(lab.page, (state) => state.refusal);
  const fields = lab.options.fields as string[] | null | undefined;
  const refused = text !== "" && by === "";
  return (
    <div class="dfa-controls-part" data-testid="dfa-controls-list">
      {refused && (
        <p class="dfa-error" role="alert" data-testid="dfa-desk-error">
          {text}
        </p>
      )}
      {fields ? fields.map((field) => <LiveField key={field} field={field} />) : <Groups takes={all} editor />}
      {fields?.includes(DERIVATIVE) && <DerivativeEditor />}
    </div>
  );
}
