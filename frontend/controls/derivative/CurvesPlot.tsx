// The picture in the derivative's editor: f, its true f′ and the g in force over the preactivation, with axes.
import { useOwnId } from "../../shared/own_id.ts";
import "./derivative.css";
import type { ComponentChildren, Ref } from "preact";
import type { Curves } from "../../shared/messages.ts";
import { BOTTOM, HEIGHT, LEFT, type Point, path, REACH, RIGHT, TOP, toX, toY, WIDTH } from "./points.ts";

const KINDS = [
  ["f", "f(x)"],
  ["exact", "f′(x)"],
  ["g", "g(x) in force"],
] as const;
const minus = (value: number) => String(Number(value.toFixed(1))).replace("-", "−");
const steps = (low: number, high: number, step: number) =>
  Array.from(
    { length: Math.floor(high / step) - Math.ceil(low / step) + 1 },
    (_, i) => (Math.ceil(low / step) + i) * step,
  );

interface Props {
  curves: Curves;
  /** g as it is drawn by hand, in place of the kernel's. */
  sketch: { x: number[]; g: (number | null)[] } | null;
  range: Point;
  words: string;
  /** What g is now, short. */
  now: string;
  frame: Ref<SVGSVGElement>;
  children: ComponentChildren;
}

export function CurvesPlot({ curves, sketch, range, words, now, frame, children }: Props) {
  const clip = useOwnId();
  const [low, high] = range;
  const step = high - low > 8 ? 5 : high - low > 3.2 ? 1 : 0.5;
  const box = { x: LEFT, y: TOP, width: RIGHT - LEFT, height: BOTTOM - TOP };
  const down = (g: number) => toY(g, range);
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: a drawing with handles is no fieldset */}
      <svg ref={frame} class="dfa-derivative-plot" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="group" aria-label={words}>
        <defs>
          <clipPath id={clip}>
            <rect {...box} />
          </clipPath>
        </defs>
        <rect class="dfa-plot-frame" {...box} />
        {steps(low, high, step).map((g) => (
          <g key={`g ${g}`}>
            <line
              class={Math.abs(g) < 1e-9 ? "dfa-plot-zero" : "dfa-plot-grid"}
              x1={LEFT}
              x2={RIGHT}
              y1={down(g)}
              y2={down(g)}
            />
            <text x={LEFT - 5} y={down(g) + 4} text-anchor="end">
              {minus(g)}
            </text>
          </g>
        ))}
        {steps(-REACH, REACH, 2).map((x) => (
          <g key={`x ${x}`}>
            <line class={x ? "dfa-plot-grid" : "dfa-plot-zero"} x1={toX(x)} x2={toX(x)} y1={TOP} y2={BOTTOM} />
            <text x={toX(x)} y={BOTTOM + 14} text-anchor="middle">
              {minus(x)}
            </text>
          </g>
        ))}
        <text x={(LEFT + RIGHT) / 2} y={HEIGHT - 2} text-anchor="middle">
          preactivation x
        </text>
        <g clip-path={`url(#${clip})`}>
          {KINDS.map(([kind]) => {
            const own = kind === "g" && sketch;
            const d = own ? path(own.x, own.g, toX, down) : path(curves.x, curves[kind] ?? [], toX, down);
            return <path key={kind} class={`dfa-curve dfa-curve-${kind}`} d={d} />;
          })}
        </g>
        {children}
      </svg>
      <div class="dfa-curve-legend">
        {KINDS.map(([kind, name]) => (
          <span key={kind}>
            <svg class="dfa-curve-key" viewBox="0 0 28 10" aria-hidden="true">
              <line class={`dfa-curve dfa-curve-${kind}`} x1="1" y1="5" x2="27" y2="5" />
            </svg>
            {kind === "g" ? `${name}: ${now}` : name}
          </span>
        ))}
      </div>
    </>
  );
}
