"""The control panel: the table of verbs, controls, messages, limits, downloads.

Its names are in ``__init__.pyi`` and load on first use: ipywidgets loads only where something is shown.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
