"""What makes a run again: sessions, presets, stories, share texts, scripts."""

from dfa_lab.experiment.sessions.condition import Condition
from dfa_lab.experiment.sessions.first_view import View
from dfa_lab.experiment.sessions.presets import PRESETS, STORIES, offered, offered_session
from dfa_lab.experiment.sessions.script import script_of
from dfa_lab.experiment.sessions.session import Lane, Session, story_of
from dfa_lab.experiment.sessions.story import STORY_PARTS, Offer, Story, StoryStep
