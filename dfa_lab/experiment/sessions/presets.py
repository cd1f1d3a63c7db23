"""PRESETS: runs worth seeing, each a session in a file of ``presets/``; its ``about`` says what to watch.

>>> import dfa_lab as dfa
>>> dfa.PRESETS["bp_beside_dfa"].settings.rule
'dfa'

The files are named in the order of a first course: ``01_bp_beside_dfa.json`` is ``PRESETS["bp_beside_dfa"]``.
"""

from __future__ import annotations

from importlib.resources import files

from dfa_lab.experiment.sessions.session import Session
from dfa_lab.registry import Registry

PRESETS: Registry[Session] = Registry("preset")

for _file in sorted(files(__package__).joinpath("presets").iterdir(), key=lambda file: file.name):
    if _file.name.endswith(".json"):
        _name = _file.name.removesuffix(".json").split("_", 1)[1]
        PRESETS.register(_name, Session.from_json(_file.read_text(encoding="utf-8")))
