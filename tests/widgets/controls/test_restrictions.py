"""What a teacher hides and locks."""

from dfa_lab.widgets.controls import Restrictions


def test_names_may_come_from_a_generator():
    found = Restrictions.of((name for name in ["lr", "pin"]), iter(["rule", "reset"]), "auto")
    assert (found.hide, found.lock) == (("lr", "pin"), ("rule", "reset"))
