"""The story that leads through a run."""

from dfa_lab.widgets.story.story_part import StoryPart
