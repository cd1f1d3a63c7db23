"""reproductionplot: what is drawn is what was measured and printed."""

import numpy as np
import pytest

import dfa_lab as dfa

VALUES = {"bp": [89.0, 89.2], "fa": [80.0, 81.0, 85.0], "dfa": [87.0], "more": [70.0, 71.0]}


def drawn(axes, name):
    return {
        int(one.get_gid().split()[1]): one.get_xdata() for one in axes.lines if (one.get_gid() or "").startswith(name)
    }


def test_a_row_holds_its_seeds_and_the_papers_number():
    axes = dfa.reproductionplot(dfa.Reproduced("ccl", "fashion_mnist", VALUES, quick=False))
    assert [one.get_text() for one in axes.get_yticklabels()] == list(VALUES)
    assert [list(found) for found in drawn(axes, "seeds").values()] == list(VALUES.values())
    assert {row: one[0] for row, one in drawn(axes, "published").items()} == {0: 89.58, 1: 87.38, 2: 87.35}
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first case is on top
    assert "± 1" in axes.get_title()
    means = [container.lines[0].get_xdata()[0] for container in axes.containers]
    assert means == pytest.approx([np.mean(one) for one in VALUES.values()])
    bars = [one.get_paths()[0].vertices[:, 0] for one in axes.collections if one.get_gid() == "tolerance"]
    assert [bar.min() for bar in bars] == pytest.approx([88.58, 86.38, 86.35])
    assert [bar.max() for bar in bars] == pytest.approx([90.58, 88.38, 88.35])


def test_a_quick_one_is_compared_with_nothing():
    axes = dfa.reproductionplot(dfa.Reproduced("ccl", "fashion_mnist", VALUES, quick=True))
    assert "quick" in axes.get_title()
    assert "published" not in axes.get_title()


def test_something_else_is_refused():
    with pytest.raises(dfa.DfaLabError, match=r"expected what dfa\.reproduce returns"):
        dfa.reproductionplot({"bp": [1.0]})
