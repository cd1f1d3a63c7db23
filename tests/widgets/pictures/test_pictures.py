"""Pictures of one step, on a page and in a report: they show what the run says, change nothing, and run no markup."""

from __future__ import annotations

import html
import io
import json
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image as Pixels

import dfa_lab as dfa
from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.inspection.decision_surface import surface_of
from dfa_lab.experiment.inspection.misclassified import mistakes_of
from dfa_lab.views.base.themes import THEMES, apply_theme, contrast
from dfa_lab.widgets.pictures.catalogue import PICTURES
from dfa_lab.widgets.pictures.picture_part import PicturePart
from dfa_lab.widgets.pictures.png import LIMIT, png
from dfa_lab.widgets.pictures.still import still

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'"


@pytest.fixture(scope="module")
def moons() -> dfa.Experiment:
    run = dfa.Experiment(task="moons", widths=(16,), lr=0.3)
    run.train(200)
    return run


@pytest.fixture(scope="module")
def digits() -> dfa.Experiment:
    run = dfa.Experiment(task="digits", widths=(24, 16))
    run.train(60)
    return run


def sent(pictures: PicturePart) -> tuple[dict[str, Any], list[bytes]]:
    """The message that was queued last, of those since the last call."""
    return pictures.take()[-1]


def drawn(pictures: PicturePart) -> tuple[Pixels.Image, str, int]:
    """The picture on the screen, its words, its size in bytes."""
    content, (data,) = sent(pictures)
    image = Pixels.open(io.BytesIO(data))
    assert content["width"] > 0 < content["height"]
    return image, content["words"], len(data)


# What is read from a run


@pytest.mark.parametrize("replica", [0, 2])
def test_a_surface_is_what_the_network_says_there(replica: int) -> None:
    run = dfa.Experiment(task="moons", widths=(8,), replicas=3)
    run.train(50)
    surface = surface_of(run, replica, 7)
    here = torch.tensor([[surface.x[5], surface.y[2]]], dtype=torch.float32)
    expected = run.net(here)[replica].softmax(-1).detach().double().numpy()[0]
    np.testing.assert_allclose(surface.probabilities[2, 5], expected, rtol=1e-5)
    accuracies = run.evaluate()["test_accuracy"]
    assert isinstance(accuracies, list)
    assert surface.accuracy == pytest.approx(accuracies[replica], abs=1e-9)
    assert (surface.step, surface.replica) == (50, replica)


def test_mistakes_are_wrong_all_of_them_and_the_surest_come_first(digits: dfa.Experiment) -> None:
    everything = mistakes_of(digits, 360)
    outputs = digits.net(digits.task.test_inputs).detach()
    wrong = (outputs.argmax(-1) != digits.task.test_targets).nonzero().flatten().tolist()
    assert sorted(everything.samples) == wrong
    assert (everything.wrong, everything.tested) == (len(wrong), 360)
    assert (np.diff(everything.confidence) <= 0).all()
    few = mistakes_of(digits, 3)
    np.testing.assert_array_equal(few.samples, everything.samples[:3])
    first = digits.task.test_inputs[int(few.samples[0])].reshape(8, 8)
    np.testing.assert_allclose(few.images[0, ..., 0], first, atol=1e-7)
    assert (few.truth == digits.task.test_targets[torch.from_numpy(few.samples)].numpy()).all()


def test_looking_changes_nothing_in_the_run() -> None:
    looked, left = (dfa.Experiment(task="moons", widths=(8,)) for _ in range(2))
    pictures = PicturePart()
    for _ in range(2):
        for run in (looked, left):
            run.train(20)
        for name in ("surface", "deltas"):
            pictures.show(looked)
            pictures.choose(name)
            assert pictures.show(looked)
    assert looked.history.equals(left.history)
    assert all(torch.equal(one, two) for one, two in zip(looked.net.weights, left.net.weights, strict=True))


