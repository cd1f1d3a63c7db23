"""What is to be learned: tasks with their training and test data."""

from dfa_lab.experiment.data import builtin_tasks, image_tasks, text_task
from dfa_lab.experiment.data.pixels import network_inputs
from dfa_lab.experiment.data.task import TASKS, Task, make_task
