"""What a story's step points at on the page, and how its dots look."""

from __future__ import annotations

import pytest

from dfa_lab.experiment.sessions import STORY_PARTS
from javascript import run


@pytest.mark.parametrize(
    ("place", "appeared", "dots"),
    [(0, 1, ["dfa-here", "", ""]), (0, 2, ["dfa-here", "dfa-seen", ""]), (2, 3, ["dfa-seen", "dfa-seen", "dfa-here"])],
)
def test_a_dot_says_where_one_is_and_what_has_appeared(place: int, appeared: int, dots: list[str]) -> None:
    state = {"count": 3, "place": place, "steps": [{}] * appeared}
    assert run("story/pointing.ts", "m.places(a[0])", state) == dots


def test_every_part_is_pointed_at_by_its_name_and_a_picture_by_the_pictures() -> None:
    found = run("story/pointing.ts", "a[0].map((part) => m.pointedAt(part))", list(STORY_PARTS))
    assert [names[0] for names in found] == list(STORY_PARTS)
    assert run("story/pointing.ts", "m.pointedAt('surface')") == ["surface", "picture"]
    assert run("story/pointing.ts", "m.pointedAt('feedback')") == ["feedback", "feedback_init"]
    sheets = run("story/pointing.ts", "a[0].map((part) => m.pointer(part))", list(STORY_PARTS))
    for part, sheet in zip(STORY_PARTS, sheets, strict=True):
        assert sheet.startswith(f'.dfa-root[data-points="{part}"] :is([data-part~="{part}"')


def test_what_is_no_part_makes_no_style() -> None:
    for text in ("", 'x"] {} body', "</style>", "Network"):
        assert run("story/pointing.ts", "m.pointer(a[0])", text) == ""