def test_a_module_that_sees_pictures_has_mistakes_too() -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 10))
    run = dfa.Experiment(module=net, task={"name": "digits", "flat": False}, rule="dfa")
    run.train(5)
    assert mistakes_of(run, 2).images.shape == (2, 8, 8, 1)
    assert run.net.training


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda moons, digits: surface_of(digits), r"'digits' has 64 inputs .*such as task='moons'"),
        (lambda moons, digits: mistakes_of(moons), r"'moons' has no pictures.*image=\(channels, height, width\)"),
        (lambda moons, digits: surface_of(moons, 1), "replica was given as 1; expected a whole number from 0 to 0"),
        (lambda moons, digits: surface_of(moons, size=10**9), "size was given as 1000000000"),
        (lambda moons, digits: mistakes_of(digits, 0), "count was given as 0"),
        (lambda moons, digits: dfa.surfaceplot(moons.history), "got a History"),
        (lambda moons, digits: dfa.mistakesplot(None), "got a NoneType"),
        (lambda moons, digits: dfa.report([]), "got no run"),
        (lambda moons, digits: dfa.report(moons.net), "got a MLP"),
        (lambda moons, digits: dfa.report(moons, "no/such/folder/x.html"), "cannot write to"),
        (lambda moons, digits: PicturePart("sepia"), "no theme called 'sepia'"),
        (lambda moons, digits: PicturePart().choose("nothing"), "no picture called 'nothing'"),
    ],
)
def test_what_cannot_be_drawn_says_why(read, words, moons, digits) -> None:
    with pytest.raises(DfaLabError, match=words):
        read(moons, digits)


# The widget


def test_a_choice_stays_when_the_menu_changes(digits: dfa.Experiment, moons: dfa.Experiment) -> None:
    pictures = PicturePart()
    pictures.show(digits)
    pictures.choose("spectrum")
    pictures.show(moons)
    assert sent(pictures)[0]["chosen"] == pictures.chosen == "spectrum"
    pictures.choose("surface")
    pictures.show(digits)  # which has none
    assert pictures.chosen == "none"


def test_nothing_is_drawn_until_something_is_chosen_and_then_only_what_is_new(moons: dfa.Experiment) -> None:
    pictures = PicturePart()
    assert pictures.show(moons), "what there is to choose"
    content, buffers = sent(pictures)
    assert (content["chosen"], content["words"], buffers) == ("none", "", [])
    names = [one["name"] for one in content["choices"]]
    assert names == [*dfa.VIEWS, "surface", "similarity"]  # no pictures of digits among them
    assert not pictures.show(moons)
    with pytest.raises(DfaLabError, match="does not fit the run"):
        pictures.choose("mistakes")
    pictures.choose("surface")
    assert pictures.show(moons)
    _, before = sent(pictures)
    assert not pictures.show(moons)
    moons.train(10)
    assert pictures.show(moons)
    assert sent(pictures)[1] != before
    assert pictures.took > 0
    pictures.choose("none")
    pictures.show(moons)
    assert sent(pictures)[1] == []


@pytest.mark.parametrize("theme", THEMES)
def test_every_picture_has_words_and_is_small_on_every_background(theme: str, digits: dfa.Experiment) -> None:
    pictures = PicturePart(theme)
    pictures.show(digits)
    every = [one["name"] for one in sent(pictures)[0]["choices"]]
    for name in every if theme == "light" else ("deltas", "mistakes"):
        pictures.choose(name)
        assert pictures.show(digits)
        image, words, size = drawn(pictures)
        assert size <= LIMIT
        assert f"step {digits.steps_done}" in words
        background = tuple(int(THEMES[theme].background[place : place + 2], 16) for place in (1, 3, 5))
        assert image.convert("RGB").getpixel((0, 0)) == background


def test_a_picture_of_noise_is_made_small(digits: dfa.Experiment) -> None:
    figure = Figure(figsize=(8, 4))
    figure.add_subplot().imshow(np.random.default_rng(0).normal(size=(900, 900)), aspect="auto", cmap="RdBu")
    image = png(figure)
    assert len(image.data) <= LIMIT
    assert (image.width, image.height) == (768, 384)  # shown as large as it would have been


