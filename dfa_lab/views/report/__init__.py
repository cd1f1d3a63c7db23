"""One or several runs as a self-contained HTML page.

Nothing loads before it is used, so that plotly and matplotlib each load only where they draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfa_lab.lazy import lazily

if TYPE_CHECKING:
    from dfa_lab.views.report.document import report

__all__ = ["report"]

__getattr__ = lazily(
    __name__,
    {
        "report": "dfa_lab.views.report.document",
    },
)
