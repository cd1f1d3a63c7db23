// The derivative's editor: f, f′ and g drawn; g typed as text in x, or drawn by hand.

import { useEffect, useRef, useState } from "preact/hooks";
import { focusedBeside } from "../../shared/keys.ts";
import { useLab } from "../../shared/lab.tsx";
import type { Choice, PanelState } from "../../shared/messages.ts";
import { useOwnId } from "../../shared/own_id.ts";
import { useStore } from "../../shared/use_store.ts";
import { type Sent, useSent } from "../fields/use_sent.ts";
import { same, shown, split } from "../fields/values.ts";
import { blocked, reason } from "../reasons.ts";
import { CurvesPlot } from "./CurvesPlot.tsx";
import { Handles } from "./Handles.tsx";
import { bounded, type Point, placeOf, REACH, sampled, span, through, WIDTH, withOneMore } from "./points.ts";

export const DERIVATIVE = "activation_derivative";
const ALLOWED = "Text in x: + - * / **, comparisons, tanh, exp, sin, abs, max and others. Enter uses it.";
const FINE = Array.from({ length: 321 }, (_, i) => -REACH + (2 * REACH * i) / 320);

const drawn = (value: unknown): Point[] | null => {
  const { name, points } = (value ?? {}) as { name?: string; points?: Point[] };
  return name === "points" && points ? points : null;
};

const NO_CHOICES: Choice[] = [];
const choicesOf = ({ specs }: PanelState) => specs?.find(({ field }) => field === DERIVATIVE)?.choices;
const LONGEST = 28;

