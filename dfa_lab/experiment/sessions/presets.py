"""PRESETS: runs worth seeing, each a session; STORIES: the same, told in steps. Both from the files of ``presets/``.

>>> import dfa_lab as dfa
>>> dfa.PRESETS["bp_beside_dfa"].settings.rule
'dfa'
>>> dfa.STORIES["bp_beside_dfa"].session is dfa.PRESETS["bp_beside_dfa"]
True

The files are named in the order of a first course: ``01_bp_beside_dfa.json`` is ``STORIES["bp_beside_dfa"]``. A file
may hold a session alone, as ``Session.to_json`` writes it: then it is a preset without a story.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from dfa_lab.errors import DfaLabError, in_words, unknown_name
from dfa_lab.experiment.sessions.session import Session
from dfa_lab.experiment.sessions.story import FORMAT, Story
from dfa_lab.registry import Registry

PRESETS: Registry[Session] = Registry("preset")
STORIES: Registry[Story] = Registry("story")


def offered() -> dict[str, Session]:
    """What a menu offers, by name: every preset, and the sessions of stories that are no preset."""
    return {**PRESETS, **{name: story.session for name, story in STORIES.items() if name not in PRESETS}}


def offered_session(name: str) -> Session:
    """The one of that name. Raises ``DfaLabError`` where nothing is called so."""
    found = offered()
    if not isinstance(name, str) or name not in found:
        raise unknown_name("preset", name, found)
    return found[name]


def _register_all(folder: Traversable) -> None:
    """Every file of ``folder``. Raises ``DfaLabError``, with the file's name, for one that is damaged."""
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".json"):
            try:
                _, name = file.name.removesuffix(".json").split("_", 1)
                text = file.read_text(encoding="utf-8")
                if FORMAT in text:
                    PRESETS.register(name, STORIES.register(name, Story.from_json(text)).session)
                else:
                    PRESETS.register(name, Session.from_json(text))
            except Exception as reason:
                raise DfaLabError(
                    f"the preset {file} is damaged ({in_words(reason)}); install dfa-lab anew, or take the file away."
                ) from reason


_register_all(files(__package__).joinpath("presets"))