def test_letters_and_lines_stand_out_from_a_dark_background(moons: dfa.Experiment) -> None:
    figure = PICTURES["surface"].plot(surface_of(moons), 1)
    apply_theme(figure, dark := THEMES["dark"])
    (axes,) = figure.axes
    texts = [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.get_legend().get_texts(), *axes.get_xticklabels()]
    assert all(contrast(text.get_color(), dark.background) >= 4.5 for text in texts)
    rings = next(line for line in axes.lines if line.get_gid() == "wrong")
    assert contrast(rings.get_markeredgecolor(), dark.background) >= 3


@pytest.mark.parametrize("theme", THEMES)
def test_similarity_to_the_untrained_network_is_a_picture(theme: str, digits: dfa.Experiment) -> None:
    picture = PICTURES["similarity"]
    data = picture.read(digits)
    axes = picture.plot(data, 1).axes[0]
    apply_theme(figure := axes.figure, THEMES[theme])
    shown = axes.images[0].get_array()
    np.testing.assert_array_equal(shown, dfa.similarity(digits))
    for text, value in zip(axes.texts, np.ravel(shown), strict=True):
        assert text.get_text() == f"{value:.2f}"
        assert contrast(text.get_color(), axes.images[0].to_rgba(value)[:3]) >= 4.5, "on its cell, in any theme"
    assert contrast(axes.yaxis.label.get_color(), figure.get_facecolor()) >= 4.5
    names = [f"layer {number} is most like layer {shown[number - 1].argmax() + 1}" for number in (1, 2)]
    words = picture.describe(data, 1)
    assert all(name in words for name in names)
    assert "step 60" in words


def test_a_network_without_hidden_layers_has_no_picture_of_them() -> None:
    assert not PICTURES["similarity"].fits(dfa.Experiment(task="moons", widths=()))
    net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    run = dfa.Experiment(task="moons", module=net)
    assert PICTURES["similarity"].fits(run)
    pictures = PicturePart()
    pictures.show(run)
    pictures.choose("similarity")
    pictures.show(run)
    assert "1 is most like 1, 1.00" in drawn(pictures)[1]


def test_replicas_are_averaged_in_the_words_of_similarity() -> None:
    run = dfa.Experiment(task="moons", widths=(6, 5), replicas=2)
    picture = PICTURES["similarity"]
    assert "layer 1 is most like layer 1, 1.00" in picture.describe(picture.read(run), 1)


def test_the_layer_is_chosen_where_there_are_several(digits: dfa.Experiment, moons: dfa.Experiment) -> None:
    pictures = PicturePart()
    pictures.show(digits)
    pictures.choose("matrix")
    pictures.show(digits)
    pictures.choose("matrix", layer=2)
    assert pictures.show(digits)
    content, _ = pictures.take()[-1]
    assert "layer 2" in content["words"]
    assert (content["layer"], content["layers"]) == (2, 2)
    with pytest.raises(DfaLabError, match="no layer 3"):
        pictures.choose("matrix", layer=3)
    pictures.show(moons)  # another run, of one layer
    content, _ = pictures.take()[-1]
    assert "layer 1" in content["words"]
    assert content["layers"] == 1, "nothing to choose from"
    assert pictures.layer == 1


def test_a_view_registered_later_is_a_picture_and_its_failure_is_told_as_text(moons: dfa.Experiment) -> None:
    def failing(snapshot: dfa.Snapshot, *, layer: int = 1) -> None:
        """A view of the user's own."""
        raise RuntimeError(EVIL)

    dfa.VIEWS.register("own_view", failing)
    try:
        pictures = PicturePart()
        pictures.show(moons)
        assert {"name": "own_view", "title": "own view", "layered": True} in sent(pictures)[0]["choices"]
        pictures.choose("own_view")
        assert pictures.show(moons)
        content, buffers = sent(pictures)
        assert EVIL in content["words"], "plain text: the page makes no HTML of it"
        assert buffers == []
    finally:
        del dfa.VIEWS._entries["own_view"]


