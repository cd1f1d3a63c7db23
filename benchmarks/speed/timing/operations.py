"""Operations: how many a step of each rule must do, how fast this machine does them, and the limit that follows.

Counted are the matrix products alone, a multiply-add as two operations (a convolution as the product it can be
written as):

- every rule: the forward pass, 2 N Σ_l n_{l-1} n_l;
- bp, fa, usf, brsf, frsf, kp, wm: as much again for ∂W, and once more for δ W without the first layer, whose inputs
  need no gradient;
- dfa, sdfa, drtp, dkp, ldfa: as much again for ∂W, and e B_l for every hidden layer, 2 N n_out Σ_l n_l;
- shallow: the last layer's ∂W;
- wm: its mirror phase, two products of 64 noise samples with each hidden-to-hidden and output weight; dkp: eᵀ h_l;
  ldfa: eᵀ h_l and eᵀ e for every hidden layer (what it does with n_out × n_out matrices once a step is not counted).

The limit is the time that these would take at the machine's measured rate, over the measured time of the reference:
the ratio of a step that does its products at full speed and nothing else.
"""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable

import torch

import dfa_lab as dfa
from dfa_lab.learning.ops import onednn
from dfa_lab.learning.rules.feedback_updates import MIRROR_SAMPLES, weight_mirror
from dfa_lab.learning.rules.rule import Route
from timing.cases import Case, Product


def flop(case: Case, rule: str, batch: int) -> int:
    """Operations of one step of ``rule`` on ``batch`` samples."""
    macs = [product.rows * product.inner * product.outer for product in case.products]
    outputs, units = case.products[-1].units, sum(product.units for product in case.products[:-1])
    chosen = dfa.RULES[rule]
    if chosen.route is Route.NONE:
        back = macs[-1]
    elif chosen.route is Route.DIRECT:
        back = sum(macs) + outputs * units
    else:
        back = sum(macs) + sum(macs[1:])
    total = batch * (sum(macs) + back)
    if chosen.listens:
        total += batch * outputs * units + bool(chosen.rank) * batch * outputs**2 * (len(macs) - 1)
    elif chosen.move is weight_mirror:
        total += 2 * MIRROR_SAMPLES * sum(product.inner * product.outer for product in case.products[1:])
    return 2 * total


#: A product that stays in the cache and yet is large: about the fastest there is.
BEST = (256, 512, 512)


def gemm_rate(case: Case, batch: int, at_least: float = 0.03) -> float:
    """Operations a second of a product of one of the case's shapes at the threads in force: the best shape's median."""
    shapes = {shape for product in case.products for shape in _shapes(product, batch)}
    return max(_rate(*shape, at_least) for shape in shapes)


def _shapes(product: Product, batch: int) -> list[tuple[int, int, int]]:
    """The products of the forward pass, of ∂W and of δ W."""
    rows, inner, outer = batch * product.rows, product.inner, product.outer
    return [(rows, inner, outer), (outer, rows, inner), (rows, outer, inner)]


def best_rate(at_least: float = 0.1) -> float:
    """Operations a second of the best product this machine does, at the threads in force."""
    return _rate(*BEST, at_least)


def _rate(rows: int, inner: int, columns: int, at_least: float) -> float:
    """By ``torch.mm``, or by oneDNN where it has such a product."""
    left, right = torch.randn(rows, inner), torch.randn(inner, columns)
    result, turned = torch.empty(rows, columns), right.mT.contiguous()
    ways: list[Callable[[], object]] = [functools.partial(torch.mm, left, right, out=result)]
    if onednn.pays(turned, rows, inner, columns):
        ways.append(functools.partial(onednn.linear, left, turned))
    return max(_timed(way, 2 * rows * inner * columns, at_least) for way in ways)


def _timed(product: Callable[[], object], operations: int, at_least: float) -> float:
    product()
    seconds: list[float] = []
    while len(seconds) < 5 or sum(seconds) < at_least:
        began = time.perf_counter()
        product()
        seconds.append(time.perf_counter() - began)
    return operations / statistics.median(seconds)
