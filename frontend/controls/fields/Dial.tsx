// The angle dial: B at an angle of 0–180° from Wᵀ. Dragged, moved by arrow keys, or typed into its box.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { angleOf, at, HEIGHT, RADIUS, turned, WIDTH, X, Y } from "./angles.ts";
import { type InputProps, NumberInput } from "./NumberInput.tsx";
import { Throttle } from "./throttle.ts";
import { written } from "./values.ts";

const FOLLOWS_MS = 200; // B follows a drag that often
const [START, END] = [at(0, RADIUS), at(180, RADIUS)];
const FACE = `M${START} A${RADIUS} ${RADIUS} 0 0 0 ${END} Z`;

function Arrow({ name, angle, className }: { name: string; angle: number; className: string }) {
  const [tip, base] = [X + RADIUS, Y];
  const [x, y] = at(angle, RADIUS + 11);
  // Where B lies on Wᵀ its name stands above.
  const above = name === "B" && angle < 14 ? -11 : 4;
  return (
    <g class={className}>
      <g transform={`rotate(${-angle} ${X} ${Y})`}>
        <line x1={X} y1={Y} x2={tip - 5} y2={base} />
        <path d={`M${tip} ${base} l-8 -4 v8 z`} />
      </g>
      <text class="dfa-dial-name" text-anchor="middle" x={x} y={y + above}>
        {name}
      </text>
    </g>
  );
}

export function Dial({ what, value, set, why }: InputProps) {
  const [dragged, setDragged] = useState<number | null>(null);
  const latest = useRef<(angle: number) => void>(() => {});
  latest.current = (angle) => {
    if (angle !== value) set(angle);
  };
  const follow = useMemo(() => new Throttle<number>((angle) => latest.current(angle), FOLLOWS_MS), []);
  useEffect(() => () => follow.drop(), [follow]);
  const angle = dragged ?? (typeof value === "number" ? value : 0);
  const pointed = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const shrink = WIDTH / box.width;
    return angleOf((event.clientX - box.left) * shrink, (event.clientY - box.top) * shrink);
  };
  const drag = (event: PointerEvent) => {
    const to = pointed(event);
    setDragged(to);
    follow.call(to);
  };
  const drop = () => {
    if (dragged === null) return;
    follow.flush();
    setDragged(null);
  };
  const inner = RADIUS * 0.42;
  return (
    <>
      <div
        class="dfa-angle-dial"
        tabIndex={0}
        role="slider"
        aria-label="angle between the feedback B and Wᵀ"
        aria-valuemin={0}
        aria-valuemax={180}
        aria-valuenow={angle}
        aria-valuetext={`${written(angle)} degrees`}
        aria-disabled={Boolean(why)}
        data-testid={`${what.testid}-dial`}
        onPointerDown={(event) => {
          if (why || event.button) return;
          event.preventDefault(); // no text is chosen on the way
          event.currentTarget.setPointerCapture(event.pointerId);
          event.currentTarget.focus();
          drag(event);
        }}
        onPointerMove={(event) => dragged !== null && drag(event)}
        onPointerUp={drop}
        onPointerCancel={drop}
        onKeyDown={(event) => {
          if (why || event.ctrlKey || event.metaKey || event.altKey) return;
          const to = turned(angle, event.key, event.shiftKey);
          if (to === null) return;
          event.preventDefault();
          latest.current(to);
        }}
      >
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
          <path class="dfa-angle-face" d={FACE} />
          <path
            class="dfa-dial-sector"
            d={`M${X} ${Y} L${at(0, inner)} A${inner} ${inner} 0 0 0 ${at(angle, inner)} Z`}
          />
          {[30, 60, 90, 120, 150].map((mark) => {
            const [[x1, y1], [x2, y2]] = [at(mark, RADIUS - (mark === 90 ? 8 : 4)), at(mark, RADIUS)];
            return <line key={mark} class="dfa-dial-tick" x1={x1} y1={y1} x2={x2} y2={y2} />;
          })}
          {angle < 160 && (
            <text class="dfa-dial-degrees" text-anchor="end" x={X - RADIUS - 3} y={Y + 4}>
              180°
            </text>
          )}
          <text class="dfa-dial-degrees" text-anchor="middle" x={X} y={Y + 14}>
            90° is chance
          </text>
          <Arrow name="Wᵀ" angle={0} className="dfa-dial-weights" />
          <Arrow name="B" angle={angle} className="dfa-dial-feedback" />
        </svg>
      </div>
      <NumberInput what={{ ...what, slider: null }} value={dragged ?? value} set={set} why={why} />
    </>
  );
}
