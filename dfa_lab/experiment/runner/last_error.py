"""Faults: what last went wrong in a runner, in words for the screen and as an error for code."""

from __future__ import annotations

from dfa_lab.errors import DfaLabError, in_words


class Faults:
    """The last ``error`` and the ``words`` that say it, or what else is worth saying; None and "" where all is well."""

    def __init__(self) -> None:
        self.clear()
        self.forgive()

    def clear(self) -> None:
        """Nothing to say any more; what was not raised yet still will be."""
        self.error: Exception | None = None
        self.words = ""

    def forgive(self) -> None:
        """What was not raised yet never will be."""
        self._unraised: Exception | None = None

    def note(self, error: BaseException, context: str) -> str:
        """Put ``error`` into words and return them; what the user got wrong says all itself, else ``context`` helps.

        What would end the program if it were raised again, such as SystemExit, is kept as a ``DfaLabError`` of it.
        """
        self.words = in_words(error) if isinstance(error, DfaLabError) else f"{context}{in_words(error)}."
        if not isinstance(error, Exception):
            error, cause = DfaLabError(self.words), error
            error.__cause__ = cause
        self.error = self._unraised = error
        return self.words

    def raise_once(self) -> None:
        """Raise what was noted and not raised yet, if anything."""
        error, self._unraised = self._unraised, None
        if error is not None:
            raise error
