// The network as it stands: tiles of values under an SVG of lines and controls, both in the same pixels.

import type { NetworkLayer, NetworkState } from "../shared/messages.ts";
import { useOwnId } from "../shared/own_id.ts";
import { Dial } from "./Dial.tsx";
import { InputNames, InputTile, inputBox, Output } from "./Ends.tsx";
import { forward, type LayerPlace, type Plan, stepBack, straightTo } from "./geometry.ts";
import { carried, LayerNames, LayerTiles, nothingWide, type Signatures, Units, WayBack } from "./Layer.tsx";

export interface Choice {
  layer: number;
  /** Its place among the drawn units. */
  place: number;
}

export interface Hands {
  choose: (layer: NetworkLayer, place: number) => void;
  open: (layer: NetworkLayer) => void;
  point: (layer: NetworkLayer | null) => void;
  unfold: () => void;
}

export function Drawing({
  state,
  plan,
  chosen,
  signatures,
  enlarges,
  hands,
  describedBy,
}: {
  state: NetworkState;
  plan: Plan;
  chosen: Choice | null;
  signatures: Signatures;
  /** Whether a click on a dial opens its matrices large. */
  enlarges: boolean;
  hands: Hands;
  describedBy: string;
}) {
  const id = useOwnId();
  const { layers, sample } = state;
  const [forwardHead, backHead] = [`url(#${id}-forward)`, `url(#${id}-back)`];
  const last = layers[layers.length - 1];
  const mixed = new Set(layers.slice(0, -1).map(({ rule }) => rule)).size > 1;
  const { input, hidden, fold, output } = plan;
  const picture = inputBox(plan, sample);
  const middle = input.y + input.height / 2;
  const placeOf = (layer: NetworkLayer) => (chosen?.layer === layer.number ? chosen.place : -1);

  /** Where the layer above a shown one sends its δ from. */
  const from = (order: number): [number, number, number] => {
    const place = hidden[order];
    const next = hidden[order + 1];
    if (fold && place.index + 1 === fold.first) return [fold.carrier.x, fold.carrier.y + fold.carrier.height / 2, 0];
    return next ? below(next, layers[next.index]) : [output.error.x, output.error.y + output.error.height / 2, 0];
  };
  const ends = [picture.x + picture.width, ...hidden.map(({ delta }) => delta.x + delta.width)];
  const starts = [...hidden, output].map(({ weights }, order) => {
    const layer = layers[hidden[order]?.index ?? layers.length - 1];
    const crossesFold =
      fold && (hidden[order]?.index === fold.last + 1 || (!hidden[order] && fold.last === layers.length - 2));
    const begin = crossesFold ? fold.box.x + fold.box.width : ends[order];
    return { number: layer.number, from: begin + 3, to: weights.x - 3 };
  });

  return (
    <>
      <div aria-hidden="true">
        <InputTile plan={plan} sample={sample} />
        {hidden.map((place) => (
          <LayerTiles
            key={layers[place.index].number}
            layer={layers[place.index]}
            above={layers[place.index + 1]}
            {...place}
          />
        ))}
        <LayerTiles
          layer={last}
          weights={output.weights}
          units={output.units}
          delta={output.delta}
          error={sample?.error}
        />
      </div>
      {/* biome-ignore lint/a11y/noSvgWithoutTitle: the group around it has the words */}
      <svg class="dfa-lines" width={plan.width} height={plan.height}>
        <defs>
          <Head id={`${id}-forward`} kind="dfa-head-forward" />
          <Head id={`${id}-back`} kind="dfa-head-back" />
          <pattern id={`${id}-ice`} class="dfa-ice" width="6" height="6" patternUnits="userSpaceOnUse">
            <path d="M0 6L6 0M-1 1L1 -1M5 7L7 5" />
          </pattern>
        </defs>
        <g style={{ "--dfa-ice": `url(#${id}-ice)` }}>
          <InputNames plan={plan} sample={sample} />
          {starts.map(({ number, from: begin, to }) => (
            <path
              key={number}
              class="dfa-forward dfa-p dfa-p-forward"
              d={forward(begin, Math.max(begin + 4, to), middle)}
              marker-end={forwardHead}
            />
          ))}
          {fold && (
            <Folded plan={plan} layers={layers} unfold={hands.unfold} forwardHead={forwardHead} backHead={backHead} />
          )}
          {hidden.map((place, order) => {
            const layer = layers[place.index];
            const { weights, units, delta } = place;
            return (
              <g
                key={layer.number}
                class="dfa-layer"
                data-testid={`dfa-layer-${layer.number}`}
                data-learns={layer.route !== "none"}
              >
                <LayerNames layer={layer} place={place} names={plan.names} rule={mixed ? layer.rule : ""} />
                <WayBack
                  layer={layer}
                  layers={layers}
                  place={place}
                  from={from(order)}
                  error={output.error}
                  signatures={signatures}
                  head={backHead}
                  em={plan.em}
                  room={(hidden[order + 1]?.carrier.x ?? output.error.x) - place.carrier.x - place.carrier.width - 6}
                />
                <Units
                  layer={layer}
                  units={units}
                  delta={delta}
                  weights={weights}
                  chosen={placeOf(layer)}
                  choose={(unit) => hands.choose(layer, unit)}
                />
                <Dial
                  layer={layer}
                  place={place}
                  describedBy={describedBy}
                  first={order === 0}
                  enlarges={enlarges && carried(layer, layers[place.index + 1]) !== null}
                  open={() => hands.open(layer)}
                  point={(here) => hands.point(here ? layer : null)}
                />
              </g>
            );
          })}
          <Output state={state} plan={plan} layer={last} head={backHead} />
          <Units
            layer={last}
            units={output.units}
            delta={output.delta}
            weights={output.weights}
            chosen={placeOf(last)}
            choose={(unit) => hands.choose(last, unit)}
          />
        </g>
      </svg>
    </>
  );
}

