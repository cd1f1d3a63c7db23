"""A run that is killed with −9 while it trains and saves goes on from its file to the last bit."""

import pytest

from killed_runs import KINDS, killed

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", [KINDS[3], KINDS[8]], ids="-".join)
def test_a_killed_run_goes_on_as_the_one_that_was_not(kind, tmp_path):
    counts = killed(kind, tmp_path, 6)
    assert counts["kills"] == counts["resumed"] == 6
    assert sum(1 for what in counts if isinstance(what, tuple)) > 1, "at several places"