def test_the_run_s_name_is_no_markup_in_the_words() -> None:
    run = dfa.Experiment(task="moons", widths=(4,), name=EVIL)
    pictures = PicturePart()
    pictures.show(run)
    pictures.choose("surface")
    pictures.show(run)
    content, (data,) = sent(pictures)
    assert EVIL in content["words"], "plain text: the page makes no HTML of it"
    assert data.startswith(b"\x89PNG")


# The report


def parts(text: str) -> tuple[dict, str]:
    """The figure in a report, and the page without it and without plotly's own program."""
    found = re.search(r'<script type="application/json" id="figure">(.*?)</script>', text, re.S)
    assert found
    return json.loads(found[1]), re.sub(r"<script.*?</script>", "", text, flags=re.S)


def test_a_report_holds_everything_and_fetches_nothing(tmp_path) -> None:
    run = dfa.Experiment(task="moons", widths=(8, 8), name="a run")
    run.train(40)
    run.change(batch_size=128, feedback_init="orthogonal")
    run.train(40)
    path = dfa.report([run, run.fork(rule="bp", name=EVIL)], tmp_path / "report.html")
    text = path.read_text()
    figure, page = parts(text)
    assert {one["name"] for one in figure["data"] if "name" in one} >= {"a run", "a run, test loss"}
    for words in (
        "128",
        "orthogonal",
        "Learning rate η: how far",
        "weight alignment",
        f"torch {torch.__version__}",
        "80",
    ):
        assert words in page
    assert text.count("<script>alert") == text.count("<img") == 0
    assert EVIL in html.unescape(page)
    assert "default-src 'none'" in page
    assert not re.search(r'<[^>]* (src|href)="(?!#)', page)
    assert text.count("plotly.js v") == 1
    assert dfa.report(run) == dfa.report(run)


@pytest.mark.parametrize("script", ["print('</script>')", None])
def test_a_report_says_how_to_make_the_run_again(script: str | None, monkeypatch) -> None:
    def to_script(self: dfa.Experiment) -> str:
        if script is None:
            raise DfaLabError("register it by name.")
        return script

    monkeypatch.setattr(dfa.Experiment, "to_script", to_script, raising=False)
    run = dfa.Experiment(task="moons", widths=(4,))
    _, page = parts(dfa.report(run))
    assert (script or "there is no script of this run: register it by name.") in html.unescape(page)
    assert ("settings and changes as JSON" in page) == (script is None)


def test_reports_of_unusual_runs_can_be_made() -> None:
    replicated = dfa.Experiment(task="linear", widths=(8,), replicas=3, lr=(0.01, 0.02, 0.03))
    replicated.train(20)
    page = parts(dfa.report(replicated.history))[1]
    assert "mean ± one standard deviation" in page
    assert "[0.01, 0.02, 0.03]" in page
    empty = parts(dfa.report(dfa.History(name="empty")))[1]
    assert "nothing recorded" in empty
    assert "Nothing was changed" in empty


@pytest.mark.slow
def test_the_report_loads_no_matplotlib_and_pictures_load_no_pyplot() -> None:
    code = (
        "import sys, dfa_lab as dfa; run = dfa.Experiment(task='moons', widths=(4,)); dfa.report(run); "
        "print('matplotlib' in sys.modules); from dfa_lab.widgets.pictures import PicturePart; p = PicturePart(); "
        "p.show(run); p.choose('surface'); print(p.show(run), 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "False"]


def test_a_still_picture_of_what_nobody_has_measured_has_its_title(moons: dfa.Experiment) -> None:
    untouched = dfa.Experiment(task="moons", widths=(4,))
    assert not untouched.history.series
    assert still(untouched).width == still(moons).width


def test_a_picture_of_another_run_is_announced_before_it_is_drawn(digits: dfa.Experiment) -> None:
    pictures = PicturePart(chosen="matrix")
    pictures.show(digits)
    pictures.take()
    pictures.announce(digits)
    assert pictures.take() == [], "it is on the page already"
    other = dfa.Experiment(task="digits", widths=(8,))
    pictures.announce(other)
    ((message, buffers),) = pictures.take()
    assert (message["chosen"], buffers) == ("matrix", [])
    assert "being drawn" in message["words"]
