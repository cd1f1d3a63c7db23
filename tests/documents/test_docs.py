"""The lines that README and docs show are run, and what they list is what there is."""

import re

import pytest

import dfa_lab as dfa
from dfa_lab.views.base import PANELS
from dfa_lab.widgets.controls.exports import DOWNLOADS
from places import ROOT

README = (ROOT / "README.md").read_text()
TOUR = (ROOT / "docs" / "tour.md").read_text()
CHOICES = (ROOT / "docs" / "choices.md").read_text()


#: Pages that others lead to: what a table of theirs was made from, and the front page of the site.
LED_TO = ("architectures", "index", "transformer")


def blocks(text, language="python"):
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


REGISTRIES = (
    dfa.RULES,
    dfa.ERROR_CHANNELS,
    dfa.LAYERS,
    dfa.FEEDBACK_INITS,
    dfa.ACTIVATIONS,
    dfa.DERIVATIVES,
    dfa.TASKS,
    dfa.WEIGHT_INITS,
    dfa.VIEWS,
    PANELS,
    dfa.CONVENTIONS,
    dfa.PRESETS,
    dfa.STORIES,
    DOWNLOADS,
    dfa.REPRODUCTIONS,
)


@pytest.fixture
def registries():
    """Gives every registry back as it was."""
    before = [dict(registry._entries) for registry in REGISTRIES]
    yield
    for registry, entries in zip(REGISTRIES, before, strict=True):
        registry._entries.clear()
        registry._entries.update(entries)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "printed"), [(README, "0.weight"), (TOUR, "weight_alignment")], ids=["README.md", "tour.md"]
)
def test_the_lines_of_the_readme_and_of_the_tour_run(page, printed, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks(page):
        exec(compile(block, "page", "exec"), names)
    assert names["run"].steps_done == names["baseline"].steps_done == 1500
    assert names["run"].evaluate()["test_accuracy"] > 0.94
    assert names["baseline"].evaluate()["test_accuracy"] > 0.94
    assert printed in capsys.readouterr().out


def test_the_readme_is_short_and_leads_to_every_notebook():
    assert len(README.splitlines()) < 120
    assert all(f"(notebooks/{one.name})" in README for one in (ROOT / "notebooks").glob("*.ipynb"))
    assert all(f"(docs/{one.name})" in README for one in (ROOT / "docs").glob("*.md") if one.stem not in LED_TO)


@pytest.mark.slow
def test_the_lines_for_teachers_run(monkeypatch, capsys):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    names = {}
    for block in blocks((ROOT / "docs" / "teaching.md").read_text()):
        exec(compile(block, "teaching.md", "exec"), names)
    began, beside = (dfa.similarity(names["run"], *other).to_numpy() for other in ((), (names["twin"],)))
    assert 0.75 < began.diagonal().min() < 0.95
    assert beside.diagonal().min() > 0.96
    assert "untrained" in capsys.readouterr().out


@pytest.mark.slow
def test_the_lines_of_the_explorers_page_run(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    monkeypatch.setenv("DFA_LAB_AUTOSAVE", str(tmp_path))
    dfa.Runner(dfa.Experiment(task="moons", widths=(8,)), threaded=False, autosave=tmp_path).play(3)
    names = {}
    for block in blocks((ROOT / "docs" / "explorer.md").read_text()):
        exec(compile(block, "explorer.md", "exec"), names)
    names["size"].value = 256
    assert names["run"].settings.batch_size == 256
    assert "batch_size" in capsys.readouterr().out


def test_the_choices_count_the_stories():
    numbers = {13: "thirteen", 14: "fourteen", 15: "fifteen", 16: "sixteen"}
    assert f"{numbers[len(dfa.STORIES)]} guided runs" in CHOICES


def test_the_lines_of_converting_run(capsys):
    names = {}
    for block in blocks((ROOT / "docs" / "converting.md").read_text()):
        exec(compile(block, "converting.md", "exec"), names)
    assert names["run"].steps_done == 20
    assert "expected" in capsys.readouterr().out


def test_the_lines_of_alignment_run_and_its_tables_are_whole(capsys):
    text, names = (ROOT / "docs" / "alignment.md").read_text(), {}
    for block in blocks(text):
        exec(compile(block, "alignment.md", "exec"), names)
    cells = {
        name for row in re.findall(r"^\| (.*?) \|", text, flags=re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    columns = set(names["rows"].to_frame().columns) - {"layer", "replica", "name", "convention"}
    assert columns - {f"gradient_alignment_{name}" for name in dfa.CONVENTIONS} <= cells
    assert set(dfa.CONVENTIONS) <= cells
    for name, convention in dfa.CONVENTIONS.items():
        assert f"| `{name}` | {convention.equation} |" in text
    assert "weight_alignment" in capsys.readouterr().out
    assert not re.findall(r"^[A-Z_]{6,}$", text, flags=re.MULTILINE)  # what was to be filled in


def test_the_lines_about_keeping_a_run_go_on_with_it(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names = {}
    (block,) = blocks((ROOT / "docs" / "keeping.md").read_text())
    exec(compile(block, "keeping.md", "exec"), names)
    whole = dfa.Experiment(task="digits", rule="dfa")
    assert names["run"].history.equals(whole.train(1000))
    from safetensors.torch import load_file

    assert load_file(names["path"])["now.net.weights.0"].shape == (128, 64)


@pytest.mark.parametrize("number", range(len(REGISTRIES)))
def test_what_adding_shows_runs_and_is_registered(number, registries):
    sections = (ROOT / "docs" / "adding.md").read_text().split("\n## ")[1:]
    assert len(sections) == len(REGISTRIES)
    (block,) = blocks(sections[number])
    lines = [line for line in block.splitlines() if line.strip() and not line.startswith(("import", "from"))]
    assert len(lines) <= 14, sections[number].splitlines()[0]
    before = sum(map(len, REGISTRIES))
    exec(compile(block, "adding.md", "exec"), {"__name__": "adding"})
    assert sum(map(len, REGISTRIES)) == before + 1


@pytest.mark.parametrize(
    ("row", "registry"),
    [
        ("learning rules", dfa.RULES),
        ("feedback inits", dfa.FEEDBACK_INITS),
        ("activations", dfa.ACTIVATIONS),
        ("derivatives", dfa.DERIVATIVES),
        ("tasks", dfa.TASKS),
        ("optimizers", dfa.OPTIMIZERS),
        ("losses", dfa.LOSSES),
        ("weight inits", dfa.WEIGHT_INITS),
        ("pictures", dfa.VIEWS),
    ],
)
def test_the_choices_list_what_is_registered(row, registry):
    (line,) = [line for line in CHOICES.splitlines() if line.startswith(f"| {row} |")]
    assert re.findall(r"`(\w+)`", line) == list(registry)


def test_the_shell_lines_of_the_tour_are_commands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # one writes a file
    from typer.testing import CliRunner

    from dfa_lab.cli import app

    (shell,) = [block for block in blocks(TOUR, "sh") if "dfa-lab train" in block]
    for line in shell.strip().splitlines():
        words = line.split()
        assert words[0] == "dfa-lab"
        if words[1] == "bench":
            options = CliRunner().invoke(app, ["bench", "--help"]).output
            assert all(word in options for word in words if word.startswith("--"))
            continue
        words[words.index("--steps" if "--steps" in words else "--epochs") + 1] = "0"
        if "fashion_mnist" not in words:
            result = CliRunner().invoke(app, words[1:])
            assert result.exit_code == 0, result.output


def test_links_lead_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\((?!http|#)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda path: path.stem[:4])
def test_a_decision_is_headed_as_the_others(path):
    text = path.read_text()
    assert text.startswith(f"# {int(path.stem[:4])}. ")
    assert [text.count(f"\n**{part}.** ") for part in ("Context", "Choice", "Cost")] == [1, 1, 1]
