"""Linear centred kernel alignment (CKA): how alike two layers represent the same samples, 0 to 1.

Kornblith, Norouzi, Lee and Hinton, "Similarity of Neural Network Representations Revisited", ICML 2019
(arXiv:1905.00414), section 3. X (N, p) and Y (N, q) are two layers' activities, a row a sample, the mean of every
column taken away; K = XXᵀ and L = YYᵀ are their Gram matrices. With the biased estimator HSIC(K, L) = tr(KL) / (N − 1)²

    CKA = HSIC(K, L) / √(HSIC(K, K) HSIC(L, L)) = ‖YᵀX‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F)

The two forms are equal; the first costs N² (p + q) multiply-adds, the second N p q. A rotation, a reflection or a scale
common to all units of a layer changes nothing; another invertible linear map does.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: Fewer samples say nothing: of two the similarity is 1 whatever the layers.
LEAST_SAMPLES = 3


def linear_cka(x: Tensor, y: Tensor) -> float:
    """CKA of activities (N, p) and (N, q), in float64; NaN where a layer gives every sample the same.

    Not centred beforehand. By whichever form costs less.
    """
    by = by_features if x.shape[1] * y.shape[1] <= len(x) * (x.shape[1] + y.shape[1]) else by_gram_matrices
    return by(x, y)


def by_features(x: Tensor, y: Tensor) -> float:
    """CKA from products of units: ‖YᵀX‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F)."""
    x, y = _centred(x), _centred(y)
    cross = torch.linalg.matrix_norm(y.mT @ x).square()
    return _share(cross, torch.linalg.matrix_norm(x.mT @ x), torch.linalg.matrix_norm(y.mT @ y))


def by_gram_matrices(x: Tensor, y: Tensor) -> float:
    """CKA from products of samples: tr(KL) / √(tr(KK) tr(LL)) of the Gram matrices of centred activities."""
    x, y = _centred(x), _centred(y)
    k, m = x @ x.mT, y @ y.mT
    return _share((k * m).sum(), (k * k).sum().sqrt(), (m * m).sum().sqrt())


def _centred(activities: Tensor) -> Tensor:
    """Without the mean of each column, over the largest entry; zeros where the rest is what rounding makes."""
    activities = activities.double()
    centred = activities - activities.mean(0)
    most = float(centred.abs().max()) if centred.numel() else 0.0
    rounding = len(activities) * torch.finfo(torch.float64).eps * float(activities.abs().max()) if most else 0.0
    return centred / most if most > rounding else torch.zeros_like(centred)


def _share(cross: Tensor, left: Tensor, right: Tensor) -> float:
    """``cross`` of the product of the others; at most 1, which rounding may exceed, NaN where that is zero."""
    both = float(left * right)
    return min(1.0, float(cross) / both) if both else float("nan")
