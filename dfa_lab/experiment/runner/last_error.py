"""The last error of a runner: in words for the status line, and as an exception for code."""

from __future__ import annotations

from dfa_lab.errors import DfaLabError, in_words


class LastError:
    """The last ``error``, or None, and ``words`` for the status line: of the error, or of another reason to pause."""

    def __init__(self) -> None:
        self.clear()
        self.discard()

    def clear(self) -> None:
        """Take it off the status line; ``raise_once`` still raises it."""
        self.error: Exception | None = None
        self.words = ""

    def warn(self, words: str) -> None:
        """Say ``words`` on the status line too: something that is no error of the training."""
        self.words = " ".join(filter(None, (self.words, words)))

    def discard(self) -> None:
        """Let ``raise_once`` raise nothing."""
        self._unraised: Exception | None = None

    def note(self, error: BaseException, context: str) -> str:
        """Keep ``error`` and return it in words. A ``DfaLabError`` says all itself; others have ``context`` before it.

        What would end the program if it were raised again, such as SystemExit, is kept as a ``DfaLabError`` of it.
        """
        self.words = in_words(error) if isinstance(error, DfaLabError) else f"{context}{in_words(error)}."
        if not isinstance(error, Exception):
            error, cause = DfaLabError(self.words), error
            error.__cause__ = cause
        self.error = self._unraised = error
        return self.words

    def raise_once(self) -> None:
        """Raise the error that was noted, unless it was raised already."""
        error, self._unraised = self._unraised, None
        if error is not None:
            raise error
