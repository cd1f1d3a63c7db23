from .explorer import Explorer as Explorer
