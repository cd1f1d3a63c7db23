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

/** Scroll what stands beside `node`'s desk until its picture is seen, once that is drawn; nothing else is scrolled. */
export function showPicture(node) {
  const until = performance.now() + DRAWN_WITHIN_MS;
  const look = () => {
    const main = node.closest(".dfa-explorer")?.querySelector(".dfa-main");
    const picture = main?.querySelector(".dfa-pictures img");
    if (picture?.complete && picture.naturalHeight && picture.clientHeight) {
      const below = picture.getBoundingClientRect().bottom - main.getBoundingClientRect().bottom;
      if (below > 0) main.scrollTop += Math.ceil(below) + 4;
    } else if (performance.now() < until) setTimeout(look, LOOK_AGAIN_MS);
  };
  look();
}
