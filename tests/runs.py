"""A run small enough for a test, and waiting for what its thread does."""

import time

FAST = {"widths": (16,), "probe_every": 20, "batch_size": 16}


def until(condition, seconds=10):
    """Come back when ``condition`` holds; an AssertionError when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.002)
