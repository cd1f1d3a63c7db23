"""similarityplot: the map has the table's numbers and names, and what cannot be drawn is said."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import dfa_lab as dfa
from dfa_lab.views.snapshots.similarity_plot import NUMBERED


def table_of(values, rows="dfa", columns="bp"):
    values = np.asarray(values, dtype=float)
    index, header = ([f"layer {n}" for n in range(1, size + 1)] for size in values.shape)
    return pd.DataFrame(values, pd.Index(index, name=rows), pd.Index(header, name=columns))


def drawn_of(axes):
    (image,) = axes.images
    return np.ma.filled(image.get_array(), np.nan)


def words(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (4, 1)])
def test_cells_have_the_tables_numbers_and_names(shape):
    table = table_of(np.random.default_rng(0).uniform(size=shape))
    axes = dfa.similarityplot(table)
    np.testing.assert_array_equal(drawn_of(axes), table)
    assert words(axes) == [f"{one:.2f}" for one in table.to_numpy().flat]
    assert [one.get_text() for one in axes.get_xticklabels()] == list(table.columns)
    assert [one.get_text() for one in axes.get_yticklabels()] == list(table.index)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("bp", "dfa")
    assert axes.images[0].get_clim() == (0, 1)


def test_replicas_are_their_mean_and_sd():
    tables = [table_of(np.random.default_rng(seed).uniform(size=(2, 3))) for seed in range(4)]
    axes = dfa.similarityplot(pd.concat(dict(enumerate(tables)), names=["replica"]))
    values = np.array([one.to_numpy() for one in tables])
    np.testing.assert_allclose(drawn_of(axes), values.mean(0))
    assert words(axes)[4] == f"{values.mean(0)[1, 1]:.2f}\n± {values.std(0, ddof=1)[1, 1]:.2f}"
    assert "mean ± sd of 4 replicas" in axes.get_title()


def test_a_cell_without_a_similarity_has_no_colour():
    axes = dfa.similarityplot(table_of([[0.25, np.nan]]))
    assert words(axes) == ["0.25", "none"]
    np.testing.assert_array_equal(drawn_of(axes), [[0.25, np.nan]])


@pytest.mark.parametrize(("size", "given", "numbered"), [(NUMBERED, None, True), (NUMBERED + 1, None, False)])
def test_many_layers_leave_no_room_for_numbers(size, given, numbered):
    assert bool(words(dfa.similarityplot(table_of(np.eye(size)), numbers=given))) == numbered
    assert bool(words(dfa.similarityplot(table_of(np.eye(size)), numbers=not numbered))) != numbered


def test_a_pair_a_run_and_given_axes():
    a, b = (dfa.Experiment(task="moons", widths=(5, 4), rule=rule, probe_size=32) for rule in ("dfa", "fa"))
    a.train(20)
    ax = Figure().add_subplot()
    assert dfa.similarityplot((a, b), ax) is ax
    np.testing.assert_array_equal(drawn_of(ax), dfa.similarity(a, b))
    np.testing.assert_array_equal(drawn_of(dfa.similarityplot(a)), dfa.similarity(a))
    assert dfa.similarityplot(a)._repr_png_()[1:4] == b"PNG"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("x", "the table that dfa.similarity gives"),
        ((1, 2, 3), "expected two"),
        ((1, 2), "expected an Experiment"),
        (pd.DataFrame({"layer 1": ["x"]}), "another table"),
        (pd.DataFrame({"layer 1": [1.5]}), "another table"),
        (pd.DataFrame(), "another table"),
    ],
)
def test_what_cannot_be_drawn_is_said(given, words):
    with pytest.raises(dfa.DfaLabError, match=words):
        dfa.similarityplot(given)
