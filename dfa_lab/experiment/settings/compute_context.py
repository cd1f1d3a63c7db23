"""How torch computes during a run, for the length of a with block."""

from __future__ import annotations

import torch

from dfa_lab.errors import DfaLabError, in_words, is_out_of_memory
from dfa_lab.experiment.settings.settings import Settings
from dfa_lab.forked_processes import check_threads, is_forked


class GradientsAsBefore:
    """An error inside leaves gradients on or off as they were: Ctrl-C at an end of ``torch.no_grad()`` would not.

    Torch's own functions have such an end, too, such as the copy of a tensor.
    """

    __slots__ = ("_gradients",)

    def __enter__(self) -> None:
        self._gradients = torch.is_grad_enabled()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            torch.set_grad_enabled(self._gradients)


class ComputeContext(GradientsAsBefore):
    """Let torch compute inside as a run's ``settings`` say, and afterwards as before: its threads, on a GPU precision.

    An error leaves gradients as they were. Entered at every step, hence a class. What torch holds for the whole process
    is left alone on a CPU.
    """

    __slots__ = ("_before", "_inside")

    def __init__(self, settings: Settings) -> None:
        self._inside = settings.threads, None if settings.device == "cpu" else settings.precision

    def __enter__(self) -> None:
        if is_forked():
            check_threads(self._inside[0])
        self._before = torch.get_num_threads(), None if self._inside[1] is None else _precision()
        super().__enter__()
        _set(*self._inside)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        _set(*self._before)
        super().__exit__(kind, error, trace)
        if error is not None and is_out_of_memory(error):
            raise DfaLabError(
                f"the memory does not suffice for this: {in_words(error)}. Make widths, replicas, batch_size, "
                "probe_size or the task smaller, or close other runs."
            ) from error


def _set(threads: int, precision: str | None) -> None:
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    if precision is not None and _precision() != precision:
        torch.set_float32_matmul_precision(precision)


def _precision() -> str:
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError as reason:
        raise DfaLabError(
            "torch's precision was set by its newer names (fp32_precision), which go ill with precision=; set one of "
            f"them only: {reason}"
        ) from reason
