"""What a shell gives is text: here it becomes the value of a setting."""

from __future__ import annotations

import json
from typing import Any

from dfa_lab.errors import DfaLabError, shown


def value_of(name: str, text: str) -> Any:
    """A value from the shell: JSON where it is JSON, else the text itself; widths with commas."""
    try:
        if name == "widths":
            return tuple(int(width) for width in text.strip("[]() ").split(",") if width.strip())
        return json.loads(text)
    except (ValueError, RecursionError):  # no JSON; a number of 5,000 digits; brackets 100,000 deep
        if name == "widths":
            raise DfaLabError(
                f"widths were given as {shown(text)}; expected whole numbers with commas: 128,128."
            ) from None
        return text
