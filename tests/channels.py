"""The error channels by hand, in NumPy alone. Columns are samples, as in ``reference.py``.

Each takes what is broadcast (n_out, N), the targets as columns and the batch factor, and the channel's parameters.
"""

import numpy as np
from scipy.stats import norm


def hashed(values):
    """A share for each entry, from its bits in float32, in 32-bit integers that wrap."""
    bits = np.ascontiguousarray(values.astype(np.float32)).view(np.int32)
    with np.errstate(over="ignore"):
        for shift, factor in ((16, 0x45D9F3B), (15, 0x2C1B3C6D), (16, 0x297A2D39)):
            bits = (bits ^ (bits >> shift)) * np.int32(factor)
    return (bits & 0xFFFFFF) / 2**24


def noisy(sent, targets, scale, error, sd=1.0):
    own = hashed(error)
    row = (own * 2**24).astype(np.int64).sum(0, keepdims=True) % 2**24 / 2**24
    column = np.arange(len(error))[:, None]
    shares = hashed((own.astype(np.float32) + row.astype(np.float32)) + column.astype(np.float32))
    return sent + sd * np.sqrt((sent**2).mean(0)) * norm.ppf(shares + 2**-25)


def quantised(sent, targets, scale, bits=4):
    found = np.zeros_like(sent)
    for n in range(sent.shape[1]):
        largest = np.abs(sent[:, n]).max()
        levels = (np.arange(2 ** (bits - 1)) + 0.5) * largest / 2 ** (bits - 1)
        for row, value in enumerate(sent[:, n]):
            below = [level for level in levels if level - levels[0] <= abs(value) * (1 + 1e-15)]
            found[row, n] = np.sign(value) * below[-1] if largest else 0
    return found


def class_mean(sent, targets, scale):
    found = np.zeros_like(sent)
    for n in range(sent.shape[1]):
        same = [m for m in range(sent.shape[1]) if (targets[:, m] == targets[:, n]).all()]
        found[:, n] = sum(sent[:, m] for m in same) / len(same)
    return found


CHANNELS = {
    "exact": lambda sent, targets, scale: sent,
    "sign": lambda sent, targets, scale: np.sign(sent) * scale,
    "ternary": lambda sent, targets, scale, threshold=0.1: (
        np.where(np.abs(sent) / scale > threshold, np.sign(sent), 0.0) * scale
    ),
    "quantised": quantised,
    "noisy": noisy,
    "class_mean": class_mean,
    "batch_mean": lambda sent, targets, scale: np.repeat(sent.mean(1, keepdims=True), sent.shape[1], 1),
}
