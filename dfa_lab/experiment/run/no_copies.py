"""NoCopies: what holds a lock or a thread, and says what to do in place of copying or pickling it."""

from __future__ import annotations

from typing import NoReturn, SupportsIndex

from dfa_lab.errors import DfaLabError


class NoCopies:
    """A class whose instances are neither pickled nor copied."""

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Raise ``DfaLabError``: ``pickle``, ``copy.copy`` and ``copy.deepcopy`` all come by here."""
        raise DfaLabError(
            f"{type(self).__name__}: it was to be pickled or copied, which would share or lose what it trains with; "
            "use the experiment's fork() for another that goes on from here, its save(path) and "
            "dfa.Experiment.load(path) to keep it or take it to another process."
        )
