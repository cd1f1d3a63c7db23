"""What is shipped, and that the three places which name a dependency agree."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

import dfa_lab
from places import ROOT

BUNDLES = [f"dfa_lab/widgets/static/dfa_lab.{kind}" for kind in ("js", "css")]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel made from it."""
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def requirements(texts: list[str]) -> dict[str, str]:
    return {req.name.lower(): str(req.specifier) for req in map(Requirement, texts)}


def test_conda_environment_asks_for_what_pyproject_asks_for(project: dict[str, Any]) -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    plain = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    conda = requirements(plain)
    assert conda.pop("python") == project["requires-python"]
    conda.pop("pip")
    wanted = requirements(project["dependencies"])
    assert conda == {CONDA_NAMES.get(name, name): versions for name, versions in wanted.items()}
    assert {"pip": ["-e ."]} in environment["dependencies"]


def test_the_tested_versions_lie_in_the_ranges(project: dict[str, Any]) -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {}
    for line in lines:
        if line and not line.startswith("#"):
            assert re.fullmatch(r"[\w.-]+==[\w.]+", line), f"{line!r} is no plain pin: no path, host or local version"
            name, version = line.split("==")
            pins[name.lower().replace("_", "-")] = version
    extras = project["optional-dependencies"]
    for requirement in map(Requirement, project["dependencies"] + extras["test"]):
        assert Version(pins[requirement.name.lower()]) in requirement.specifier


def test_lockfile_is_pinned_and_names_no_host() -> None:
    text = (ROOT / "frontend" / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in text
    assert "http" not in text
    locked = json.loads(text)["packages"]
    package = json.loads((ROOT / "frontend" / "package.json").read_text(encoding="utf-8"))
    for name, version in (package["dependencies"] | package["devDependencies"]).items():
        assert re.fullmatch(r"[\d.]+", version), f"{name} is not pinned"
        assert locked[f"node_modules/{name}"]["version"] == version
        assert locked[f"node_modules/{name}"]["integrity"].startswith("sha512-")


@pytest.mark.slow
def test_sdist_holds_bundle_sources_and_licence(built: Path, hook: ModuleType, tmp_path: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.split("/", 1)[1] for name in tar.getnames() if "/" in name}
    shutil.unpack_archive(archive, tmp_path)
    assert {
        *BUNDLES,
        "frontend/main.tsx",
        "frontend/shared/messages.ts",
        "frontend/controls/fields/Field.tsx",
        "frontend/package-lock.json",
        "hatch_build.py",
        "LICENSE",
    } <= names
    assert not [name for name in names if "node_modules" in name or "__pycache__" in name]
    (root,) = tmp_path.iterdir()
    assert hook.Frontend(root).is_fresh(), "a wheel built from this sdist would need Node"


@pytest.mark.slow
def test_wheel_holds_bundle_notebooks_benchmarks_and_command(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = next(name for name in names if name.endswith("entry_points.txt"))
        assert "dfa-lab = dfa_lab.cli:main" in archive.read(entry_points).decode()
    assert {
        *BUNDLES,
        "dfa_lab/widgets/static/uPlot.LICENSE.txt",
        "dfa_lab/views/report/report.html",
        "dfa_lab/experiment/data/text.txt",
        "dfa_lab/widgets/chart/chart_part.py",
        "dfa_lab/widgets/controls/control_panel.py",
    } <= names
    notebooks = {f"dfa_lab/notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    benchmarks = {f"dfa_lab/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "benchmarks").rglob("*.py")}
    assert notebooks | benchmarks <= names
    assert not [name for name in names if name.startswith(("tests/", "frontend/", "notebooks/"))]


def test_bundle_is_stale_when_a_source_changes(hook: ModuleType, tmp_path: Path) -> None:
    frontend = hook.Frontend(tmp_path)
    frontend.folder.mkdir()
    frontend.static.mkdir(parents=True)
    source = frontend.folder / "main.tsx"
    source.write_text("export default {};")
    assert not frontend.is_fresh()
    frontend.style.write_text("")
    assert not frontend.is_fresh(), "both are there, or none"
    frontend.bundle.write_text(f"// sha256 {frontend.digest()}\nexport default {{}};")
    assert frontend.is_fresh()
    source.write_text("export default { render() {} };")
    assert not frontend.is_fresh()
    frontend.bundle.write_text(f"// sha256 {frontend.digest()}\nexport default {{}};")
    (frontend.folder / "chart").mkdir()
    (frontend.folder / "chart" / "Curve.tsx").write_text("export {};")
    assert not frontend.is_fresh(), "what a folder holds counts"


def fetches(kind: str, text: str) -> bool:
    """Whether a bundle would load something: by an import, an address, or a style's url."""
    names = r"http://www\.w3\.org/(2000/svg|1999/xhtml|1998/Math/MathML)"  # of kinds of elements: no addresses
    pattern = r"\bimport\s*[(\"']|(?<![\w-])from\s*[\"']|https?://" if kind == "js" else r"url\(|@import"
    return re.search(pattern, re.sub(names, "", text)) is not None


@pytest.mark.parametrize("path", BUNDLES)
def test_bundles_load_nothing_from_the_network(path: str) -> None:
    assert not fetches(path.rsplit(".", 1)[1], (ROOT / path).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("js", 'import{a}from"https:x";'),
        ("js", "import a from 'b';"),
        ("js", 'export*from"b";'),
        ("js", 'import"b";'),
        ("js", "await import(b)"),
        ("js", 'fetch("http://www.w3.org/other")'),
        ("css", "a{background:url(b.png)}"),
        ("css", '@import "b.css";'),
    ],
)
def test_a_bundle_that_loads_something_is_seen(kind: str, text: str) -> None:
    assert fetches(kind, text)
    assert not fetches("js", '{"data-error-from":"output",xmlns:"http://www.w3.org/2000/svg"}')


def test_what_is_cited_is_this_version() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == dfa_lab.__version__
    assert cited["license"] in (ROOT / "LICENSE").read_text().splitlines()[0]
