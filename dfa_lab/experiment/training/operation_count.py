"""The operations of a forward pass, as torch counts them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch.utils.flop_counter import FlopCounterMode

from dfa_lab.experiment.settings import DeferredInterrupt


@contextmanager
def counted_operations() -> Iterator[FlopCounterMode]:
    """What torch does inside is counted: ``get_total_flops()``, two for each multiply-add.

    Ctrl-C is held back: in the middle of its beginning or end it would leave the counter on for good, and all that
    torch does later would pass it.
    """
    with DeferredInterrupt(), FlopCounterMode(display=False) as counter:
        yield counter
