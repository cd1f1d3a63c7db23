// Numbers as text, the same in every locale, as the rest of the notebook is.

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const tick = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

// From here on a power of ten says more than the name of a magnitude.
const HUGE = 1e9;
const power = (value: number) => Number(value.toPrecision(3)).toExponential().replace("e+", "e").replace(/-/g, "−");

export const count = (value: number): string => grouped.format(value);

export function tickText(value: number): string {
  if (Math.abs(value) >= HUGE) return power(value);
  if (Math.abs(value) >= 10000) return compact.format(value);
  return value !== 0 && Math.abs(value) < 1e-4 ? power(value) : tick.format(value);
}

/** A value as the legend shows it: "84.2", "0.961", "152K"; "–" where there is none. */
export function valueText(value: number | null | undefined, decimals: number): string {
  if (value === null || value === undefined) return "–";
  if (Math.abs(value) >= HUGE) return power(value);
  if (Math.abs(value) >= 10000) return compact.format(value);
  if (value !== 0 && decimals > 0 && Math.abs(value) < 10 ** (1 - decimals)) return value.toPrecision(2);
  return value.toFixed(decimals);
}
