"""Page: the pieces that an HTML report is put together from. Whatever comes from a run is escaped here, once."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files


def escaped(value: object) -> str:
    """``value`` as text that HTML shows as it is."""
    return html.escape(str(value), quote=True)


@dataclass(frozen=True)
class Row:
    """One row of a table: its cells, the first its heading; ``differs`` marks it."""

    cells: Sequence[object]
    differs: bool = False


def table(
    caption: str, head: Sequence[str], rows: Iterable[Row], *, numbers: Iterable[int] = (), words: int = 0
) -> str:
    """A table with a caption; ``numbers`` are the columns, from 0, that are set to the right, ``words`` one of text."""
    right = set(numbers)

    def kind(place: int) -> str:
        name = "number" if place in right else "words" if place and place == words else ""
        return f' class="{name}"' if name else ""

    top = "".join(f'<th scope="col"{kind(place)}>{escaped(text)}</th>' for place, text in enumerate(head))
    body = []
    for row in rows:
        cells = [f'<th scope="row"{kind(0)}>{escaped(row.cells[0])}</th>']
        cells += [f"<td{kind(place)}>{escaped(cell)}</td>" for place, cell in enumerate(row.cells) if place]
        body.append(("<tr class='differs'>" if row.differs else "<tr>") + "".join(cells) + "</tr>")
    inner = f"<caption>{escaped(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody>"
    return f'<div class="wide" tabindex="0" role="region" aria-label="{escaped(caption)}"><table>{inner}</table></div>'


def section(anchor: str, title: str, *parts: str) -> str:
    """A part of the page under a heading of its own that the contents can point to."""
    return f'<section id="{anchor}" aria-labelledby="{anchor}-title"><h2 id="{anchor}-title">{escaped(title)}</h2>' + (
        "\n".join(parts) + "</section>"
    )


def folded(title: str, text: str) -> str:
    """Code or data as it is, under a title that opens and closes it."""
    return (
        f"<details><summary>{escaped(title)}</summary>"
        f'<pre tabindex="0" aria-label="{escaped(title)}"><code>{escaped(text)}</code></pre></details>'
    )


def page(title: str, body: Iterable[str], figure_json: str, plotly_js: str) -> str:
    """The whole document: everything in it, and nothing fetched. Its content policy forbids the network altogether."""
    here = files(__package__)
    style, script = ((here / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escaped(title)}</title>",
            f"<style>{style}</style>",
            "</head><body>",
            *body,
            f'<script type="application/json" id="figure">{_inert(figure_json)}</script>',
            f"<script>{plotly_js}</script>",
            f"<script>{script}</script>",
            "</body></html>",
            "",
        ]
    )


def _inert(json_text: str) -> str:
    """JSON that cannot end the element it stands in, nor begin another."""
    return json_text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
