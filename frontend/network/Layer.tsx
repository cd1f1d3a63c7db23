// A hidden layer: W and the units, the way its error comes, and its dial.
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Matrix, NetworkLayer } from "../shared/messages.ts";
import { scaleOf, transposed } from "./colours.ts";
import { ModuleBox } from "./Ends.tsx";
import { type Box, cellOf, cells, type LayerPlace, stepBack, straightTo, unitAt, upInto } from "./geometry.ts";
import { Strip, Tile } from "./Tile.tsx";
import { carrierLabel, shortened, sourceOf, unitWords, wayOf, weightsLabel } from "./words.ts";

/** The matrix that carries the error here, where its numbers are known. */
export function carried(layer: NetworkLayer, above: NetworkLayer | undefined): Matrix | null {
  if (layer.route === "none") return null;
  if (layer.feedback || layer.route !== "bp") return layer.feedback;
  return layer.partner ?? (above?.weights ? transposed(above.weights) : null);
}

/** What is painted of a layer with units: W, activity, δ, and the matrix below. */
export function LayerTiles({
  layer,
  above,
  weights,
  units,
  delta,
  carrier,
  error,
}: {
  layer: NetworkLayer;
  above?: NetworkLayer;
  weights: Box;
  units: Box;
  delta: Box;
  carrier?: Box;
  error?: number[];
}) {
  const { number, activity } = layer;
  const matrix = carrier ? carried(layer, above) : null;
  const back = error ?? layer.delta;
  return (
    <>
      {layer.weights && (
        <Tile
          box={weights}
          {...layer.weights}
          tone="forward"
          kind="dfa-p dfa-p-forward dfa-p-update"
          name={`W${number}`}
        />
      )}
      {activity && (
        <Strip
          box={units}
          values={activity}
          scale={scaleOf(activity)}
          tone="forward"
          kind="dfa-p dfa-p-forward"
          name={`h${number}`}
        />
      )}
      {back && (
        <Strip
          box={delta}
          values={back}
          scale={scaleOf(back)}
          tone="back"
          kind={error ? "dfa-p dfa-p-error" : "dfa-p dfa-p-signal dfa-p-update"}
          name={`d${number}`}
        />
      )}
      {carrier && matrix && (
        <Tile box={carrier} {...matrix} tone="back" kind="dfa-p dfa-p-signal" name={`B${number}`} />
      )}
    </>
  );
}

/** The units of a layer as one control: a click or the arrow keys choose one. */
export function Units({
  layer,
  units,
  delta,
  weights,
  chosen,
  choose,
}: {
  layer: NetworkLayer;
  units: Box;
  delta: Box;
  weights: Box;
  chosen: number;
  choose: (place: number) => void;
}) {
  const { activity, name, number } = layer;
  if (!activity) return null;
  const count = activity.length;
  const whole = { ...units, width: delta.x + delta.width - units.x };
  const cell = chosen >= 0 ? cellOf(chosen, count, units) : null;
  const steps: Record<string, number> = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
  return (
    <g
      class="dfa-units"
      role="slider"
      tabindex={0}
      aria-label={`units of ${name}`}
      aria-orientation="vertical"
      aria-valuemin={0}
      aria-valuemax={count - 1}
      aria-valuenow={Math.max(0, chosen)}
      aria-valuetext={chosen >= 0 ? unitWords(layer, chosen) : "none chosen"}
      data-testid={`dfa-units-${number}`}
      onClick={(event) => {
        const box = event.currentTarget.ownerSVGElement?.getBoundingClientRect();
        if (!box) return;
        const across = Math.min(event.clientX - box.left, units.x + units.width - 1);
        const place = unitAt(count, units, across, event.clientY - box.top);
        if (place >= 0) choose(place === chosen ? -1 : place);
      }}
      onKeyDown={(event) => {
        const step = steps[event.key];
        if (!step && event.key !== "Escape") return;
        event.preventDefault();
        event.stopPropagation();
        choose(step ? Math.max(0, Math.min(count - 1, chosen < 0 ? 0 : chosen + step)) : -1);
      }}
    >
      <title>On the left the activity h, on the right δ. Click a unit to see its numbers</title>
      <rect class="dfa-hit" {...whole} />
      {cell && <rect class="dfa-chosen" {...cell} width={whole.width} />}
      {cell && cells(count, units).columns === 1 && layer.weights && (
        <rect class="dfa-chosen dfa-chosen-row" {...weights} y={cell.y} height={cell.height} />
      )}
    </g>
  );
}

/**
 * Light what changed once: the element carries `data-changed` for a moment. A signature that was not known before is no
 * change.
 */
function useFlash(way: string, signature: string | null) {
  const element = useRef<SVGGElement>(null);
  const before = useRef({ way, signature });
  useLayoutEffect(() => {
    const { way: last, signature: known } = before.current;
    before.current = { way, signature };
    const lit = element.current;
    if (!lit || (last === way && (known === null || known === signature))) return undefined;
    const times = Number(lit.dataset.flashes ?? 0) + 1;
    lit.dataset.flashes = String(times);
    lit.dataset.changed = times % 2 ? "odd" : "even"; // another name starts the animation again
    const timer = setTimeout(() => delete lit.dataset.changed, 1600);
    return () => clearTimeout(timer);
  }, [way, signature]);
  return element;
}

