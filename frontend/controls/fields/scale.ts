// The scale of a slider: between its positions, which are even, and the values they stand for. No DOM here.
const STEPS: Record<string, number> = { log2: 1, log10: 0.1 };
const BASES: Record<string, number> = { log2: 2, log10: 10 };
const LOGS: Record<string, (value: number) => number> = { log2: Math.log2, log10: Math.log10 };

export interface Kind {
  whole?: boolean;
  minimum?: number | null;
}

export class Scale {
  readonly low: number;
  readonly high: number;
  readonly step: number;
  private readonly base: number | null;
  private readonly log: (value: number) => number;
  private readonly whole: boolean;
  private readonly zero: boolean;

  /** `slider` is [low, high, scale]; low and high of a logarithmic one are exponents. */
  constructor(slider: (number | string)[], { whole = false, minimum = null }: Kind = {}) {
    const [low, high, kind] = [Number(slider[0]), Number(slider[1]), String(slider[2])];
    this.base = BASES[kind] ?? null;
    this.log = LOGS[kind] ?? ((value) => value);
    this.whole = whole;
    this.step = STEPS[kind] ?? (whole ? 1 : (high - low) / 100);
    // A logarithmic slider of something that may be zero has zero as its first notch.
    this.zero = this.base !== null && minimum === 0;
    this.low = low - (this.zero ? this.step : 0);
    this.high = high;
  }

  /** The position for a value, at the nearer end for one beyond the slider. */
  position(value: unknown): number {
    if (typeof value !== "number") return this.low;
    if (this.base === null) return Math.min(this.high, Math.max(this.low, value));
    if (value <= 0) return this.low;
    return Math.min(this.high, Math.max(this.low, this.log(value)));
  }

  /** The value at a position, in three digits, so that the box beside the slider says the same. */
  value(position: number): number {
    if (this.zero && position < this.low + this.step / 2) return 0;
    const value = this.base === null ? position : this.base ** position;
    return this.whole ? Math.round(value) : Number(value.toPrecision(3));
  }
}
