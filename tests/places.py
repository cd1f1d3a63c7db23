"""Where the repository, its tests and the package lie."""

from pathlib import Path

import dfa_lab

TESTS = Path(__file__).parent
ROOT = TESTS.parent
PACKAGE = Path(dfa_lab.__file__).parent
