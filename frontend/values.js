// Values of settings: whether two are the same, how one is written, and what a typed text means. No DOM here.

/** Whether two JSON values are equal, whatever the order of keys. */
export function same(one, other) {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => key in other && same(one[key], other[key]));
}

/** A number in at most `digits` digits, as one types it: 0.001, 1e-6, 65536. */
export function written(value, digits = 6) {
  if (typeof value !== "number") return value === null || value === undefined ? "" : shown(value);
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
}

/** Any value as a short text: names bare, parameters in brackets, lists by commas. */
export function shown(value) {
  if (value === null || value === undefined) return "none";
  if (typeof value === "number") return written(value);
  if (Array.isArray(value)) return value.map(shown).join(", ");
  if (typeof value !== "object") return String(value);
  const parameters = Object.entries(value).filter(([key]) => key !== "name");
  const words = parameters.map(([key, one]) => (Array.isArray(one) ? `${one.length} ${key}` : `${key} ${shown(one)}`));
  return `${value.name ?? ""}(${words.join(", ")})`;
}

/**
 * What a typed text means for a field of this kind: a number, a list of numbers, null, or else the text itself, which
 * the kernel then refuses in its own words.
 */
export function read(text, { kind, optional, several }) {
  const bare = text.trim().replace(/^[[(]+|[\])]+$/g, "");
  if (kind === "text") return text.trim();
  if (optional && /^(none|null|auto)?$/i.test(bare)) return null;
  const parts = bare.split(/[,;\s]+/).filter(Boolean);
  const numbers = parts.map(Number);
  if (!parts.length || !numbers.every(Number.isFinite)) return text.trim();
  if (kind === "integers") return numbers;
  if (numbers.length === 1) return numbers[0];
  return several ? numbers : text.trim();
}
