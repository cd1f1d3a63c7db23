"""The monitor of a training loop of one's own, with its pictures.

Its names are in ``__init__.pyi`` and load on first use: ipywidgets loads only where something is shown.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
