// Both ends of the network: the sample at the input; at the output what the network says, and what leaves it.
import type { NetworkLayer, NetworkSample, NetworkState } from "../shared/messages.ts";
import { scaleOf } from "./colours.ts";
import { type Box, cellOf, fitted, type Plan } from "./geometry.ts";
import { Strip, Tile } from "./Tile.tsx";
import { sentBack, shortened, verdict, weightsLabel } from "./words.ts";

/** Where the input is drawn: a picture, or a column of its values. */
export function inputBox(plan: Plan, sample: NetworkSample | null) {
  const { input, em } = plan;
  if (sample?.shape) return fitted(sample.shape[0], sample.shape[1], input, 5);
  const wide = sample ? (11 * em) / 13 : input.width - 12;
  return { ...input, x: input.x + (input.width - wide) / 2, width: wide };
}

export function InputTile({ plan, sample }: { plan: Plan; sample: NetworkSample | null }) {
  if (!sample) return null;
  const box = inputBox(plan, sample);
  const { shape, input } = sample;
  const common = { box, values: input, scale: scaleOf(input), kind: "dfa-p dfa-p-forward", name: "input" };
  if (!shape) return <Strip {...common} tone="forward" />;
  return <Tile {...common} tone="ink" rows={shape[0]} columns={shape[1]} />;
}

export function InputNames({ plan, sample }: { plan: Plan; sample: NetworkSample | null }) {
  const box = inputBox(plan, sample);
  return (
    <>
      <text class="dfa-name" x={plan.input.x + plan.input.width / 2} y={plan.names} text-anchor="middle">
        input
        {sample && <tspan class="dfa-size-of"> · {sample.input_size.toLocaleString("en")}</tspan>}
      </text>
      <rect class={sample ? "dfa-frame" : "dfa-module"} {...box} rx={2} />
    </>
  );
}

/** What the network says, what leaves the output, and which of the outputs is the right one. */
export function Output({
  state,
  plan,
  layer,
  head,
}: {
  state: NetworkState;
  plan: Plan;
  layer: NetworkLayer;
  head: string;
}) {
  const { sample, error_from } = state;
  const { weights, units, delta, error } = plan.output;
  const sent = sentBack(error_from);
  const bottom = units.y + units.height;
  const edge = delta.x + delta.width;
  const centre = (units.x + edge) / 2;
  const says = sample ? verdict(sample) : [];
  return (
    <g data-testid="dfa-output" data-error-from={error_from}>
      <text class="dfa-name" x={edge + plan.em} y={plan.names} text-anchor="end">
        output<tspan class="dfa-size-of"> · {layer.size.toLocaleString("en")}</tspan>
      </text>
      {layer.weights && (
        <text class="dfa-accent-text" x={weights.x} y={bottom} dy="1.1em">
          {weightsLabel(layer.number)}
        </text>
      )}
      {!layer.activity && <ModuleBox layer={layer} box={{ ...units, x: weights.x, width: edge - weights.x }} />}
      {sample && layer.activity && <Labels sample={sample} plan={plan} count={layer.activity.length} />}
      <path class="dfa-back dfa-p dfa-p-error" d={`M${centre} ${bottom + 2}V${error.y - 1}`} marker-end={head} />
      <rect class={error_from === "none" ? "dfa-nothing" : "dfa-error-box"} {...error} rx={4} />
      <text
        class="dfa-warm-text"
        x={error.x + error.width / 2}
        y={error.y + error.height / 2}
        dy="0.35em"
        text-anchor="middle"
      >
        {sent.short}
        <title>{sent.long}</title>
      </text>
      {says.map((line, row) => (
        <text
          key={row}
          class="dfa-says"
          x={error.x + error.width}
          y={plan.digits}
          dy={`${1.25 * (row - 1)}em`}
          text-anchor="end"
        >
          {line}
        </text>
      ))}
    </g>
  );
}

function Labels({ sample, plan, count }: { sample: NetworkSample; plan: Plan; count: number }) {
  const { units, delta } = plan.output;
  const { labels, target, prediction } = sample;
  if (labels.length !== count) return null;
  const short = labels.every((label) => label.length <= 2);
  const line = (12 * plan.em) / 13;
  const room = short && units.height / count >= line;
  const right = labels.indexOf(target);
  const said = labels.indexOf(prediction);
  const apart = Math.abs(right - said) * (units.height / count) >= line;
  return (
    <>
      {labels.map((label, unit) => {
        if (!room && unit !== right && !(unit === said && apart)) return null;
        const cell = cellOf(unit, count, units);
        return (
          <text
            key={label}
            class={unit === right ? "dfa-unit-label dfa-right" : "dfa-unit-label"}
            x={delta.x + delta.width + 4}
            y={cell.y + cell.height / 2}
            dy="0.35em"
          >
            {unit === right ? "◂" : ""}
            {short ? label : unit === right ? "is" : "says"}
          </text>
        );
      })}
    </>
  );
}

/** A box in place of units whose numbers the message does not have: a converted network's module. */
export function ModuleBox({ layer, box }: { layer: NetworkLayer; box: Box }) {
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  return (
    <>
      <rect class="dfa-module" {...box} rx={6} />
      <text class="dfa-accent-text" x={x} y={y} dy={layer.route === "none" ? "-0.3em" : "0.35em"} text-anchor="middle">
        {shortened(/^\d+$/.test(layer.name) ? `module ${layer.name}` : layer.name, box.width - 6)}
        <title>{layer.name}</title>
      </text>
      {layer.route === "none" && (
        <text class="dfa-small" x={x} y={y} dy="0.95em" text-anchor="middle">
          frozen
        </text>
      )}
    </>
  );
}
