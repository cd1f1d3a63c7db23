// On a page of the explorer's own (Voila) the plots use the height there is; in a notebook they keep theirs.
const MOST = 2; // times their own height

/**
 * How high each plot is to be, in pixels, where each is `now` so high, `own` at least, `rows` of them stand below each
 * other, and `free` pixels are left below all, or lack (below 0).
 */
export const grown = (now, own, rows, free) => Math.max(own, Math.min(MOST * own, Math.floor(now + free / rows)));

export class Room {
  /** `changed` is called when there may be another height to use. */
  constructor(changed) {
    this.observer = new ResizeObserver(changed);
    this.observed = new Set();
    this.main = null;
  }

  /** Watch what scrolls around the chart `node`, and what stands there with it, where the page is the explorer's own. */
  watch(node) {
    const main = document.body.matches(".jp-Notebook") ? node.closest(".dfa-main") : null;
    if (main !== this.main) this.stop();
    this.main = main;
    if (!main) return;
    for (const part of [main, ...main.children]) {
      if (this.observed.has(part)) continue;
      this.observed.add(part);
      this.observer.observe(part);
    }
  }

  /** How high each of the chart's plots is to be: as `grown`, and `own` while a picture is open, which has the room. */
  height(node, now, own, rows) {
    this.watch(node);
    if (!this.main || this.main.querySelector(".dfa-pictures img")) return own;
    const parts = [...this.main.children].map((part) => part.getBoundingClientRect());
    const used = Math.max(...parts.map(({ bottom }) => bottom)) - Math.min(...parts.map(({ top }) => top));
    return grown(now, own, rows, this.main.clientHeight - used);
  }

  stop() {
    this.observer.disconnect();
    this.observed.clear();
  }
}
