"""What is to be learned: tasks with their training and test data."""

from dfa_lab.experiment.data.builtin_tasks import TASKS
from dfa_lab.experiment.data.pixels import network_inputs
from dfa_lab.experiment.data.task import Task, make_task
