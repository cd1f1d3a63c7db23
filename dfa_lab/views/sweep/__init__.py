"""Pictures and tables of a whole sweep: what the runs reached, over the settings that the grid varied.

Its names are in ``__init__.pyi`` and load on first use: plotly and matplotlib each load only where they draw.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
