"""The page's types of messages are those of Python: no table is typed twice."""

from dfa_lab.widgets import schema


def test_the_page_s_types_are_made_from_python_s():
    written = schema.PLACE.read_text(encoding="utf-8")
    assert written == schema.typescript(), "python -m dfa_lab.widgets.schema writes it anew"


def test_a_changed_type_is_seen(monkeypatch):
    before = schema.typescript()
    monkeypatch.setattr(schema, "buttons", dict)
    assert schema.typescript() != before
