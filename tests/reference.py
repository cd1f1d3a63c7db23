"""The equations of a fully connected network by hand, in NumPy alone. It shares no code with dfa_lab.

Columns are samples, as in the papers: a_l = W_l h_{l-1} + b_l, δ_l = signal_l ⊙ g(a_l), ∂W_l = δ_l h_{l-1}ᵀ.
"""

import numpy as np

ACTIVATIONS = {
    "tanh": (np.tanh, lambda a: 1 / np.cosh(a) ** 2),
    "relu": (lambda a: np.where(a > 0, a, 0.0), lambda a: np.where(a > 0, 1.0, 0.0)),
    "sigmoid": (lambda a: 1 / (1 + np.exp(-a)), lambda a: np.exp(-a) / (1 + np.exp(-a)) ** 2),
    "leaky_relu": (lambda a: np.where(a > 0, a, 0.01 * a), lambda a: np.where(a > 0, 1.0, 0.01)),
    "softplus": (lambda a: np.log(1 + np.exp(a)), lambda a: np.exp(a) / (1 + np.exp(a))),
    "identity": (lambda a: a, np.ones_like),
    "sign": (np.sign, lambda a: np.where(np.abs(a) <= 1, 1.0, 0.0)),
    "heaviside": (lambda a: np.where(a > 0, 1.0, 0.0), lambda a: np.where(np.abs(a) < 1, 1 - np.abs(a), 0.0)),
    "stochastic_sign": (lambda a: stochastic_sign(a), lambda a: np.where(np.abs(a) <= 1, 1.0, 0.0)),
}
DERIVATIVES = {
    "identity": np.ones_like,
    "step": lambda a: np.where(a > 0, 1.0, 0.0),
    "hard_tanh": lambda a: np.where(np.abs(a) <= 1, 1.0, 0.0),
    "triangle": lambda a: np.where(np.abs(a) < 1, 1 - np.abs(a), 0.0),
    "points": lambda a: np.interp(a, [-1, 0, 1], [0, 1, 0]),
}


def stochastic_sign(a):
    """The sign that a hash of a's bits draws, in 32-bit integers that wrap."""
    bits = np.ascontiguousarray(a.astype(np.float32)).view(np.int32)
    with np.errstate(over="ignore"):
        for shift, factor in ((16, 0x45D9F3B), (15, 0x2C1B3C6D), (16, 0x297A2D39)):
            bits = (bits ^ (bits >> shift)) * np.int32(factor)
    return np.where(2 * ((bits & 0xFFFFFF) / 2**24) - 1 < a, 1.0, -1.0)


def cross_entropy_error(output, targets, reduction):
    """p − t, over N under a mean; columns are samples."""
    shares = np.exp(output - output.max(0))
    shares /= shares.sum(0)
    shares[targets, np.arange(output.shape[1])] -= 1
    return shares / output.shape[1] if reduction == "mean" else shares


def squared_error(output, targets, reduction):
    return (output - targets) / (output.shape[1] if reduction == "mean" else 1)


def lesson_of(output, targets, reduction):
    """The targets as columns like the output's, one-hot for classes, and the batch factor."""
    columns = targets if targets.ndim == 2 else (np.arange(len(output))[:, None] == targets[None, :]).astype(float)
    return columns, 1 / output.shape[1] if reduction == "mean" else 1.0


def unit_columns(matrix):
    return matrix / np.sqrt((matrix**2).sum(0))


def normalised(matrix, sent):
    """What B with columns of length 1 makes of each column of ``sent``, at that column's length."""
    signal = unit_columns(matrix) @ sent
    length = np.sqrt((signal**2).sum(0))
    return signal * np.divide(np.sqrt((sent**2).sum(0)), length, out=np.zeros_like(length), where=length > 0)


def strongest(matrix, rank):
    """Orthonormal rows, (r, n_out), that span the strongest directions of B (n_l, n_out), its units counted 1 to 2."""
    counted = np.sqrt(np.linspace(1, 2, len(matrix)))[:, None]
    return np.linalg.svd(counted * matrix, full_matrices=False)[2][: min(rank, *matrix.shape)]


def of_rank(matrix, rank):
    rows = strongest(matrix, rank)
    return matrix @ rows.T @ rows


class LowRank:
    """LDFA's B = Q P by its two factors: Q (n_l, r), P (r, n_out) with orthonormal rows."""

    def __init__(self, matrix, rank):
        self.p = strongest(matrix, rank)
        self.q = matrix @ self.p.T

    @property
    def b(self):
        return self.q @ self.p

    def learn(self, error, hidden, decay):
        """A step by columns e (n_out, N) and h_l (n_l, N): Oja's rule, direct Kolen–Pollack, P's lengths to Q."""
        common = error @ error.T / (error**2).sum()
        self.q = (1 - decay) * self.q - 0.1 * hidden @ (self.p @ error).T
        self.p = self.p + 0.1 * (self.p @ common - self.p @ common @ self.p.T @ self.p)
        rows, lengths = np.linalg.qr(self.p.T)
        self.p, self.q = rows.T, self.q @ lengths.T


