"""Pictures of one step of a run.

Its names are in ``__init__.pyi`` and load on first use: plotly and matplotlib each load only where they draw.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
