"""A bar of the runs of a sweep that are done, with the time that is left."""

from __future__ import annotations

from typing import Any


class Progress:
    """The bar, where it is ``shown``; ``total`` runs, of which ``done`` were done before."""

    def __init__(self, total: int, done: int, *, shown: bool) -> None:
        from tqdm.auto import tqdm

        self._done, self._failed = done, 0
        self._bar: Any = tqdm(
            total=total, initial=done, unit="run", disable=not shown, mininterval=0.5, smoothing=0.05,
            bar_format="{l_bar}{bar}| {n:.0f}/{total} runs [{elapsed}<{remaining}{postfix}]",
        )  # fmt: skip

    def show(self, done: int, failed: int) -> None:
        """So many runs are done, by whomever, and of them failed; the part of a group that was shown goes."""
        self._done = done
        self._bar.update(done - self._bar.n)
        if failed != self._failed:
            self._failed = failed
            self._bar.set_postfix_str(f", {failed} failed")

    def part(self, runs: float) -> None:
        """Of a group that is being trained here as much is done as ``runs`` runs are."""
        self._bar.update(self._done + runs - self._bar.n)

    def close(self) -> None:
        """It stays on the screen as it is."""
        self._bar.close()
