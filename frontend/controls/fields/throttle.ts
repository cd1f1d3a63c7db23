// Something that happens often, done now and then: at once, then at most every so many milliseconds, the last always.

export class Throttle<Value> {
  private readonly does: (value: Value) => void;
  private readonly apart: number;
  private waiting: { value: Value } | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(does: (value: Value) => void, apart: number) {
    this.does = does;
    this.apart = apart;
  }

  call(value: Value): void {
    if (this.timer !== undefined) {
      this.waiting = { value };
      return;
    }
    this.does(value);
    this.rest();
  }

  /** What waits is done now. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const last = this.waiting;
    this.waiting = null;
    if (last) this.does(last.value);
  }

  /** What waits is not done any more. */
  drop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting = null;
  }

  private rest(): void {
    this.timer = setTimeout(() => {
      this.timer = undefined;
      const last = this.waiting;
      this.waiting = null;
      if (last) this.call(last.value);
    }, this.apart);
  }
}
