"""What papers and other libraries call our settings, so that an error can say which one was meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from dfa_lab.errors import UnknownNameError, nearest, unknown_name

_OTHERS = {
    "task": "dataset data problem benchmark",
    "widths": "hidden hidden_sizes hidden_layers hidden_layer_sizes hidden_units hidden_dims layers layer_sizes sizes "
    "units neurons num_layers architecture",
    "activation": "nonlinearity nonlin act act_fn activation_function transfer_function",
    "activation_derivative": "derivative surrogate surrogate_derivative surrogate_gradient f_prime",
    "rule": "learning_rule algorithm algo method mode training_method",
    "error_channel": "channel broadcast error_quantization error_quantisation quantize_error error_bits",
    "feedback_init": "feedback B feedback_matrix feedback_matrices feedback_weights feedback_initialization",
    "feedback_scale": "feedback_gain feedback_std feedback_magnitude",
    "batch_size": "batchsize batch bs minibatch minibatch_size mini_batch_size train_batch_size",
    "lr": "learning_rate learnrate lrate eta step_size alpha",
    "optimizer": "optimiser optim opt solver",
    "momentum": "beta mu",
    "weight_decay": "wd l2 l2_penalty decay regularization regularisation lambda_",
    "weight_init": "init initialization initialisation initializer initialiser kernel_initializer",
    "seed": "random_seed random_state manual_seed rng",
    "replicas": "num_replicas n_replicas ensemble repeats num_seeds n_seeds",
    "device": "gpu cuda accelerator",
    "threads": "num_threads n_threads n_jobs cores",
    "precision": "matmul_precision tf32",
    "probe_every": "eval_every eval_interval measure_every probe_interval",
    "probe_size": "probe_samples probe_batch_size",
    "record_every": "log_every log_interval logging_steps record_interval",
}
#: Setting -> its other names. Case and underscores do not matter.
OTHER_NAMES = {field: others.split() for field, others in _OTHERS.items()}
#: How near a name must be to one of these to be taken for it; a looser bound would take "steps" for a step size.
NEAR = 0.85


def unknown_setting(name: object, known: Iterable[str], kind: str = "setting") -> UnknownNameError:
    """The error for a setting that is not among ``known``: it lists them and suggests the one that was meant."""
    known = list(known)
    return unknown_name(kind, name, known, guess=_meant(name, known) if isinstance(name, str) else None)


def _meant(name: str, known: Collection[str]) -> str | None:
    """The setting that is called so elsewhere, or nearly so where no known name is near."""
    letters = _letters(name)
    fields = {_letters(other): field for field, others in OTHER_NAMES.items() if field in known for other in others}
    own = {_letters(field): field for field in known}
    found = fields.get(letters) or own.get(nearest(letters, own) or "")
    return found or fields.get(nearest(letters, fields, cutoff=NEAR) or "")


def _letters(name: str) -> str:
    """The name in lower case without separators: learningRate and learning-rate are the same."""
    return re.sub(r"[\W_]", "", name).lower()
