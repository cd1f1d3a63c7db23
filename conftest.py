"""What nbval compares in a notebook: not the plotly figure, whose throughput panel is a clock reading."""

from typing import Any


def pytest_collectstart(collector: Any) -> None:
    """Called for every collected file; a notebook has ``skip_compare``."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("application/vnd.plotly.v1+json",)
