"""For all tests: no run is saved by itself. And what nbval compares in a notebook: not the plotly figure, whose
throughput panel is a clock reading.
"""

import os
from typing import Any

# Also what they start: kernels, servers, scripts.
os.environ.setdefault("DFA_LAB_AUTOSAVE", "off")


def pytest_collectstart(collector: Any) -> None:
    """Called for every collected file; a notebook has ``skip_compare``."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("application/vnd.plotly.v1+json",)