/** What of the settings changes the way back, and what changes the slope; null where they are not known. */
export interface Signatures {
  feedback: string | null;
  slope: string | null;
}

/** The width of the box that says that nothing comes back. */
export const nothingWide = (carrier: Box, slot: Box): number => Math.max(carrier.width, Math.min(slot.width - 6, 76));

/** The way the error comes to a layer, up to its units. */
export function WayBack({
  layer,
  layers,
  place,
  from,
  error,
  signatures,
  head,
  em,
  room,
}: {
  layer: NetworkLayer;
  layers: readonly NetworkLayer[];
  place: LayerPlace;
  /** Where the layer above sends from, and where the output does. */
  from: [x: number, y: number, past: number];
  error: Box;
  signatures: Signatures;
  head: string;
  em: number;
  /** How wide the matrix's symbol may be. */
  room: number;
}) {
  const way = useFlash(wayOf(layer), signatures.feedback);
  const slope = useFlash(layer.route, signatures.slope);
  const { route, number } = layer;
  const label = carrierLabel(layer);
  const { carrier, units, delta } = place;
  const bottom = units.y + units.height;
  const middle = carrier.x + carrier.width / 2;
  const nothing = nothingWide(carrier, place.slot);
  const known = carried(layer, layers[place.index + 1]) !== null;
  const path =
    route === "direct"
      ? straightTo(error.x + error.width * 0.5, error.y + error.height, carrier, place.lane)
      : route === "none"
        ? ""
        : stepBack(...from, carrier);
  return (
    <g
      ref={way}
      class="dfa-route"
      data-testid={`dfa-route-${number}`}
      data-route={route}
      data-rule={layer.rule}
      data-from={sourceOf(layers, place.index)}
      data-to={number}
      data-carrier={route === "none" ? "" : label}
    >
      {route === "none" ? (
        <>
          <rect class="dfa-nothing" {...carrier} x={middle - nothing / 2} width={nothing} rx={3} />
          <text class="dfa-small" x={middle} y={carrier.y + carrier.height / 2} dy="-0.2em" text-anchor="middle">
            nothing
          </text>
          <text class="dfa-small" x={middle} y={carrier.y + carrier.height / 2} dy="0.9em" text-anchor="middle">
            comes back
          </text>
        </>
      ) : (
        <>
          <path class="dfa-back dfa-p dfa-p-signal" d={path} marker-end={head} />
          <rect class={`dfa-carrier dfa-p dfa-p-signal ${known ? "" : "dfa-unknown"}`} {...carrier} rx={2} />
          <text class="dfa-warm-text" x={carrier.x + carrier.width + 4} y={carrier.y + carrier.height / 2} dy="-0.45em">
            {label.length * 0.6 * em > room ? `${label.slice(0, 4)}…` : label}
            <title>{`${label}, the matrix that carries the error to ${layer.name}`}</title>
          </text>
          <g ref={slope} class="dfa-slope" data-testid={`dfa-slope-${number}`}>
            <path class="dfa-back dfa-p dfa-p-signal" d={upInto(carrier, bottom)} marker-end={head} />
            <text class="dfa-small" x={middle - 7} y={(bottom + carrier.y) / 2} dy="0.35em" text-anchor="end">
              × {layer.slope_symbol}
              <title>
                {layer.slope_symbol === "g"
                  ? "times g, the run’s own derivative, in place of the slope f′ of the activation"
                  : "times the slope f′ of the activation"}
              </title>
            </text>
          </g>
        </>
      )}
      {layer.route === "none" && (
        <rect
          class="dfa-frozen"
          x={units.x - 2}
          y={units.y - 2}
          width={delta.x + delta.width - units.x + 4}
          height={units.height + 4}
          rx={2}
        />
      )}
    </g>
  );
}

/** Name and size of a layer above its units; a box in place of units whose numbers the message does not have. */
export function LayerNames({
  layer,
  place,
  names,
  rule,
}: {
  layer: NetworkLayer;
  place: LayerPlace;
  names: number;
  /** The layer's own rule, where not all have the same. */
  rule: string;
}) {
  const { weights, units, delta } = place;
  const right = delta.x + delta.width;
  return (
    <>
      <text class="dfa-name" x={right} y={names} text-anchor="end">
        {layer.activity ? shortened(layer.name, place.slot.width - 26) : `layer ${layer.number}`}
        {rule ? (
          <tspan class="dfa-warm-text"> {rule}</tspan>
        ) : (
          <tspan class="dfa-size-of"> · {layer.size.toLocaleString("en")}</tspan>
        )}
        <title>{`${layer.name}: ${layer.size.toLocaleString("en")} units`}</title>
      </text>
      {layer.weights && (
        <text class="dfa-accent-text" x={weights.x} y={weights.y + units.height} dy="1.1em">
          {weightsLabel(layer.number)}
          <title>{`the weights that lead to ${layer.name}`}</title>
        </text>
      )}
      {!layer.activity && <ModuleBox layer={layer} box={{ ...units, x: weights.x, width: right - weights.x }} />}
    </>
  );
}
