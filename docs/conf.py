"""The site: Sphinx reads the pages beside this file, the notebooks as they are committed, and the docstrings.

`make docs` builds it into docs/_build/html, without a network, with warnings as errors.
"""

import ast
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path.insert(0, str(ROOT))

import pypandoc  # noqa: E402

import dfa_lab as dfa  # noqa: E402

# nbsphinx looks for pandoc there.
os.environ["PATH"] = os.pathsep.join([str(Path(pypandoc.get_pandoc_path()).parent), os.environ["PATH"]])

project, author, copyright = "dfa_lab", "the dfa_lab authors", "the dfa_lab authors"  # noqa: A001  # Sphinx's names
version = release = dfa.__version__
extensions = [
    "myst_parser",
    "nbsphinx",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.githubpages",
]
exclude_patterns = ["_build", "results", "templates"]
templates_path = ["templates"]
#: Made below, at each build.
GENERATED = DOCS / "_generated"

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # pages that a benchmark prints begin at the third level
nbsphinx_execute = "never"
# What asks another host for a script: no page needs require.js, and formulas are written in Unicode, without MathJax.
nbsphinx_requirejs_path = ""
nbsphinx_assume_equations = False
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autosummary_generate = True
#: Class -> what it has from this package, not from torch, a widget or pydantic: what its page lists.
autosummary_context = {
    "made_here": {
        name: sorted(
            {item for one in kind.__mro__ if one.__module__.startswith("dfa_lab") for item in vars(one)}
            - {"extra_repr", "set_state", "model_config"}
        )
        for name, kind in ((name, getattr(dfa, name)) for name in dir(dfa))
        if isinstance(kind, type)
    }
}
html_theme = "pydata_sphinx_theme"
html_title = "dfa_lab"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False, "collapse_navigation": True}
html_static_path = ["images", "site"]
html_css_files = ["site.css"]
html_js_files = ["named_toggles.js", "scrolling_boxes.js", "whole_report.js"]
html_sidebars = {"_generated/start": []}  # it has no pages below it
html_favicon = "site/favicon.svg"
html_context = {"default_mode": "auto"}
#: Files that are served as they are, beside the front page.
html_extra_path = ["_generated/beside"]
#: Rooms of the package, in the order of the API page, and what each is called there.
ROOMS = {
    "learning": "Networks and rules",
    "experiment": "Runs, sweeps and what is kept",
    "views": "Pictures and reports",
    "widgets": "On the screen",
    "registry": "Registries and errors",
}


#: Page of the menu -> its title, a sentence, and what stands under it; a pattern stands for all that it matches.
SECTIONS = {
    "play": ("Play", "The explorer, and the same in code.", ["/explorer", "/tour"]),
    "learn": ("Learn", "Notebooks, each with one question, and lessons to give with them.", ["[0-9]*", "/teaching"]),
    "use": (
        "Use it on your network",
        "Which rule, how a network of yours learns by it, and how many of them.",
        [
            *("/choosing", "/choices", "/reproductions", "/converting", "/alignment", "/architectures", "/transformer"),
            *("/sweep", "/scaling", "/keeping", "/recipes"),
        ],
    ),
    "reference": (
        "Reference",
        "Every public name, the words, how to add one's own, how fast it is, and what was learned and decided.",
        ["api", "/glossary", "/adding", "/performance", "/log", "decisions"],
    ),
    "decisions": ("Decisions", "Choices that cost something: why each was made, and what it costs.", ["/decisions/*"]),
}
#: Pages that the front page leads to, in the order of the menu, each with a sentence.
DOORS = {
    "_generated/start": ("Start", "`make lab` sets up and opens the explorer, `make test` checks it."),
    **{f"_generated/{name}": SECTIONS[name][:2] for name in ("play", "learn", "use", "reference")},
}


def _write_sections() -> None:
    for name, (title, sentence, pages) in SECTIONS.items():
        lines = [f"# {title}", "", sentence, "", "```{toctree}", ":maxdepth: 1", ":glob:", *pages, "```", ""]
        (GENERATED / f"{name}.md").write_text("\n".join(lines), encoding="utf-8")


def _write_start() -> None:
    lines = ["# Start", "", "```{include} ../../README.md", ':start-after: "## Start"', ':end-before: "### Learn"']
    lines += [":relative-docs: docs/", ":relative-images:", "```", ""]
    (GENERATED / "start.md").write_text("\n".join(lines), encoding="utf-8")


def _write_doors() -> None:
    lines = [f"- **[{title}]({page}.md)**: {sentence}" for page, (title, sentence) in DOORS.items()]
    lines += ["", "```{toctree}", ":hidden:", *DOORS, "```", ""]
    (GENERATED / "doors.txt").write_text("\n".join(lines), encoding="utf-8")


def _names() -> dict[str, list[str]]:
    """Room -> public names, from the stub that ``dfa_lab`` is loaded by."""
    found: dict[str, list[str]] = {room: [] for room in ROOMS}
    for node in ast.parse((ROOT / "dfa_lab" / "__init__.pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            room = (node.module or "").split(".")[0]
            found[room if room in found else "registry"] += [alias.asname or alias.name for alias in node.names]
    return {room: sorted(names, key=str.lower) for room, names in found.items() if names}


def _write_api() -> None:
    lines = ["# API", "", "Every public name of `dfa_lab`, imported as `dfa`.", ""]
    for room, names in _names().items():
        lines += [f"## {ROOMS[room]}", "", "```{eval-rst}", ".. autosummary::", "   :toctree: api", ""]
        lines += [f"   dfa_lab.{name}" for name in names]
        lines += ["```", ""]
    (GENERATED / "api.md").write_text("\n".join(lines), encoding="utf-8")


def _copy_notebooks() -> None:
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        shutil.copy(notebook, GENERATED / notebook.name)


def _links(app: Any, page: str, source: list[str]) -> None:
    """Let a page's links to notebooks, as they are in the repository, lead to the site's own copies."""
    here = "../" * page.count("/")
    source[0] = re.sub(r"\]\((?:\.\./)+notebooks/(\w+\.ipynb)\)", rf"]({here}_generated/\1)", source[0])


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _links)


def _write_report() -> None:
    run = dfa.Experiment(task="digits", rule="dfa", seed=0)
    runs = [run, run.fork(rule="bp"), run.fork(rule="shallow")]
    for one in runs:
        one.train(1500)
    (GENERATED / "beside").mkdir(exist_ok=True)
    dfa.report(runs[0], GENERATED / "beside" / "report.html", references=runs[1:])


shutil.rmtree(GENERATED, ignore_errors=True)  # pages of what is no longer there
GENERATED.mkdir()
_write_sections()
_write_start()
_write_doors()
_write_api()
_write_report()
_copy_notebooks()