class Network:
    """Weights (n_l, n_{l-1}), biases (n_l,); ``layerwise`` B_{l+1} (n_l, n_{l+1}), ``direct`` B_l (n_l, n_out)."""

    def __init__(
        self, weights, biases, activation, derivative, layerwise=(), direct=(), drawn=(), redrawn=(), constant=()
    ):
        self.weights, self.biases = weights, biases
        self.f, exact = ACTIVATIONS[activation]
        self.exact = exact
        self.g = exact if derivative == "exact" else DERIVATIVES[derivative]
        self.layerwise, self.direct, self.constant = layerwise, direct, constant
        self.drawn, self.redrawn = drawn, redrawn

    def forward(self, inputs):
        activities, preactivations = [inputs.T], []
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            a = weight @ activities[-1] + bias[:, None]
            preactivations.append(a)
            activities.append(a if number == len(self.weights) - 1 else self.f(a))
        return preactivations, activities

    def deltas(
        self, rule, preactivations, error, exact=False, lesson=None, signals=None, channel=lambda sent: sent, rank=8
    ):
        """δ_1 … δ_L; ``signals``, a list, gets what the hidden layers hear, first layer first.

        ``channel`` is what a direct rule's broadcast goes through, ``rank`` is ldfa's.
        """
        slope = self.exact if exact else self.g
        found = [error]
        for number in reversed(range(len(self.weights) - 1)):
            if rule == "bp":
                signal = self.weights[number + 1].T @ found[0]
            elif rule in ("fa", "kp", "wm"):
                signal = self.layerwise[number] @ found[0]
            elif rule in ("dfa", "dkp"):
                signal = self.direct[number] @ channel(error)
            elif rule == "ldfa":
                signal = of_rank(self.direct[number], rank) @ channel(error)
            elif rule == "ndfa":
                sent = channel(error)
                signal = normalised(self.direct[number], sent)
            elif rule == "usf":
                signal = np.sign(self.weights[number + 1]).T * self.constant[number] @ found[0]
            elif rule == "frsf":
                signal = (np.sign(self.weights[number + 1].T) * self.drawn[number]) @ found[0]
            elif rule == "brsf":
                signal = (np.sign(self.weights[number + 1].T) * self.redrawn[number]) @ found[0]
            elif rule == "sdfa":
                signal = self.direct[number] @ channel(np.sign(error) * lesson[1])
            elif rule == "drtp":
                signal = self.direct[number] @ channel(lesson[0] * lesson[1])
            elif rule == "shallow":
                signal = np.zeros_like(preactivations[number])
            else:
                raise KeyError(f"write the equation of {rule} here")
            found.insert(0, signal * slope(preactivations[number]))
            if signals is not None:
                signals.insert(0, signal)
        return found

    def gradients(self, rule, inputs, targets, error_of, reduction="mean", channel=lambda sent: sent, rank=8):
        preactivations, activities = self.forward(inputs)
        lesson, error = lesson_of(activities[-1], targets, reduction), error_of(activities[-1], targets)
        deltas = self.deltas(rule, preactivations, error, lesson=lesson, channel=channel, rank=rank)
        return [(delta @ h.T, delta.sum(1)) for delta, h in zip(deltas, activities[:-1], strict=True)]


def degrees(left, right):
    """The angle between two arrays seen as vectors: what is left of one beside the other, and what lies along it."""
    u, v = (np.asarray(one, dtype=float).ravel() for one in (left, right))
    if not u.any() or not v.any():
        return np.nan
    u, v = u / np.sqrt((u**2).sum()), v / np.sqrt((v**2).sum())
    along = (u * v).sum()
    beside = u - along * v
    beside = beside - (beside * v).sum() * v
    return np.degrees(np.arctan2(np.sqrt((beside**2).sum()), along))


def comparison(signals, deltas, gradients):
    """The numbers of one layer; each argument is a pair, the rule's and BP's. A column a sample."""
    (heard, told), (ours, theirs), (own, bp) = signals, deltas, gradients
    samples = np.array([degrees(ours[:, n], theirs[:, n]) for n in range(ours.shape[1])])
    signals = np.array([degrees(heard[:, n], told[:, n]) for n in range(heard.shape[1])])
    norms = [np.sqrt((one**2).sum()) for one in (own, bp)]
    with np.errstate(all="ignore"):
        return {
            "signal_alignment": _mean(signals),
            "per_sample": _mean(samples),
            "gradient_alignment_sd": _sd(samples),
            "batch": degrees(ours, theirs),
            "weight_gradient": degrees(own, bp),
            "batch_mean": degrees(ours.sum(1), theirs.sum(1)),
            "gradient_norm_ratio": norms[0] / norms[1],
            "bp_gradient_norm": norms[1],
        }


def _mean(angles):
    """Over the samples that have an angle."""
    there = angles[~np.isnan(angles)]
    return there.mean() if len(there) else np.nan


def _sd(angles):
    there = angles[~np.isnan(angles)]
    return there.std(ddof=1) if len(there) > 1 else np.nan
