"""The lowest versions that pyproject.toml allows, as requirements for pip: one a line.

Those that can lie beside newer versions of all others; torch, NumPy, pandas, scikit-learn and JupyterLab each want
others of their own age.
"""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

NOT_BESIDE_OTHERS = {"torch", "numpy", "pandas", "scikit-learn", "pydantic", "jupyterlab"}
PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def lowest() -> dict[str, str]:
    """Name -> the lowest version of each dependency that can lie beside newer ones."""
    asked = map(Requirement, tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["dependencies"])
    floors = {one.name: next(iter(one.specifier)).version for one in asked}
    return {name: version for name, version in floors.items() if name not in NOT_BESIDE_OTHERS}


if __name__ == "__main__":
    print(*(f"{name}=={version}" for name, version in lowest().items()), sep="\n")
