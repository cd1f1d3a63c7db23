// A step lit up for a moment, because the kernel asked to look at it.
const FLASH_MS = 1600;

export class Flash {
  /** `out()` is called when the light goes out. */
  constructor(out) {
    this.out = out;
    this.step = null;
  }

  light(step) {
    this.step = step;
    this.stop();
    this.timer = setTimeout(() => {
      this.step = null;
      this.out();
    }, FLASH_MS);
  }

  stop() {
    clearTimeout(this.timer);
  }
}
