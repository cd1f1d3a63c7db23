"""Each notebook, as committed, becomes a page of HTML with all its pictures, and a PDF that cuts no line of code."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from functools import partialmethod
from pathlib import Path

import nbformat
import pytest

from places import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PICTURES = ("image/png", "image/svg+xml", "application/vnd.plotly.v1+json")
HANDOUT = ["--TemplateExporter.extra_template_basedirs=docs", "--template", "handout"]

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on the PATH; Debian: apt-get install chromium"
)


def convert(*arguments: str, path: str = "") -> str:
    """What nbconvert says; it is called in the repository, as docs/teaching.md has it."""
    environment = {**os.environ, "PATH": os.pathsep.join(filter(None, [os.environ["PATH"], path]))}
    command = [sys.executable, "-m", "nbconvert", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def pictures_of(notebook: Path) -> int:
    """Outputs of a notebook that are pictures."""
    cells = nbformat.read(notebook, as_version=4).cells
    return sum(
        any(kind in output.get("data", {}) for kind in PICTURES) for cell in cells for output in cell.get("outputs", [])
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every notebook as HTML: by nbconvert's own template and, named "handout …", by ours."""
    plain, handout = tmp_path_factory.mktemp("html"), tmp_path_factory.mktemp("handout")
    names = [str(path) for path in NOTEBOOKS]
    said = convert("--to", "html", "--output-dir", str(plain), *names)
    assert "not able to be represented" not in said
    convert("--to", "html", *HANDOUT, "--output-dir", str(handout), *names)
    pages = {path.stem: path.read_text(encoding="utf-8") for path in plain.glob("*.html")}
    return pages | {f"handout {path.stem}": path.read_text(encoding="utf-8") for path in handout.glob("*.html")}


@pytest.mark.parametrize("kind", ["", "handout "])
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_page_has_every_picture_and_every_cell(pages: dict[str, str], notebook: Path, kind: str) -> None:
    page = pages[kind + notebook.stem]
    assert page.count('src="data:image/png;base64,') == pictures_of(notebook)
    cells = nbformat.read(notebook, as_version=4).cells
    assert len(re.findall(r'class="jp-Cell ', page)) == len(cells)
    assert "output_error" not in page
    assert "Traceback" not in page


@needs_chromium
@pytest.mark.slow
def test_on_paper_no_code_is_cut(pages: dict[str, str], tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    cut = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": 718, "height": 1000}
        )  # A4 at 96 dots an inch, less two margins of 1 cm
        page.emulate_media(media="print")
        for name in (one for one in pages if "01_first" in one or "13_" in one):
            (tmp_path / "page.html").write_text(pages[name], encoding="utf-8")
            page.goto((tmp_path / "page.html").as_uri(), wait_until="domcontentloaded")
            script = "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).length"
            cut[name] = page.eval_on_selector_all(".jp-InputArea .highlight pre", script)
        browser.close()
    assert {name for name, lines in cut.items() if not lines} == {name for name in cut if name.startswith("handout ")}


def counted(pdf: bytes) -> tuple[int, int]:
    """Pages and pictures of a PDF of Chromium's."""
    return len(re.findall(rb"/Type\s*/Page\b", pdf)), len(re.findall(rb"/Subtype\s*/Image\b", pdf))


@needs_chromium
@pytest.mark.slow
def test_chromium_prints_the_handout(pages: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(pages["handout 05_your_own_loop"], encoding="utf-8")
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-pdf-header-footer",
        f"--print-to-pdf={tmp_path / 'page.pdf'}",
    ]
    subprocess.run([str(CHROMIUM), *flags, str(tmp_path / "page.html")], check=True, capture_output=True, timeout=100)
    sheets, pictures = counted((tmp_path / "page.pdf").read_bytes())
    assert sheets >= 3
    assert pictures >= pictures_of(ROOT / "notebooks" / "05_your_own_loop.ipynb")


@needs_chromium
@pytest.mark.slow
def test_webpdf_makes_a_pdf(monkeypatch: pytest.MonkeyPatch) -> None:
    """nbconvert's own way. It takes no other browser than playwright's; here it is given the machine's."""
    from nbconvert.exporters import WebPDFExporter
    from playwright.async_api import BrowserType

    monkeypatch.setattr(BrowserType, "launch", partialmethod(BrowserType.launch, executable_path=CHROMIUM))
    exporter = WebPDFExporter(disable_sandbox=True)
    pdf, _ = exporter.from_filename(str(ROOT / "notebooks" / "01_first_steps.ipynb"))
    sheets, pictures = counted(pdf)
    assert sheets >= 3
    assert pictures >= 3


@pytest.mark.skipif(
    importlib.util.find_spec("pypandoc") is None, reason="no pandoc: the extra `docs` brings pypandoc-binary"
)
def test_latex_has_every_picture(tmp_path: Path) -> None:
    """Of ``--to pdf`` all but the last part, which is TeX's."""
    import pypandoc

    pandoc = str(Path(pypandoc.get_pandoc_path()).parent)
    name = NOTEBOOKS[1].stem
    convert("--to", "latex", "--output-dir", str(tmp_path), str(NOTEBOOKS[1]), path=pandoc)
    text = (tmp_path / f"{name}.tex").read_text(encoding="utf-8")
    assert text.count(r"\adjustimage") == pictures_of(NOTEBOOKS[1])
    assert len(list((tmp_path / f"{name}_files").glob("*.png"))) == pictures_of(NOTEBOOKS[1])
