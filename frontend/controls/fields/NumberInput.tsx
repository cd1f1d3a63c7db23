// A number to set: a box to type it in and, where there is a span for it, a slider beside the box.
import { useRef, useState } from "preact/hooks";
import { blocked } from "../reasons.ts";
import { Scale } from "./scale.ts";
import { read, same, written } from "./values.ts";

/** What an input is for: made of a setting's spec or of a choice's parameter. */
export interface What {
  id: string;
  label: string;
  kind: string;
  slider?: (number | string)[] | null;
  minimum?: number | null;
  optional?: boolean;
  several?: boolean;
  unit?: string;
  placeholder?: string;
  describedBy?: string;
  testid: string;
}

export interface InputProps {
  what: What;
  value: unknown;
  set: (value: unknown) => void;
  /** Why it cannot be used, "" where it can. */
  why: string;
}

const CUT = 9; // from so many letters on the box shows only some of them

/** What is begun and not committed: what stands in the box, and where the slider is. */
interface Begun {
  text: string;
  place: number | null;
}

export function NumberInput({ what, value, set, why }: InputProps) {
  const [begun, setBegun] = useState<Begun | null>(null);
  const kept = useRef<Begun | null>(null);
  const begin = (next: Begun | null) => {
    kept.current = next;
    setBegun(next);
  };
  const commit = (wanted: unknown) => {
    begin(null);
    if (!same(wanted, value)) set(wanted);
  };
  const finish = () => kept.current && kept.current.place === null && commit(read(kept.current.text, what));
  const text = begun?.text ?? written(value);
  const scale = what.slider ? new Scale(what.slider, { whole: what.kind === "integer", minimum: what.minimum }) : null;
  const spoken = (one: unknown) => `${written(one)} ${what.unit ?? ""}`.trim();
  const place = begun?.place ?? null;
  return (
    <>
      {scale && (
        <input
          type="range"
          class="dfa-slider"
          min={scale.low}
          max={scale.high}
          step={scale.step}
          value={place ?? scale.position(Array.isArray(value) ? value[0] : value)}
          aria-label={`${what.label}, slider`}
          aria-describedby={what.describedBy}
          aria-valuetext={spoken(place === null ? value : scale.value(place))}
          data-testid={`${what.testid}-slider`}
          {...blocked(why)}
          onInput={({ currentTarget }) => {
            const moved = Number(currentTarget.value);
            begin({ text: written(scale.value(moved)), place: moved });
          }}
          onChange={({ currentTarget }) => commit(scale.value(Number(currentTarget.value)))}
          onBlur={() => kept.current && begin(null)}
        />
      )}
      <input
        type="text"
        id={what.id}
        class="dfa-box"
        spellcheck={false}
        autocomplete="off"
        inputmode={what.kind === "text" || what.kind === "integers" || what.several ? undefined : "decimal"}
        placeholder={what.placeholder}
        aria-describedby={what.describedBy}
        data-testid={what.testid}
        value={text}
        {...blocked(why, text.length > CUT ? text : "")}
        onInput={({ currentTarget }) => begin({ text: currentTarget.value, place: null })}
        onKeyDown={(event) => {
          // Not left to the browser's own change event, which JupyterLab can keep a box from.
          if (event.key === "Enter") finish();
          else if (event.key === "Escape" && kept.current) {
            event.stopPropagation(); // taken back: it shuts no drawer as well
            begin(null);
          }
        }}
        onBlur={finish}
      />
    </>
  );
}
