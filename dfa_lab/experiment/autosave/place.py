"""Where runs are saved by themselves, and how much is kept there."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import platformdirs

from dfa_lab.errors import DfaLabError, shown

#: How many saves a folder keeps, and how many bytes they may take together; ``keep_within_bounds`` says which go first.
MOST_SAVES, MOST_BYTES = 20, 500_000_000
#: The environment variable that names another folder to begin with, or says "off".
SWITCH = "DFA_LAB_AUTOSAVE"

#: What ``autosave=`` may be: True for the usual folder, the path of one, False or None for none.
AutosaveChoice = bool | str | os.PathLike[str] | None


def default_folder() -> Path:
    """The folder that the environment variable ``DFA_LAB_AUTOSAVE`` names, else the platform's own for such files.

    A relative path is one of the folder where the program was when it was first asked for, and stays that.
    Raises ``DfaLabError`` where it names a home that nobody knows.
    """
    named = os.environ.get(SWITCH, "")
    if named and not _says_off(named):
        return _named(named)
    return platformdirs.user_state_path("dfa_lab", appauthor=False) / "autosave"


@functools.cache
def _named(folder: str) -> Path:
    return _absolute(folder, SWITCH)


def autosave_folder(given: object) -> Path | None:
    """The folder that ``autosave=`` names, None where nothing is saved; whether it can be written shows later.

    True is ``default_folder``, or none where ``DFA_LAB_AUTOSAVE`` is off or ``DFA_LAB_HEADLESS`` is 1. Raises
    ``DfaLabError`` for what is no path.
    """
    if given is None or given is False:
        return None
    if given is True:
        headless = os.environ.get("DFA_LAB_HEADLESS") == "1"
        return None if headless or _says_off(os.environ.get(SWITCH, "")) else default_folder()
    if not isinstance(given, str | os.PathLike) or not os.fspath(given) or isinstance(os.fspath(given), bytes):
        raise DfaLabError(
            f"autosave was given as {shown(given)}; expected the path of a folder, True for the usual one, or None for "
            "no saving."
        )
    return _absolute(given, "autosave")


def _absolute(given: str | os.PathLike[str], whose: str) -> Path:
    """The same folder wherever the program goes from here."""
    try:
        return Path(given).expanduser().absolute()
    except (RuntimeError, OSError) as reason:  # a home that nobody knows, a working folder that is gone
        raise DfaLabError(f"{whose} was given as {shown(given)}: {reason}; give another path.") from None


def _says_off(text: str) -> bool:
    return text.strip().lower() in ("off", "0", "none")
