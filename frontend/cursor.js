// Where the cursor's points stand.

/**
 * The joined table has holes where another line has its steps: the cursor's point jumps to the nearest value. A held line
 * has values between its points too, so a point of it would stand at a wrong place: it gets none.
 */
export function nearestWithValue(plot, place, index) {
  if (plot.series[place].held) return null;
  const column = plot.data[place];
  if (place === 0 || index === null || index === undefined || column[index] != null) return index;
  for (let away = 1; away < column.length; away += 1) {
    if (column[index - away] != null) return index - away;
    if (column[index + away] != null) return index + away;
  }
  return index;
}
