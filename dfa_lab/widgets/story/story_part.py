"""The story that is told of a run, step by step, as a page shows it."""

from __future__ import annotations

from typing import Any

from dfa_lab.experiment.runner import Runner, StoryStatus
from dfa_lab.experiment.sessions import STORIES
from dfa_lab.widgets.kernel import PagePart
from dfa_lab.widgets.story import messages

#: No story is told.
NONE: dict[str, Any] = {
    "type": "story",
    "name": "",
    "title": "",
    "question": "",
    "steps": [],
    "count": 0,
    "place": 0,
    "waits_for": "",
    "told": False,
    "ended": False,
    "stuck": "",
    "next_takes_offer": False,
    "speed": None,
}


class StoryPart(PagePart):
    """The story of a runner: ``show`` queues how it stands, where that has changed."""

    name = "story"

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[StoryStatus | None] | None = None

    def show(self, runner: Runner) -> bool:
        """Queue the story that ``runner`` tells, or that there is none; whether there was anything new."""
        status = runner.story
        if self._shown == (status,) and not self.whole:
            return False
        self._is_whole()
        self.send(story_state(status))
        self._shown = (status,)
        return True


def story_state(status: StoryStatus | None) -> dict[str, Any]:
    """What a ``StoryState`` holds beside what every part's message has. The texts of steps to come stay here."""
    if status is None:
        return dict(NONE)
    story = status.story
    steps: list[messages.StoryStep] = [
        {
            "text": step.text,
            "part": step.part,
            "waits_for": step.condition.in_words(),
            "offers": "" if step.offer is None else step.offer.words,
        }
        for step in story.told_steps()[: status.appeared]
    ]
    return {
        "type": "story",
        "name": next((name for name, one in STORIES.items() if one.steps == story.steps), ""),
        "title": story.title,
        "question": story.question,
        "steps": steps,
        "count": len(story.steps),
        "place": status.place,
        "waits_for": status.waits_for,
        "told": status.told,
        "ended": status.ended,
        "stuck": status.stuck,
        "next_takes_offer": status.next_takes_offer,
        "speed": story.speed,
    }
