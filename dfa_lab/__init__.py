"""dfa_lab: a laboratory for feedback alignment inside a notebook.

>>> import dfa_lab as dfa
>>> net = dfa.MLP([64, 128, 10], rule="dfa")

The public names are in ``__init__.pyi``; each loads on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"
