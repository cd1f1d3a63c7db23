from .column_labels import column_label as column_label
from .comparison_table import comparison as comparison
from .reproduction_plot import reproductionplot as reproductionplot
from .reproduction_plot import write_reproduction as write_reproduction
from .summary_table import summary as summary
from .sweep_plot import sweepplot as sweepplot
