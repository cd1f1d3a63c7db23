// The dial of a layer: how far its learning signal is from backpropagation's, and the matrices behind it.
import type { Matrix, NetworkLayer } from "../shared/messages.ts";
import { type Box, type LayerPlace, needle, onDial, rim, sector } from "./geometry.ts";
import { carried } from "./Layer.tsx";
import { Tile } from "./Tile.tsx";
import { byDerivative, carrierLabel, degrees, dialWords, weightsLabel } from "./words.ts";

const CHANCE = 2; // standard deviations: as on the curves

export function Dial({
  layer,
  place,
  describedBy,
  first,
  enlarges,
  open,
  point,
}: {
  layer: NetworkLayer;
  place: LayerPlace;
  describedBy: string;
  /** Whether it is the first one, whose end is labelled. */
  first: boolean;
  /** Whether a click shows its matrices large. */
  enlarges: boolean;
  open: () => void;
  point: (here: boolean) => void;
}) {
  const { dial, bars } = place;
  const { gradient_angle: angle, gradient_chance: chance, weight_angle: weight } = layer;
  const delta_norm = layer.delta_norm ?? layer.gradient_norm;
  const bp_delta_norm = layer.bp_delta_norm ?? layer.bp_gradient_norm;
  const most = Math.max(delta_norm ?? 0, bp_delta_norm ?? 0);
  const share = (norm: number | null) => (most > 0 && norm !== null ? (norm / most) * bars.height : 0);
  const low = chance ? chance.mean - CHANCE * chance.sd : 0;
  const high = chance ? chance.mean + CHANCE * chance.sd : 0;
  const thick = bars.width / 2 - 1;
  const tip = dial.radius - 5;
  return (
    // biome-ignore lint/a11y/useSemanticElements: an SVG has no buttons
    <g
      class="dfa-dial"
      role="button"
      tabindex={0}
      aria-label={`${dialWords(layer)}${enlarges ? " Open the matrices large." : ""}`}
      aria-describedby={describedBy}
      data-testid={`dfa-dial-${layer.number}`}
      data-angle={angle ?? ""}
      data-weight-angle={weight ?? ""}
      data-chance={chance?.mean ?? ""}
      data-chance-sd={chance?.sd ?? ""}
      onClick={open}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        open();
      }}
      onPointerEnter={() => point(true)}
      onPointerLeave={() => point(false)}
      onFocus={() => point(true)}
      onBlur={() => point(false)}
    >
      <path class="dfa-dial-face" d={`${rim(dial)}Z`} />
      {chance && <path class="dfa-chance" d={sector(dial, low, high)} />}
      <path class="dfa-rim" d={rim(dial)} />
      {[0, 45, 90, 135, 180].map((tick) => {
        const [from, to] = [onDial(dial, tick, 1), onDial(dial, tick, tick % 90 ? 0.92 : 0.85)];
        return <line key={tick} class="dfa-tick" x1={from[0]} y1={from[1]} x2={to[0]} y2={to[1]} />;
      })}
      <g transform={`translate(${dial.x} ${dial.y})`}>
        {weight !== null && (
          <g class="dfa-weight-needle" data-needle="weight" transform={needle(weight)}>
            <line x1={0} y1={0} x2={3 - dial.radius} y2={0} />
            <circle cx={-dial.radius} cy={0} r={3} />
          </g>
        )}
        {angle !== null && (
          <g class="dfa-needle" data-needle="gradient" transform={needle(angle)}>
            <path d={`M0 -2.2L${8 - tip} -1.4V-4.5L${-tip} 0L${8 - tip} 4.5V1.4L0 2.2Z`} />
          </g>
        )}
        <circle class="dfa-hub" r={3.2} />
      </g>
      {first && (
        <text class="dfa-small" x={dial.x - dial.radius - 3} y={dial.y} text-anchor="end">
          0°
        </text>
      )}
      <text class="dfa-degrees" x={dial.x} y={dial.y} dy="1.05em">
        {degrees(angle)}
      </text>
      <rect
        class="dfa-bar"
        x={bars.x}
        y={bars.y + bars.height - share(delta_norm)}
        width={thick}
        height={share(delta_norm)}
      />
      <rect
        class="dfa-bar-bp"
        x={bars.x + thick + 2.5}
        y={bars.y + bars.height - share(bp_delta_norm) + 0.5}
        width={thick - 1}
        height={Math.max(0, share(bp_delta_norm) - 0.5)}
      />
      <line class="dfa-tick" x1={bars.x - 1} x2={bars.x + bars.width + 1} y1={dial.y} y2={dial.y} />
    </g>
  );
}

const EDGE = 76;

/** B beside what backpropagation has in its place, small: Wᵀ, or for a direct rule the product of all above. */
export function Matrices({
  layer,
  above,
  at,
  id,
  enlarges,
}: {
  layer: NetworkLayer;
  above: NetworkLayer;
  at: Box;
  id: string;
  /** Whether a click shows them large. */
  enlarges: boolean;
}) {
  const own = carried(layer, above);
  const direct = layer.route === "direct" && above.route !== "output";
  const shown: [string, Matrix | null, "back" | "forward"][] = [
    [`${carrierLabel(layer)} in use`, own, "back"],
    [
      direct ? "product of Wᵀ" : `${weightsLabel(above.number)}ᵀ`,
      layer.route === "bp" ? null : layer.partner,
      "forward",
    ],
  ];
  const { gradient_angle: angle, gradient_chance: chance, name } = layer;
  return (
    <div
      id={id}
      class="dfa-popover"
      role="tooltip"
      data-testid="dfa-matrices"
      style={{ left: `${at.x}px`, bottom: `${at.y}px`, width: `${at.width}px` }}
    >
      {shown.map(
        ([title, matrix, tone]) =>
          matrix && (
            <figure key={tone}>
              <div class="dfa-square">
                <Tile
                  box={{ x: 0, y: 0, width: EDGE, height: EDGE }}
                  {...matrix}
                  tone={tone}
                  kind=""
                  name={`popover-${tone}`}
                />
              </div>
              <figcaption>{title}</figcaption>
            </figure>
          ),
      )}
      <div>
        <p>
          {angle === null
            ? dialWords(layer)
            : `The learning signal δ of ${name} is ${degrees(angle)} from backpropagation’s${byDerivative(layer)}${
                chance ? ` (by chance ${degrees(chance.mean)})` : ""
              }.`}
        </p>
        <p class="dfa-note">
          {own && direct ? "Backpropagation would use the product of all Wᵀ above. " : ""}
          {own && enlarges ? "Click to see it large." : ""}
        </p>
      </div>
    </div>
  );
}
