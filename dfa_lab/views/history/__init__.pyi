from .figure_traces import run_names as run_names
from .plotly_figure import figure as figure
from .plots import accuracyplot as accuracyplot
from .plots import alignmentplot as alignmentplot
from .plots import lossplot as lossplot
from .plots import panelplot as panelplot
from .plots import panels_of as panels_of
from .plots import throughputplot as throughputplot
