"""What widgets need of the kernel: threads, messages, outputs of cells."""

from dfa_lab.widgets.kernel.background_jobs import Aside
from dfa_lab.widgets.kernel.cell_outputs import take_place
from dfa_lab.widgets.kernel.fast_exit import leave_at_once
from dfa_lab.widgets.kernel.ipykernel_fixes import forget_route, mend_replies
from dfa_lab.widgets.kernel.notebooks import copy_notebooks
from dfa_lab.widgets.kernel.ui_thread import Allowance, Pump
from dfa_lab.widgets.kernel.voila import command
