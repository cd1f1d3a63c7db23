"""The thread that trains runs side by side, and its commands."""

from dfa_lab.experiment.runner.commands import FASTEST, SLOWEST, is_speed
from dfa_lab.experiment.runner.lanes import LANES, no_lane
from dfa_lab.experiment.runner.runner import Runner, Status
