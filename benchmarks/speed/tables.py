"""Tables: rows as Markdown, one table a section; more numbers of threads than one are columns side by side."""

from __future__ import annotations

from collections.abc import Sequence

from rows import BYTES, DIFFERENCE, SPEED, TIME, Row
from timing.harness import Quartiles

MEANINGS = {
    TIME: "seconds a step over the reference's",
    SPEED: "samples/s over the reference's",
    BYTES: "peak over the reference's",
    DIFFERENCE: "largest relative difference of a weight matrix",
}


def markdown(rows: Sequence[Row]) -> str:
    """The table of one section's rows. The first column's figure has the bound; details are of the first threads."""
    threads = list(dict.fromkeys(row.threads for row in rows))
    details = list(dict.fromkeys(name for row in rows for name in row.details))
    limited = any(row.limit is not None for row in rows)
    head = ["network", "batch", "optimizer", "rule", "contender", "against"]
    head += [f"{count} thread{'s' if count > 1 else ''}" for count in threads] + ["bound"]
    head += (["FLOP limit"] if limited else []) + details
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for own in _by_place(rows):
        row = own[threads[0]] if threads[0] in own else next(iter(own.values()))
        cells = [row.network, f"{row.batch:,}", row.optimizer, f"`{row.rule}`", row.contender, row.against]
        cells += [figure(own[count].figure, row.kind) if count in own else "" for count in threads]
        cells.append("" if row.bound is None else row.bound.text(row.figure.median))
        cells += ["" if row.limit is None else f"{row.limit:.2f}"] if limited else []
        cells += [number(row.details[name]) if name in row.details else "" for name in details]
        lines.append(f"| {' | '.join(cells)} |")
    kinds = dict.fromkeys(MEANINGS[row.kind] for row in rows)
    return "\n".join([f"Median (quartiles) of: {'; '.join(kinds)}.", "", *lines])


def rates(rows: Sequence[Row]) -> str:
    """The table of ``batches``: a line for each rule, with samples a second at every size and the worst figure."""
    sizes = sorted({row.batch for row in rows})
    head = ["network", "optimizer", "rule", "threads", "worst against the best smaller batch", "bound"]
    lines = [f"| {' | '.join(head + [f'{size:,}' for size in sizes])} |", f"|{'---|' * (len(head) + len(sizes))}"]
    curves: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        curves.setdefault((row.network, row.optimizer, row.rule, row.contender, row.threads), []).append(row)
    for own in curves.values():
        row, worst = own[0], min(own[1:] or own, key=lambda row: row.figure.median)
        rule = f"`{row.rule}`" if row.contender == "experiment" else "plain torch"
        bound = "" if worst.bound is None else worst.bound.text(worst.figure.median)
        cells = [row.network, row.optimizer, rule, str(row.threads)]
        cells += [f"{figure(worst.figure, worst.kind)} at {worst.batch:,}", bound]
        found = {one.batch: number(one.details["samples/s"]) for one in own}
        lines.append(f"| {' | '.join(cells + [found.get(size, '') for size in sizes])} |")
    return "\n".join(["Samples/s at each batch size.", "", *lines])


def _by_place(rows: Sequence[Row]) -> list[dict[int, Row]]:
    found: dict[tuple[object, ...], dict[int, Row]] = {}
    for row in rows:
        found.setdefault(row.place, {})[row.threads] = row
    return list(found.values())


def figure(values: Quartiles, kind: str) -> str:
    """0.742 (0.735–0.751)"""
    if kind == DIFFERENCE:
        return f"{values.median:.1e}"
    if values.low == values.high:
        return f"{values.median:.3f}"
    return f"{values.median:.3f} ({values.low:.3f}–{values.high:.3f})"


def number(value: float) -> str:
    """Three significant digits, no exponent: 0.176, 12.7, 97,200."""
    if value and abs(value) < 100:
        return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.1e}"
    return f"{value:,.0f}"
