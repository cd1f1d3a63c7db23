"""The thread that trains runs side by side, and its commands."""

from dfa_lab.experiment.runner.lanes import LANES, LaneStatus, no_lane
from dfa_lab.experiment.runner.of_experiment import is_headless, runner_in_use, runner_of
from dfa_lab.experiment.runner.rate_limit import FASTEST, SLOWEST, is_speed
from dfa_lab.experiment.runner.runner import Runner
from dfa_lab.experiment.runner.story_teller import GOES, StoryStatus
from dfa_lab.experiment.runner.training import Command, Status, Training
