// What the picture of the network says.
import type { NetworkLayer, NetworkSample, NetworkState } from "../shared/messages.ts";

const SMALL = "₀₁₂₃₄₅₆₇₈₉";
const small = (number: number) => [...String(number)].map((digit) => SMALL[Number(digit)]).join("");

/** The symbol of what carries the error to a layer, with its number: B₁, W₂ᵀ. */
export function carrierLabel({ carrier, number }: NetworkLayer): string {
  return carrier
    .replace(/^m /, "")
    .replace("B", `B${small(number)}`)
    .replace("W", `W${small(number + 1)}`);
}

export const weightsLabel = (number: number): string => `W${small(number)}`;

/** The matrix as the picture names it: without the scale that a rule puts before it. */
const matrixOf = (carrier: string): string => carrier.replace(/^m /, "");

const SENT = { error: "The error", "sign(error)": "The error’s signs", targets: "The targets", none: "The error" };

/** How the error comes back, in one sentence. */
export function wayBack(layers: readonly NetworkLayer[], from: NetworkState["error_from"]): string {
  const hidden = layers.filter(({ route }) => route !== "output");
  const rules = new Set(hidden.map(({ rule }) => rule));
  if (hidden.length === 0) return "There is no hidden layer to send anything back to.";
  if (rules.size > 1) return "The layers have different rules.";
  const { route, carrier } = hidden[0];
  if (route === "none") return "Nothing comes back: the hidden layers stay as they are.";
  const [what, verb] = [SENT[from], from === "error" || from === "none" ? "s" : ""];
  if (route === "direct") return `${what} jump${verb} to each layer, through ${matrixOf(carrier)}.`;
  if (route === "bp") return `${what} step${verb} back through Wᵀ, layer by layer.`;
  return `${what} step${verb} back through ${matrixOf(carrier)}, not Wᵀ.`;
}

/** What leaves the output: the error, its signs, the targets. */
export function sentBack(from: NetworkState["error_from"]): { short: string; long: string } {
  if (from === "sign(error)") return { short: "sign of e", long: "only the signs of the error go back" };
  if (from === "targets") return { short: "targets", long: "the targets go back, not the error" };
  if (from === "none") return { short: "error e", long: "the error stays at the output" };
  return { short: "error e", long: "the error e: what the output should change" };
}

export const degrees = (angle: number | null): string => (angle === null ? "–" : `${Math.round(angle)}°`);

export const figure = (value: number | null | undefined): string => {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const text =
    Math.abs(value) >= 1000 || (value !== 0 && Math.abs(value) < 1e-3) ? value.toExponential(1) : value.toPrecision(3);
  return text.replace(/-/g, "−");
};

/** Why backpropagation's own way gives another signal than backpropagation. */
export const byDerivative = ({ route, slope_symbol }: NetworkLayer): string =>
  route === "bp" && slope_symbol === "g" ? ", because of the derivative g" : "";

/** What a dial says to who hears or points at it. */
export function dialWords(layer: NetworkLayer): string {
  const { name, route, gradient_angle, gradient_chance, weight_angle, delta_norm, bp_delta_norm } = layer;
  if (route === "none") return `${name}: nothing comes back, so there is no angle.`;
  if (gradient_angle === null) return `${name}: no angle is measured yet; it comes with the first step.`;
  const why = byDerivative(layer);
  const said = [`${name}: its learning signal δ is ${degrees(gradient_angle)} from backpropagation’s${why}`];
  if (gradient_chance) said.push(`chance would give about ${degrees(gradient_chance.mean)}`);
  if (weight_angle !== null) said.push(`the feedback is ${degrees(weight_angle)} from the weights’ transpose`);
  if (delta_norm !== null && bp_delta_norm !== null)
    said.push(`its δ has size ${figure(delta_norm)}, backpropagation’s ${figure(bp_delta_norm)}`);
  return `${said.join("; ")}.`;
}

/** The values of one unit for the sample, in one line. */
export function unitWords(layer: NetworkLayer, place: number): string {
  const parts = [
    ["activity", layer.activity],
    ["slope", layer.slope],
    ["received", layer.received],
    ["δ", layer.delta],
    ["BP’s δ", layer.bp_delta],
  ] as const;
  const said = parts.flatMap(([word, values]) => (values ? [`${word} ${figure(values[place])}`] : []));
  return `${layer.name}, unit ${layer.units[place]}: ${said.join(", ")}`;
}

/** Where the error of a layer comes from: the layer above, the output, or nowhere. */
export function sourceOf(layers: readonly NetworkLayer[], index: number): string {
  const { route } = layers[index];
  if (route === "none" || route === "output") return "";
  const above = layers[index + 1];
  return route === "direct" || !above || above.route === "output" ? "output" : String(above.number);
}

/** What a layer's change is seen by: another value of this, and its arrows flash. */
export const wayOf = ({ rule, route, carrier }: NetworkLayer): string => `${rule} ${route} ${carrier}`;

export const PHASE_NAMES = { forward: "forward", error: "error", signal: "signal", update: "update" } as const;

/** A name that fits; of a long one its end, which tells more than its beginning. */
export function shortened(name: string, width: number): string {
  const most = Math.max(5, Math.floor(width / 6.6));
  return name.length <= most ? name : `…${name.slice(1 - most).replace(/^\.+/, "")}`;
}

/** The title of a rule, as short as it stands above the picture. */
export const shortTitle = (title: string): string => title.split(/[:,]/)[0];

const LONGEST = 8;

/** What the network says of the sample, and what it is; of several numbers the first, of long names the beginning. */
export function verdict({ labels, prediction, target }: NetworkSample): [string, string] {
  const cut = (text: string) => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text);
  const first = (text: string) => (text.includes(",") ? `${text.split(",")[0].slice(0, 5)}…` : text.slice(0, 6));
  if (!labels.includes(target)) return [`says ${first(prediction)}`, `it is ${first(target)}`];
  const right = prediction === target;
  const says = prediction.length > 4 ? "" : "says "; // a long name has no room for it
  return [`${says}${cut(prediction)} ${right ? "✓" : "✗"}`, right ? "" : `it is ${cut(target)}`];
}
