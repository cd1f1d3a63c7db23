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
