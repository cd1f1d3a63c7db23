"""For all tests: no run is saved by itself. And what nbval compares in a notebook: not the plotly figure, whose
throughput panel is a clock reading.
"""

import os
import signal
from typing import Any

# Also what they start: kernels, servers, scripts.
os.environ.setdefault("DFA_LAB_AUTOSAVE", "off")

# A shell starts what runs in its background with Ctrl-C ignored, which tests press.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collectstart(collector: Any) -> None:
    """Called for every collected file; a notebook has ``skip_compare``."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("application/vnd.plotly.v1+json",)
