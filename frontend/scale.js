// The scale of a slider: between its positions, which are even, and the values they stand for. No DOM here.
const STEPS = { log2: 1, log10: 0.1 };
const BASES = { log2: 2, log10: 10 };
const LOGS = { log2: Math.log2, log10: Math.log10 };

export class Scale {
  /** `slider` is [low, high, scale]; low and high of a logarithmic one are exponents. */
  constructor([low, high, kind], { whole = false, minimum = null } = {}) {
    this.base = BASES[kind] ?? null;
    this.log = LOGS[kind];
    this.whole = whole;
    this.step = STEPS[kind] ?? (whole ? 1 : (high - low) / 100);
    // A logarithmic slider of something that may be zero has zero as its first notch.
    this.zero = this.base !== null && minimum === 0;
    this.low = low - (this.zero ? this.step : 0);
    this.high = high;
  }

  /** The position for a value, at the nearer end for one beyond the slider. */
  position(value) {
    if (typeof value !== "number") return this.low;
    if (this.base === null) return Math.min(this.high, Math.max(this.low, value));
    if (value <= 0) return this.low;
    return Math.min(this.high, Math.max(this.low, this.log(value)));
  }

  /** The value at a position, in three digits, so that the box beside the slider says the same. */
  value(position) {
    if (this.zero && position < this.low + this.step / 2) return 0;
    const value = this.base === null ? position : this.base ** position;
    return this.whole ? Math.round(value) : Number(value.toPrecision(3));
  }
}
