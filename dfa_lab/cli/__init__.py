"""The command dfa-lab. What a user gets wrong ends with exit code 2 and one sentence on stderr, no traceback.

A file holds the commands of a kind. Each command loads what it needs itself: ``dfa-lab --help`` answers at once.
"""

from . import bench, pages, reproductions, sweeps, train
from .application import app, main
