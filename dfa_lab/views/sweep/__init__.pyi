from .column_labels import column_label as column_label
from .comparison import comparison as comparison
from .summary import summary as summary
from .sweep_plot import sweepplot as sweepplot