/** Where a layer sends its δ from, and the left side of what stands below it. */
const below = ({ units, carrier, slot }: LayerPlace, { route }: NetworkLayer): [number, number, number] => [
  units.x + 2,
  units.y + units.height + 6,
  carrier.x - (route === "none" ? (nothingWide(carrier, slot) - carrier.width) / 2 : 0),
];

function Head({ id, kind }: { id: string; kind: string }) {
  return (
    <marker
      id={id}
      class={kind}
      viewBox="0 0 8 8"
      refX="7"
      refY="4"
      markerWidth="8"
      markerHeight="8"
      markerUnits="userSpaceOnUse"
      orient="auto"
    >
      <path d="M0 0.5L8 4L0 7.5Z" />
    </marker>
  );
}

/** The layers in the middle of a deep network, as one box that opens. */
function Folded({
  plan,
  layers,
  unfold,
  forwardHead,
  backHead,
}: {
  plan: Plan;
  layers: readonly NetworkLayer[];
  unfold: () => void;
  forwardHead: string;
  backHead: string;
}) {
  const { fold, hidden, output } = plan;
  if (!fold) return null;
  const { box, carrier, first, last } = fold;
  const inside = layers.slice(first, last + 1);
  const before = hidden.find(({ index }) => index === first - 1);
  const after = hidden.find(({ index }) => index === last + 1);
  const middle = box.y + box.height / 2;
  const top = inside[inside.length - 1];
  const centre = box.x + box.width / 2;
  const beyond = output.error;
  const source: [number, number, number] = after
    ? below(after, layers[after.index])
    : [beyond.x, beyond.y + beyond.height / 2, 0];
  const path =
    top.route === "direct"
      ? straightTo(output.error.x + output.error.width / 2, output.error.y + output.error.height, carrier, fold.lane)
      : top.route === "none"
        ? ""
        : stepBack(...source, carrier);
  return (
    <>
      {before && (
        <path
          class="dfa-forward dfa-p dfa-p-forward"
          d={forward(before.delta.x + before.delta.width + 3, box.x - 1, middle)}
          marker-end={forwardHead}
        />
      )}
      {path && <path class="dfa-back dfa-p dfa-p-signal" d={path} marker-end={backHead} />}
      {path && (
        <text
          class="dfa-warm-text"
          x={carrier.x + carrier.width / 2}
          y={carrier.y + carrier.height / 2}
          dy="0.35em"
          text-anchor="middle"
        >
          ⋯
        </text>
      )}
      {/* biome-ignore lint/a11y/useSemanticElements: an SVG has no buttons */}
      <g
        role="button"
        tabindex={0}
        class="dfa-fold"
        aria-label={`show the ${inside.length} layers between`}
        data-testid="dfa-unfold"
        onClick={unfold}
        onKeyDown={(event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          event.stopPropagation();
          unfold();
        }}
      >
        <rect class="dfa-module" {...box} rx={6} />
        <text x={centre} y={middle} dy="-0.3em" text-anchor="middle">
          +{inside.length}
        </text>
        <text x={centre} y={middle} dy="0.9em" text-anchor="middle">
          ⋯
        </text>
      </g>
    </>
  );
}
