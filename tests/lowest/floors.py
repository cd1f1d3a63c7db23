"""The lowest versions that pyproject.toml allows, as requirements for pip: one a line; "tools" prints what tests need.

Those that can lie beside newer versions of all others; torch, NumPy, pandas, scikit-learn and JupyterLab each want
others of their own age.
"""

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

NOT_BESIDE_OTHERS = {"torch", "numpy", "pandas", "scikit-learn", "pydantic", "jupyterlab"}
PROJECT = Path(__file__).parents[2] / "pyproject.toml"


#: What tests of an environment of its own do without: browsers, other notebooks, linters and types.
NOT_NEEDED = {"playwright", "marimo", "ruff", "mypy", "pandas-stubs", "scikit-learn-stubs", "types-tqdm"}


def tools() -> list[str]:
    """What the unit tests need beside the package, at any version."""
    asked = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]["test"]
    return [one for one in asked if Requirement(one).name not in NOT_NEEDED]


def floors() -> dict[str, str]:
    """Name -> the lowest version of each dependency."""
    asked = map(Requirement, tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["dependencies"])
    return {one.name: next(iter(one.specifier)).version for one in asked}


def lowest() -> dict[str, str]:
    """Name -> the lowest version of each dependency that can lie beside newer ones."""
    return {name: version for name, version in floors().items() if name not in NOT_BESIDE_OTHERS}


if __name__ == "__main__":
    asked = tools() if "tools" in sys.argv else None
    chosen = floors() if "all" in sys.argv else lowest()
    print(*(asked or [f"{name}=={version}" for name, version in chosen.items()]), sep="\n")
