"""What makes a run again: sessions, presets, share texts, scripts."""

from dfa_lab.experiment.sessions.first_view import View
from dfa_lab.experiment.sessions.presets import PRESETS
from dfa_lab.experiment.sessions.script import script_of
from dfa_lab.experiment.sessions.session import Lane, Session, story_of
