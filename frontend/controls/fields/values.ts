// Values of settings: whether two are the same, how one is written, and what a typed text means. No DOM here.

/** A choice from a registry with parameters of its own. */
export type Named = { name?: string } & Record<string, unknown>;

/** What decides how a typed text is read. */
export interface Reading {
  kind: string;
  optional?: boolean;
  several?: boolean;
}

/** "0,1": no list of 0 and 1, which has a blank after its comma. */
const DECIMAL_COMMA = /^\s*[-+]?\d*,\d+\s*$/;

const isNamed = (value: unknown): value is Named =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether two JSON values are equal, whatever the order of keys. */
export function same(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const [left, right] = [one as Record<string, unknown>, other as Record<string, unknown>];
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => key in right && same(left[key], right[key]));
}

/** A number in at most `digits` digits, as one types it: 0.001, 1e-6, 65536. */
export function written(value: unknown, digits = 6): string {
  if (typeof value !== "number") return value === null || value === undefined ? "" : shown(value);
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
}

/** Any value as a short text: names bare, parameters or layers in brackets, lists by commas. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return "none";
  if (typeof value === "number") return written(value);
  if (Array.isArray(value)) return value.map(shown).join(", ");
  if (!isNamed(value)) return String(value);
  const parameters = Object.entries(value).filter(([key]) => key !== "name");
  const words = parameters.map(([key, one]) => (Array.isArray(one) ? `${one.length} ${key}` : `${key} ${shown(one)}`));
  return `${value.name ?? "per layer"} (${words.join(", ")})`;
}

/**
 * What a typed text means for a field of this kind: a number, a list of numbers, null, or else the text itself, which
 * the kernel then refuses in its own words; so it does a number with a decimal comma.
 */
export function read(text: string, { kind, optional = false, several = false }: Reading): unknown {
  if (kind === "number" && DECIMAL_COMMA.test(text)) return text.trim();
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

/** The name and the parameters of a choice; no name where it is none of the registered ones. */
export function split(value: unknown, names: string[]): { name: string | null; parameters: Record<string, unknown> } {
  const bare = typeof value === "string" ? value : isNamed(value) ? value.name : null;
  const { name: _, ...parameters } = isNamed(value) ? value : {};
  return { name: typeof bare === "string" && names.includes(bare) ? bare : null, parameters };
}
