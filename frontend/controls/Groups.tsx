// Live settings below their headings, as the kernel groups them.
import { useMemo } from "preact/hooks";
import { useLab } from "../shared/lab.tsx";
import type { Spec } from "../shared/messages.ts";
import { useStore } from "../shared/use_store.ts";
import { DERIVATIVE, DerivativeEditor } from "./derivative/DerivativeEditor.tsx";
import { LiveField } from "./fields/Field.tsx";

const FOLDED = ["Measuring"];
const NONE: Spec[] = [];
const NOT_HIDDEN: string[] = [];

interface Props {
  /** Which of the live settings. */
  takes: (field: string) => boolean;
  /** Whether the derivative's editor stands below its menu. */
  editor?: boolean;
}

export function Groups({ takes, editor = false }: Props) {
  const lab = useLab();
  const specs = useStore(lab.panel, (state) => state.specs) ?? NONE;
  const hide = useStore(lab.panel, (state) => state.hide) ?? NOT_HIDDEN;
  const groups = useMemo(() => {
    const found = new Map<string, string[]>();
    for (const { field, group, live } of specs) {
      if (live && takes(field) && !hide.includes(field)) found.set(group, [...(found.get(group) ?? []), field]);
    }
    return [...found];
  }, [specs, hide, takes]);
  return (
    <>
      {groups.map(([name, fields]) => {
        const rows = fields.map((field) => <LiveField key={field} field={field} />);
        if (editor && fields.includes(DERIVATIVE)) rows.push(<DerivativeEditor key="editor" />);
        return FOLDED.includes(name) ? (
          <details key={name} class="dfa-group">
            <summary>{name}</summary>
            {rows}
          </details>
        ) : (
          <section key={name} class="dfa-group" aria-label={name}>
            <h3>{name}</h3>
            {rows}
          </section>
        );
      })}
    </>
  );
}
