// How wide the explorer is that a widget stands in: below this, its column goes under the pictures.
const NARROW = 600;

/** Keep the class `dfa-narrow` right on the explorer around `node`; returns what ends it. */
export function watchWidth(node) {
  let explorer = null;
  const observer = new ResizeObserver(() => explorer?.classList.toggle("dfa-narrow", explorer.clientWidth < NARROW));
  const find = () => {
    explorer = node.closest(".dfa-explorer");
    if (explorer) observer.observe(explorer);
    else waiting = requestAnimationFrame(find); // not in the page yet
  };
  let waiting = requestAnimationFrame(find);
  return () => {
    cancelAnimationFrame(waiting);
    observer.disconnect();
  };
}

const DRAWN_WITHIN_MS = 15000;
const LOOK_AGAIN_MS = 100;
const SETTLED_MS = 1500; // by then the curves above it have their height
const OWN = ["wheel", "pointerdown", "keydown"];

/** Scroll what stands beside `node`'s desk until its picture is seen, once that is drawn; from a user's hand not on. */
export function showPicture(node) {
  let until = performance.now() + DRAWN_WITHIN_MS;
  let found = false;
  let main = null;
  const end = () => {
    until = 0;
    for (const name of OWN) main?.removeEventListener(name, end);
  };
  const look = () => {
    if (performance.now() > until) return end();
    if (!main) {
      main = node.closest(".dfa-explorer")?.querySelector(".dfa-main");
      for (const name of OWN) main?.addEventListener(name, end, { passive: true });
    }
    const picture = main?.querySelector(".dfa-pictures img");
    if (picture?.complete && picture.clientHeight) {
      if (!found) until = performance.now() + SETTLED_MS;
      found = true;
      const below = picture.getBoundingClientRect().bottom - main.getBoundingClientRect().bottom;
      if (below > 0) main.scrollTop += Math.ceil(below) + 4;
    }
    setTimeout(look, LOOK_AGAIN_MS);
  };
  look();
}