/** A derivative as short as its curve's key needs it: "step", "1 - tanh(x)**2". */
function nameOf(value: unknown, choices: Choice[]): string {
  const { name } = split(
    value,
    choices.map((choice) => choice.name),
  );
  const text = choices.find((choice) => choice.name === name)?.title.split(":")[0] ?? shown(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

export function DerivativeEditor() {
  const lab = useLab();
  const curves = useStore(lab.panel, (state) => state.curves);
  const value = useStore(lab.panel, (state) => state.settings?.[DERIVATIVE]);
  const choices = useStore(lab.panel, choicesOf) ?? NO_CHOICES;
  const why = useStore(lab.panel, (state) => reason(state, DERIVATIVE) || reason(state, "change"));
  const hidden = useStore(lab.panel, ({ hide = [] }) => hide.includes("curves") || hide.includes(DERIVATIVE));
  const sent = useSent(value, (wanted) => lab.act({ do: "change", fields: { [DERIVATIVE]: wanted } }, DERIVATIVE));
  const [drawing, setDrawing] = useState(false);
  const [held, setHeld] = useState<{ i: number; points: Point[] } | null>(null);
  const [focused, setFocused] = useState<number | null>(null);
  const frame = useRef<SVGSVGElement>(null);
  const before = useRef<unknown>(undefined);
  useEffect(() => {
    if (same(before.current, value)) return;
    before.current = value;
    setDrawing(drawn(value) !== null);
  });
  const handle = (i: number) => frame.current?.querySelectorAll<SVGElement>(".dfa-handle")[i];
  useEffect(() => {
    if (focused === null) return;
    handle(focused)?.focus();
    setFocused(null);
  });
  if (!curves || hidden) return null;

  const kept = drawn(sent.shown) ?? sampled(curves.x, curves.g);
  const points = held?.points ?? kept;
  const range = span([curves.f, curves.exact, curves.g]);
  const commit = (next: Point[]) => sent.set({ name: "points", points: next });
  const moved = (i: number, to: Point) => points.map((one, other) => (other === i ? bounded(points, i, to) : one));
  const pointed = (event: PointerEvent): Point => {
    const box = (frame.current as SVGSVGElement).getBoundingClientRect();
    const shrink = WIDTH / box.width;
    return placeOf((event.clientX - box.left) * shrink, (event.clientY - box.top) * shrink, range);
  };
  const remove = (i: number) => {
    if (points.length <= 2) return;
    const place = i < 0 ? points.length - 2 : i;
    commit(points.filter((_, other) => other !== place));
    setFocused(Math.min(place, points.length - 2));
  };
  const insert = () => {
    const [more, place] = withOneMore(points);
    commit(more);
    setFocused(place);
  };
  const chosen = () =>
    [...(frame.current?.querySelectorAll(".dfa-handle") ?? [])].indexOf(focusedBeside(frame.current) as Element);
  const gaps = curves.undefined;
  const sketch = drawing ? { x: FINE, g: FINE.map((x) => through(points, x)) } : null;
  return (
    <div class="dfa-derivative" data-testid="dfa-derivative">
      <CurvesPlot
        curves={curves}
        sketch={sketch}
        range={range}
        now={nameOf(value, choices)}
        words={`f, its derivative f′, and g in force: ${shown(value)}`}
        frame={frame}
      >
        {drawing && (
          <Handles
            points={points}
            range={range}
            locked={Boolean(why)}
            pointed={pointed}
            dragged={held?.i ?? null}
            take={(i) => setHeld({ i, points })}
            drag={(i, to) => setHeld({ i, points: moved(i, to) })}
            drop={() => {
              if (held) commit(held.points);
              setHeld(null);
            }}
            nudge={(i, to) => commit(moved(i, to))}
            remove={remove}
          />
        )}
      </CurvesPlot>
      {gaps && (
        <p class="dfa-warning" role="status" data-testid="dfa-undefined">
          {`g has no finite value ${gaps}: a preactivation there makes the update undefined.`}
        </p>
      )}
      <Expression sent={sent} why={why} />
      <div class="dfa-line">
        <button
          type="button"
          class="dfa-button"
          aria-pressed={drawing}
          data-testid="dfa-do-draw"
          {...blocked(why, "Drag points; arrow keys move the chosen one.")}
          onClick={() => setDrawing(!drawing)}
        >
          Draw by hand
        </button>
        {drawing && (
          <>
            <button
              type="button"
              class="dfa-button"
              data-testid="dfa-do-point-add"
              {...blocked(why, "Another point, in the widest gap.")}
              onClick={insert}
            >
              + point
            </button>
            <button
              type="button"
              class="dfa-button"
              data-testid="dfa-do-point-remove"
              {...blocked(why, "Take away the chosen point (Delete).")}
              onPointerDown={(event) => event.preventDefault()} // the chosen point keeps the focus
              onClick={() => remove(chosen())}
            >
              − point
            </button>
          </>
        )}
      </div>
    </div>
  );
}

/** g as a text in x. */
function Expression({ sent, why }: { sent: Sent; why: string }) {
  const lab = useLab();
  const id = useOwnId();
  const choices = useStore(lab.panel, choicesOf) ?? NO_CHOICES;
  const [begun, setBegun] = useState<string | null>(null);
  const own =
    typeof sent.shown === "string" &&
    split(
      sent.shown,
      choices.map(({ name }) => name),
    ).name === null;
  const use = () => {
    const typed = begun?.trim();
    setBegun(null);
    if (typed && !same(typed, sent.shown)) sent.set(typed);
  };
  return (
    <div class="dfa-row dfa-wide">
      <label class="dfa-field-name" for={id}>
        g(x) =
      </label>
      <input
        id={id}
        type="text"
        class="dfa-box dfa-expression"
        spellcheck={false}
        autocomplete="off"
        maxlength={500}
        placeholder="for example 1 - tanh(x)**2"
        aria-describedby={`${id}-help`}
        data-testid="dfa-expression"
        value={begun ?? (own ? String(sent.shown) : "")}
        {...blocked(why, ALLOWED)}
        onInput={({ currentTarget }) => setBegun(currentTarget.value)}
        onBlur={use}
        onKeyDown={(event) => {
          if (event.key === "Enter") use();
          else if (event.key === "Escape" && begun !== null) {
            event.stopPropagation(); // taken back: it shuts no drawer as well
            setBegun(null);
          }
        }}
      />
      <span class="dfa-unseen" id={`${id}-help`}>
        {ALLOWED}
      </span>
    </div>
  );
}
