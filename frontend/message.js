// What a message of the kernel holds beside its header: one buffer of float64, series after series (live_chart.py).

/** The series of a message: {metric, layer, run, steps, values, spread}; `runs` say whether they have a spread. */
export function seriesOf({ series }, view, runs) {
  const numbers = new Float64Array(view ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : 0);
  let place = 0;
  const take = (count) => numbers.subarray(place, (place += count));
  return series.map(({ metric, layer, count, run = 0 }) => {
    const [steps, values] = [take(count), take(count)];
    return { metric, layer, run, steps, values, spread: runs[run].spread ? take(count) : null };
  });
}
