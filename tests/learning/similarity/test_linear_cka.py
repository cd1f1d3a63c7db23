"""Linear CKA: what it is on features whose similarity is known, and two ways of computing it against a third."""

import math

import numpy as np
import pytest
import torch

from dfa_lab.learning.similarity import by_features, by_gram_matrices, linear_cka

SAMPLES = (100, 1000, 10_000)
SIZES = [(40, 3, 7), (12, 30, 5), (9, 20, 25), (300, 16, 16)]


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_the_papers_words(x, y):
    """HSIC with the centring matrix H written out, in NumPy."""
    n = len(x)
    h = np.eye(n) - 1 / n

    def hsic(k, m):
        return np.trace(k @ h @ m @ h) / (n - 1) ** 2

    k, m = (one.numpy() @ one.numpy().T for one in (x, y))
    return hsic(k, m) / math.sqrt(hsic(k, k) * hsic(m, m))


@pytest.mark.parametrize(("n", "p", "q"), SIZES)
@pytest.mark.parametrize("offset", [0.0, 5.0])
def test_both_forms_are_the_papers(n, p, q, offset):
    x = normal(n, p) + offset
    y = x @ normal(p, q, seed=1) + normal(n, q, seed=2)
    wanted = by_the_papers_words(x, y)
    assert 0.05 < wanted < 0.999  # a case that says something
    for one in (by_features(x, y), by_gram_matrices(x, y), linear_cka(x, y), linear_cka(y, x)):
        assert one == pytest.approx(wanted, abs=1e-10)


@pytest.mark.parametrize(("n", "p", "q"), SIZES)
@pytest.mark.parametrize("form", [by_features, by_gram_matrices, linear_cka])
def test_rotations_and_scales_change_nothing_and_itself_is_one(form, n, p, q):
    x, y = normal(n, p), normal(n, q, seed=1)
    turn = torch.linalg.qr(normal(p, p, seed=2))[0]
    assert form(x, x) == pytest.approx(1, abs=1e-10)
    assert form(x, -3.0 * x @ turn + 2.0) == pytest.approx(1, abs=1e-10)
    assert form(1e-30 * x @ turn, 1e30 * y) == pytest.approx(form(x, y), abs=1e-10)
    assert form(1e200 * x, 1e-200 * y) == pytest.approx(form(x, y), abs=1e-10)


def test_another_linear_map_changes_it():
    x = normal(50, 4)
    assert linear_cka(x, x * torch.tensor([1.0, 10.0, 0.1, 3.0])) < 0.9


@pytest.mark.parametrize(("p", "q"), [(1, 1), (4, 4), (10, 3)])
def test_independent_features_go_to_zero(p, q):
    pairs = {
        n: [[normal(n, one, seed=2 * s + side) for side, one in enumerate((p, q))] for s in range(8)] for n in SAMPLES
    }
    means = [np.mean([linear_cka(x, y) for x, y in pairs[n]]) for n in SAMPLES]
    assert means[0] > means[1] > means[2]
    assert means[-1] < 2.5 * math.sqrt(p * q) / 10_000


@pytest.mark.parametrize(("n", "p", "q"), [(100, 100, 100), (100, 400, 400), (200, 50, 800)])
def test_few_samples_lift_it_as_the_docstring_says(n, p, q):
    found = np.mean([linear_cka(normal(n, p, seed=2 * s), normal(n, q, seed=2 * s + 1)) for s in range(4)])
    assert found == pytest.approx(math.sqrt(p * q / ((n + p) * (n + q))), rel=0.03)


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 1e8 / 7])
@pytest.mark.parametrize("form", [by_features, by_gram_matrices])
def test_a_layer_that_is_the_same_for_all_samples_has_none(form, value):
    constant = torch.full((30, 5), value)
    assert math.isnan(form(constant, normal(30, 4)))
    assert math.isnan(form(normal(30, 4), constant))
