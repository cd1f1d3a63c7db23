// The points of a derivative drawn by hand: handles over the plot, moved by pointer or arrow keys.
import { HIGHEST, type Point, REACH, toX, toY, within } from "./points.ts";

const ARROWS: Record<string, Point> = {
  ArrowLeft: [-0.1, 0],
  ArrowRight: [0.1, 0],
  ArrowUp: [0, 0.05],
  ArrowDown: [0, -0.05],
};

interface Props {
  points: Point[];
  range: Point;
  locked: boolean;
  /** The x and g at a place of the page. */
  pointed: (event: PointerEvent) => Point;
  /** Which point is dragged, null for none. */
  dragged: number | null;
  take: (i: number) => void;
  drag: (i: number, to: Point) => void;
  drop: () => void;
  /** One step by a key. */
  nudge: (i: number, to: Point) => void;
  remove: (i: number) => void;
}

export function Handles({ points, range, locked, pointed, dragged, take, drag, drop, nudge, remove }: Props) {
  const press = (event: KeyboardEvent, i: number) => {
    if (locked || event.ctrlKey || event.metaKey || event.altKey) return;
    const by = ARROWS[event.key];
    const far = event.shiftKey ? 5 : 1;
    if (by) nudge(i, [points[i][0] + by[0] * far, points[i][1] + by[1] * far]);
    else if (event.key === "Delete" || event.key === "Backspace") remove(i);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <g>
      {points.map(([x, g], i) => {
        // A point out of sight has its handle at the picture's edge, where it can be taken.
        const [across, height] = [within(x, -REACH, REACH), within(g, ...range)];
        return (
          <g
            key={i}
            class="dfa-handle"
            tabindex={0}
            role="slider"
            aria-orientation="vertical"
            aria-label={`point ${i + 1} of ${points.length}`}
            aria-valuenow={g}
            aria-valuemin={-HIGHEST}
            aria-valuemax={HIGHEST}
            aria-valuetext={`g ${g} at x ${x}`}
            aria-disabled={locked}
            data-testid={`dfa-point-${i}`}
            transform={`translate(${toX(across)} ${toY(height, range)})`}
            onPointerDown={(event) => {
              if (locked || event.button) return;
              event.preventDefault();
              event.stopPropagation();
              event.currentTarget.setPointerCapture(event.pointerId);
              event.currentTarget.focus();
              take(i);
            }}
            onPointerMove={(event) => dragged === i && drag(i, pointed(event))}
            onPointerUp={drop}
            onPointerCancel={drop}
            onKeyDown={(event) => press(event, i)}
          >
            <circle class="dfa-handle-reach" r="11" />
            <circle class="dfa-handle-dot" r="5" />
          </g>
        );
      })}
    </g>
  );
}
