"""Each class of the page is one thing's: two folders that style one class would change each other."""

import re
from collections import defaultdict

from javascript import FRONTEND

#: Folders that may add to what shared/base.css says of these: everything stands inside the first, the others are plain.
SHARED = {"dfa-root", "dfa-button", "dfa-note"}


def styled():
    """The folders that style each class."""
    found = defaultdict(set)
    for path in FRONTEND.rglob("*.css"):
        folder = path.relative_to(FRONTEND).parts[0]
        if folder not in ("node_modules", "shared"):
            for name in re.findall(r"\.(dfa-[\w-]+)", path.read_text(encoding="utf-8")):
                found[name].add(folder)
    return found


def test_no_two_folders_style_one_class():
    found = styled()
    assert len(found) > 100
    assert {name: folders for name, folders in found.items() if len(folders) > 1 and name not in SHARED} == {}
