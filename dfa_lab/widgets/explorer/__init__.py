"""The explorer: control panel, chart and pictures put together, and its model, which needs no widget.

Its names are in ``__init__.pyi`` and load on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
