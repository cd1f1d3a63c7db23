"""Snapshots and their views: what is on the axes is what the snapshot holds, and what cannot be drawn says why."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.history.history import History
from dfa_lab.experiment.measurement.snapshot import LayerSnapshot, Snapshot
from dfa_lab.views.base import palette
from dfa_lab.views.snapshots.captions import angle_between, matrix_words, source
from dfa_lab.views.snapshots.matrix_plot import REACH, matrixplot, order
from dfa_lab.views.snapshots.views import POINTS, VIEWS, deltaplot, sampleangleplot, spectrumplot


def turned(weight: np.ndarray, angle: float, random: np.random.Generator) -> np.ndarray:
    """A matrix at exactly ``angle`` degrees from ``weight``, and twice as long."""
    other = random.normal(size=weight.shape)
    other -= (other * weight).sum() / (weight * weight).sum() * weight
    unit = weight / np.linalg.norm(weight)
    radians = np.radians(angle)
    beside = other / np.linalg.norm(other) if weight.size > 1 else 0.0
    return 2 * np.linalg.norm(weight) * (np.cos(radians) * unit + np.sin(radians) * beside)


def layer_of(number: int, rows: int, columns: int, angle: float, *, samples: int = 64) -> LayerSnapshot:
    random = np.random.default_rng(number)
    weight = random.normal(size=(rows, columns))
    weight += 2 * np.outer(random.normal(size=rows), random.normal(size=columns))
    matrix = turned(weight, angle, random)
    above, slope = random.normal(size=(samples, rows)), random.uniform(size=(samples, columns))
    ours, theirs = above @ matrix * slope, above @ weight * slope
    angles = np.array([angle_between(our, their) for our, their in zip(ours, theirs, strict=True)])
    return LayerSnapshot(number, f"layer {number}", matrix, weight, angle_between(matrix, weight), ours, theirs, angles)


def snapshot_of(*layers: LayerSnapshot, rule: str = "dfa", name: str = "dfa") -> Snapshot:
    return Snapshot(1000, 64000, rule, name, 0, layers)


@pytest.fixture
def snapshot() -> Snapshot:
    return snapshot_of(layer_of(1, 10, 24, 63.2), layer_of(2, 10, 16, 80.0))


def runs(ax: Axes) -> list[Any]:
    return [one for one in ax.get_children() if str(one.get_gid()).startswith("run ")]


def title_of(drawn: Any) -> str:
    figure = drawn[0].get_figure()
    return figure.get_suptitle() if figure.get_suptitle() else drawn[0].get_title()


# Snapshot


def test_a_layer_is_found_by_its_number_and_by_its_name(snapshot: Snapshot) -> None:
    assert snapshot.layer(2) is snapshot.layer("layer 2") is snapshot.layers[1]
    assert snapshot.layer(np.int64(1)) is snapshot.layers[0]  # type: ignore[arg-type]
    for wrong in (0, 3, True, "conv", "Layer 1"):
        with pytest.raises(DfaLabError, match=r"known layers: 1 \('layer 1'\), 2 \('layer 2'\)"):
            snapshot.layer(wrong)
    with pytest.raises(DfaLabError, match="Did you mean 'layer 1'"):
        snapshot.layer("layer1")
    with pytest.raises(DfaLabError, match="known layers: none"):
        snapshot_of().layer(1)


# matrixplot


@pytest.mark.parametrize("angle", [0.0, 63.2, 90.0, 180.0])
def test_matrixplot_shows_both_transposed_scaled_and_sorted_alike(angle: float) -> None:
    drawn = matrixplot(snapshot_of(layer_of(1, 10, 24, angle), layer_of(2, 10, 16, 45)))
    layer = layer_of(1, 10, 24, angle)
    assert layer.carried is not None
    assert layer.partner is not None
    rows, columns = order(layer.partner.T)
    for axis, matrix in zip(drawn, (layer.carried, layer.partner), strict=True):
        (image,) = axis.images
        rms = np.sqrt(np.mean(matrix**2))
        np.testing.assert_allclose(image.get_array(), (matrix.T / rms)[rows][:, columns], rtol=1e-12)
        assert image.get_clim() == (-REACH, REACH)
        assert axis.get_xlabel() == "output unit, sorted (its number)"
        assert [text.get_text() for text in axis.get_xticklabels()] == [str(unit) for unit in columns]
    assert drawn[0].get_ylabel() == "hidden unit of layer 1, sorted"
    assert title_of(drawn) == f"layer 1: B stands at {angle:.1f}° from Wᵀ\nDFA, step 1,000"
    assert drawn[1].get_title() == "Wᵀ: BP's own, (W₃ W₂)ᵀ"


@pytest.mark.parametrize(
    ("name", "rule", "said"),
    [
        ("fa", "fa", "FA"),
        ("fa", "usf", "FA, then uSF"),
        ("dfa+fa", "shallow", "DFA+FA, then shallow"),
        ("my run", "usf", "my run, rule uSF"),
        ("seed 3, BP", "bp", "seed 3, BP"),
    ],
)
def test_a_picture_says_its_run_and_rule_as_the_chips_do(name: str, rule: str, said: str) -> None:
    record = replace(snapshot_of(layer_of(1, 10, 24, 45)), name=name, rule=rule)
    assert source(record) == f"{said}, step 1,000"


def test_sorting_shows_the_structure_and_only_reorders() -> None:
    random = np.random.default_rng(3)
    left, right = random.normal(size=12), random.normal(size=5)
    for matrix in (np.outer(left, right), np.outer(right, left)):
        rows, columns = order(matrix)
        ordered = matrix[np.ix_(rows, columns)]
        assert sorted(rows) == list(range(matrix.shape[0]))
        assert ordered[0, 0] > 0 > ordered[0, -1]
        assert (np.diff(ordered[0]) <= 1e-12).all()
        assert (np.diff(ordered[:, 0]) <= 1e-12).all()


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "columns"), [(1, 24), (24, 1), (1, 1), (10, 1024), (128, 128)])
def test_matrices_of_any_shape_can_be_drawn(rows: int, columns: int) -> None:
    one = snapshot_of(layer_of(1, rows, columns, 0.0, samples=8), rule="fa", name="fa")
    drawn = matrixplot(one)
    assert drawn[0].images[0].get_array().shape == (columns, rows)
    assert drawn._repr_png_().startswith(b"\x89PNG")  # type: ignore[union-attr]
    ax = spectrumplot(one)
    assert len(runs(ax)[0].get_ydata()) == min(rows, columns)
    ax.get_figure().draw_without_rendering()  # type: ignore[union-attr]


def test_matrixplot_draws_on_given_axes_and_without_a_partner(snapshot: Snapshot) -> None:
    given = list(Figure().subplots(1, 2))
    drawn = matrixplot(snapshot, layer="layer 2", ax=given)
    assert list(drawn) == given
    assert "layer 2: B stands at 80.0° from Wᵀ" in given[0].get_title()
    alone = matrixplot(snapshot_of(replace(snapshot.layers[0], partner=None, weight_alignment=np.nan)))
    assert len(alone) == 1
    assert "BP's own matrix is not defined" in title_of(alone)


def test_the_words_say_what_rows_and_columns_are(snapshot: Snapshot) -> None:
    three = snapshot_of(*(layer_of(number, 10, 16, 45) for number in (1, 2, 3)))
    words = [matrix_words(three, layer) for layer in three.layers]
    assert [one.partner for one in words] == ["(W₄ … W₂)ᵀ", "(W₄ W₃)ᵀ", "W₄ᵀ"]
    assert {one.columns for one in words} == {"output unit"}
    layerwise = replace(three, rule="fa")
    words = [matrix_words(layerwise, layer) for layer in layerwise.layers]
    assert [one.partner for one in words] == ["W₂ᵀ", "W₃ᵀ", "W₄ᵀ"]
    assert [one.columns for one in words] == ["hidden unit of layer 2", "hidden unit of layer 3", "output unit"]
    converted = replace(snapshot.layers[0], name="conv1")
    assert matrix_words(snapshot_of(converted, rule="kp"), converted).rows == "input of conv1"
    assert matrix_words(snapshot_of(converted, rule="bp+kp"), converted).rows == "row at conv1"


def test_a_matrix_of_zeros_has_no_angle(snapshot: Snapshot) -> None:
    layer = snapshot.layers[0]
    assert layer.carried is not None
    zero = snapshot_of(replace(layer, carried=np.zeros_like(layer.carried), weight_alignment=np.nan))
    assert "no angle between B and Wᵀ" in title_of(matrixplot(zero))
    assert "B (10 of 10 are zero)" in [line.get_label() for line in runs(spectrumplot(zero))]


# sampleangleplot


def test_sampleangleplot_shares_out_the_samples_that_have_an_angle() -> None:
    angles = np.array([42.0, 44.0, 58.0, np.nan])
    layer = replace(layer_of(1, 10, 24, 63), sample_angles=angles)
    ax = sampleangleplot(snapshot_of(layer, layer_of(2, 10, 16, 80)), layers=[1])
    (outline,) = runs(ax)
    values, edges, _ = outline.get_data()
    np.testing.assert_array_equal(edges, np.arange(0, 181, 5))
    np.testing.assert_allclose(values, np.histogram(angles[:3], edges)[0] / 3)
    assert values.sum() == pytest.approx(1)
    assert outline.get_label() == "layer 1: 48.0° ± 8.7°\n1 of 4 samples have none"
    (right,) = [line for line in ax.lines if line.get_gid() == "right angle"]
    assert set(right.get_xdata()) == {90.0}
    assert ax.get_xlim() == (0, 180)


def test_sampleangleplot_draws_all_layers_and_overlays_snapshots(snapshot: Snapshot) -> None:
    ax = sampleangleplot(snapshot)
    mean = snapshot.layers[1].sample_angles.mean()
    assert [one.get_label().split(":")[0] for one in runs(ax)] == ["layer 1", "layer 2"]
    assert f"layer 2: {mean:.1f}°" in runs(ax)[1].get_label()
    assert len(runs(sampleangleplot(snapshot, layers=2))) == 1
    assert sampleangleplot(snapshot, layers=["layer 2"], ax=ax, label="later") is ax
    assert runs(ax)[-1].get_label().startswith("later, layer 2")
    assert ax.get_title() == "gradient angle, sample by sample"  # of no snapshot alone
    looks = palette.layer_styles([1, 2])
    expected = [palette.run_colour(0, looks[1].shade), palette.run_colour(1, looks[2].shade)]
    found = [one.get_edgecolor() for one in (runs(ax)[0], runs(ax)[-1])]
    np.testing.assert_allclose(
        [one[:3] for one in found], [[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in expected]
    )
    assert len(ax.lines) == 1  # the right angle, once


def test_one_sample_has_no_spread_and_a_layer_without_angles_says_so() -> None:
    first = replace(layer_of(1, 10, 24, 63), sample_angles=np.array([180.0]))
    second = replace(layer_of(2, 10, 16, 63), sample_angles=np.array([np.nan]))
    outlines = runs(sampleangleplot(snapshot_of(first, second)))
    assert outlines[0].get_data()[0][-1] == 1  # 180° is in the last bin
    assert [one.get_label() for one in outlines] == [
        "layer 1: 180.0°",
        "layer 2: no angle\n1 of 1 samples have none",
    ]


# deltaplot


def test_deltaplot_has_a_point_for_each_entry_over_its_rms() -> None:
    layer = layer_of(1, 10, 24, 63.2)
    ax = deltaplot(snapshot_of(layer))
    (points,) = runs(ax)
    for drawn, held in ((points.get_xdata(), layer.bp_deltas), (points.get_ydata(), layer.deltas)):
        np.testing.assert_allclose(drawn, (held / np.sqrt(np.mean(held**2))).ravel(), rtol=1e-12)
    flat = np.sum(layer.deltas * layer.bp_deltas) / np.linalg.norm(layer.deltas) / np.linalg.norm(layer.bp_deltas)
    assert f"stands at {np.degrees(np.arccos(flat)):.1f}° from BP's" in ax.get_title()
    assert "whole batch as one vector" in ax.get_title()
    assert f"{64 * 24:,} entries" in ax.get_xlabel()
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_aspect() == 1


def test_deltaplot_thins_alike_every_time_and_says_so() -> None:
    layer = layer_of(1, 10, 24, 63.2, samples=1000)
    once, again = (runs(deltaplot(snapshot_of(layer)))[0].get_xydata() for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert len(once) == POINTS == 5000
    assert "5,000 of 24,000 entries" in deltaplot(snapshot_of(layer)).get_xlabel()
    even = np.tile([-1.0, 1.0], (100, 12))
    far = even.copy()
    far[0, 0] = 1e6
    assert "1 beyond the axes" in deltaplot(snapshot_of(replace(layer, deltas=far, bp_deltas=even))).get_xlabel()


def test_deltaplot_draws_a_rule_that_sends_nothing() -> None:
    layer = replace(layer_of(1, 10, 24, 63.2), deltas=np.zeros((64, 24)), carried=None, partner=None)
    ax = deltaplot(snapshot_of(layer, rule="shallow"))
    assert "no angle" in ax.get_title()
    assert set(runs(ax)[0].get_ydata()) == {0.0}


# spectrumplot


def test_spectrumplot_has_the_singular_values_of_both(snapshot: Snapshot) -> None:
    layer = snapshot.layers[0]
    assert layer.carried is not None
    assert layer.partner is not None
    ax = spectrumplot(snapshot)
    for line, matrix in zip(runs(ax), (layer.carried, layer.partner), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), range(1, 11))
        np.testing.assert_allclose(line.get_ydata(), np.linalg.svd(matrix)[1], rtol=1e-12)
    assert [line.get_label() for line in runs(ax)] == ["B", "W: BP's own, (W₃ W₂)"]
    assert len({(line.get_color(), line.get_marker(), line.get_linestyle()) for line in runs(ax)}) == 2
    assert {line.get_marker() for line in runs(ax)} == {"o", "s"}
    spectrumplot(snapshot, layer=2, ax=ax, label="second")
    assert [line.get_label() for line in runs(ax)][2:] == ["second, B", "second, W: BP's own, W₃"]
    assert len({line.get_color() for line in runs(ax)}) == 4


def test_the_spectrum_is_logarithmic_where_it_spans_and_counts_zeros() -> None:
    layer = layer_of(1, 10, 24, 63.2)
    even = replace(layer, carried=np.eye(10, 24), partner=2 * np.eye(10, 24))
    assert spectrumplot(snapshot_of(even)).get_yscale() == "linear"
    steep = np.diag(10.0 ** -np.arange(5.0))
    ax = spectrumplot(snapshot_of(replace(even, carried=np.pad(steep, ((0, 5), (0, 19))))))
    assert ax.get_yscale() == "log"
    assert runs(ax)[0].get_label() == "B (5 of 10 are zero)"
    np.testing.assert_allclose(runs(ax)[0].get_ydata(), 10.0 ** -np.arange(5.0))


# All of them


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_shows_in_a_notebook_and_reads_only(name: str, snapshot: Snapshot) -> None:
    before = [layer.deltas.tobytes() + layer.partner.tobytes() for layer in snapshot.layers]  # type: ignore[union-attr]
    drawn = VIEWS[name](snapshot)
    assert drawn._repr_png_().startswith(b"\x89PNG")
    assert [layer.deltas.tobytes() + layer.partner.tobytes() for layer in snapshot.layers] == before  # type: ignore[union-attr]
    assert VIEWS[name].__doc__
    assert {"layer", "layers"} & set(VIEWS.parameters(name))
    other = VIEWS.call({"name": name, **({"layers": [2]} if name == "sample_angles" else {"layer": 2})}, snapshot)
    assert other._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize(
    ("given", "words"),
    [
        (History(), r"got a History; expected an Experiment.*experiment\.snapshot\(\) gives.*not its network"),
        (None, "got a NoneType; expected an Experiment, a Runner, an Explorer or the Snapshot"),
        (type("Run", (), {"snapshot": lambda self: None})(), r"got a Run.*give its \.snapshot\(\)"),
    ],
)
def test_every_view_says_what_it_wants(name: str, given: Any, words: str) -> None:
    with pytest.raises(DfaLabError, match=words):
        VIEWS[name](given)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s: matrixplot(s, layer=3), "no layer 3; known layers: 1 "),
        (lambda s: spectrumplot(s, layer="layer 9"), "no layer 'layer 9'; known layers: 1 "),
        (lambda s: deltaplot(s, layer=0), "no layer 0"),
        (lambda s: sampleangleplot(s, layers=[1, 5]), "no layer 5"),
        (lambda s: sampleangleplot(s, layers=[]), "found no angle in no layer"),
        (lambda s: matrixplot(s, ax=Figure().add_subplot()), "expected two matplotlib Axes"),
        (lambda s: spectrumplot(s, ax=Figure()), "expected a matplotlib Axes"),
    ],
)
def test_errors_say_what_was_given_and_what_to_do(call: Any, words: str, snapshot: Snapshot) -> None:
    with pytest.raises(DfaLabError, match=words):
        call(snapshot)


@pytest.mark.parametrize("view", [matrixplot, spectrumplot])
def test_a_layer_without_a_matrix_or_with_a_damaged_one_cannot_be_drawn(view: Any) -> None:
    layer = layer_of(1, 10, 24, 63)
    frozen = snapshot_of(replace(layer, carried=None, partner=None), rule="shallow")
    with pytest.raises(DfaLabError, match="carries the signal to layer 1, and under the rule shallow there is none"):
        view(frozen)
    with pytest.raises(DfaLabError, match="finite"):
        view(snapshot_of(replace(layer, carried=np.full((10, 24), np.nan))))


def test_deltas_that_are_not_finite_or_do_not_fit_cannot_be_drawn() -> None:
    layer = layer_of(1, 10, 24, 63)
    for wrong in (np.full((64, 24), np.inf), np.zeros((64, 23)), np.zeros((0, 24))):
        with pytest.raises(DfaLabError, match="finite deltas of one shape"):
            deltaplot(snapshot_of(replace(layer, deltas=wrong)))


def test_a_rule_that_sends_nothing_has_no_sample_angles() -> None:
    layer = replace(layer_of(1, 10, 24, 63), sample_angles=np.full(64, np.nan))
    with pytest.raises(DfaLabError, match="found no angle in layer 1: the rule shallow sends nothing"):
        sampleangleplot(snapshot_of(layer, rule="shallow"))


@pytest.mark.slow
def test_the_views_load_neither_pyplot_nor_plotly() -> None:
    code = (
        "import sys, dfa_lab; dfa_lab.VIEWS, dfa_lab.matrixplot; "
        "print([name for name in ('matplotlib.pyplot', 'plotly', 'ipywidgets') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
