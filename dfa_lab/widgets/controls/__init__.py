"""The control panel: controls, messages, limits, downloads."""

from dfa_lab.widgets.controls.control_specs import specs
from dfa_lab.widgets.controls.derivative_curves import curves
from dfa_lab.widgets.controls.desk import Desk
from dfa_lab.widgets.controls.disabled_reasons import presets, refusals
from dfa_lab.widgets.controls.exports import DOWNLOADS, Download, download
from dfa_lab.widgets.controls.messages import checked
from dfa_lab.widgets.controls.page_limits import check_fields
from dfa_lab.widgets.controls.restrictions import PICTURES, Classroom
