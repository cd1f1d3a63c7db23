"""The page's types of messages are those of the kernel."""

from dfa_lab.widgets.schema import PLACE, typescript


def test_the_page_has_the_kernels_types():
    assert PLACE.read_text(encoding="utf-8") == typescript(), "run python -m dfa_lab.widgets.schema"
