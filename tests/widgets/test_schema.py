"""The page's types of messages are those of Python: no table is typed twice."""

from dfa_lab.widgets import schema
from dfa_lab.widgets.pictures import PicturePart
from dfa_lab.widgets.pictures.catalogue import PICTURES


def test_the_page_s_types_are_made_from_python_s():
    written = schema.PLACE.read_text(encoding="utf-8")
    assert written == schema.typescript(), "python -m dfa_lab.widgets.schema writes it anew"


def test_a_changed_type_is_seen(monkeypatch):
    before = schema.typescript()
    monkeypatch.setattr(schema, "buttons", dict)
    assert schema.typescript() != before


def test_the_page_opens_a_picture_that_there_is_and_calls_none_what_the_kernel_calls_it(monkeypatch):
    names = schema.NAMES
    assert names["FIRST_PICTURE"] in PICTURES
    part = PicturePart()
    assert part.chosen == names["NO_PICTURE"] not in PICTURES
    written = schema.typescript()
    for name in names:
        monkeypatch.setattr(schema, "NAMES", {**names, name: "another"})
        assert schema.typescript() != written
