"""The architectures of ``architectures.py``."""

from foreign import of_graphs, of_monai, of_others, of_timm, of_transformers
from foreign.architecture import ARCHITECTURES, Architecture, Built

__all__ = ["ARCHITECTURES", "Architecture", "Built", "of_graphs", "of_monai", "of_others", "of_timm", "of_transformers"]
