"""Each class of the page is one thing's: two folders that style one class would change each other."""

import re
from collections import defaultdict

import pytest

from javascript import FRONTEND, run

#: Folders that may add to what shared/base.css says of these: everything stands inside the first, the others are plain.
SHARED = {"dfa-root", "dfa-button", "dfa-note"}


def classes(css):
    """The classes that the rules of a style sheet are for; what only says where a rule holds is not among them.

    Of ``.dfa-explorer .dfa-caption:has(.dfa-line)`` that is dfa-caption, of ``.dfa-caption > p`` too.
    """
    found = set()
    for selectors in re.findall(r"([^{}]+)\{", re.sub(r"/\*.*?\*/", "", css, flags=re.S)):
        for selector in re.split(r",(?![^(]*\))", re.sub(r":(has|not)\([^()]*(\([^()]*\)[^()]*)*\)", "", selectors)):
            named = [part for part in re.split(r"[\s>+~]+(?![^(]*\))", selector) if ".dfa-" in part]
            found.update(re.findall(r"\.(dfa-[\w-]+)", named[-1]) if named else ())
    return found


def styled():
    """The folders that style each class."""
    found = defaultdict(set)
    for path in FRONTEND.rglob("*.css"):
        folder = path.relative_to(FRONTEND).parts[0]
        if folder not in ("node_modules", "shared"):
            for name in classes(path.read_text(encoding="utf-8")):
                found[name].add(folder)
    return found


@pytest.mark.parametrize(
    ("css", "names"),
    [
        (".dfa-a { top: 0 }", {"dfa-a"}),
        (
            "/* .dfa-x */ @media (width < 9px) { .dfa-x .dfa-a, .dfa-b.dfa-c:hover { top: 0 } }",
            {"dfa-a", "dfa-b", "dfa-c"},
        ),
        (".dfa-a > * { top: 0 } .dfa-b + p { top: 0 }", {"dfa-a", "dfa-b"}),
        (".dfa-a:has(.dfa-x, :is(.dfa-y)) { top: 0 } .dfa-b:not(.dfa-x) i { top: 0 }", {"dfa-a", "dfa-b"}),
        (".dfa-x :is(.dfa-a, .dfa-b) { top: 0 } body p { top: 0 }", {"dfa-a", "dfa-b"}),
    ],
)
def test_a_rule_styles_what_it_ends_at(css, names):
    assert classes(css) == names


def test_no_two_folders_style_one_class():
    found = styled()
    assert len(found) > 100
    assert {name: folders for name, folders in found.items() if len(folders) > 1 and name not in SHARED} == {}


def test_what_is_around_a_widget_is_the_first_background_that_can_be_seen() -> None:
    cases = [
        ["rgba(0, 0, 0, 0)", "transparent", "rgb(24, 28, 26)", "rgb(255, 255, 255)"],
        ["rgba(0, 0, 0, 0)"],
        ["rgba(0, 0, 0, 0.5)", "rgb(255, 255, 255)"],
    ]
    seen = run("shared/theme.ts", "a.map(m.firstPainted)", *cases)
    assert seen == ["rgb(24, 28, 26)", "rgb(255, 255, 255)", "rgba(0, 0, 0, 0.5)"]
    assert run("shared/theme.ts", "a.map(m.isDark)", *seen) == [True, False, True]
