"""Where the groups of a sweep are trained: here, in processes of joblib's loky, or by a user's executor."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, ClassVar, Protocol

from dfa_lab.errors import DfaLabError, shown, whole_number
from dfa_lab.experiment.jobs.job import Group
from dfa_lab.experiment.jobs.side_by_side import FAILURES

#: Seconds until a process has loaded torch and dfa_lab, and how long it waits for more work before it ends.
START, IDLE = 4.0, 120
#: Seconds between two looks of a process whether the one that began it is there.
LOOK_FOR_PARENT = 1.0
#: The most processes that a number asks for.
MOST_PROCESSES = 1024


class Executor(Protocol):
    """What a sweep uses of an executor."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """A future of what the function gives."""


class Here:
    """Trains in this process, at once when it is submitted. ``window`` is how many groups are given to it ahead."""

    window: int | None = 1

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        """A future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except FAILURES as error:
            future.set_exception(error)
        return future

    def stop(self) -> None:
        """Nothing goes on by itself."""


class Processes:
    """``number`` processes of loky, one torch thread each; they stay for a while, and another sweep has them at once.

    A process that dies takes the others with it: the next ``submit`` begins with new ones. They are not the ones that
    joblib keeps for itself, which it would find changed.
    """

    _kept: ClassVar[dict[int, Any]] = {}
    #: The process that they belong to. One forked from it has no processes of its own: loky's threads are not there.
    _owner: ClassVar[int] = os.getpid()

    def __init__(self, number: int) -> None:
        self.number, self.window = number, number + 1

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """A future of what the function gives in one of the processes."""
        try:
            return self._executor().submit(function, *arguments)
        except Exception:  # it is broken, or was ended
            self.stop()
            return self._executor().submit(function, *arguments)

    def _executor(self) -> Any:
        if self.number not in self._kept:
            from joblib.externals.loky import ProcessPoolExecutor

            threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
            self._kept[self.number] = ProcessPoolExecutor(
                max_workers=self.number, timeout=IDLE, env=threads, initializer=end_with, initargs=(os.getpid(),)
            )
        return self._kept[self.number]

    def stop(self) -> None:
        """End the processes, whatever they are doing."""
        if (executor := self._kept.pop(self.number, None)) is not None:
            executor.shutdown(wait=False, kill_workers=True)


def end_with(parent: int) -> None:
    """End this process, whatever it does, soon after the process that began it was killed, which may be so already.

    On Windows a process does not learn of it.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_FOR_PARENT)
        os._exit(1)

    if os.name == "posix":
        threading.Thread(target=watch, daemon=True).start()


class Given:
    """A user's executor, of which ``submit`` alone is used. It is given all groups: it knows how many it can do."""

    window: int | None = None

    def __init__(self, executor: Any) -> None:
        self._executor = executor

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """A future of what the function gives, somewhere."""
        return self._executor.submit(function, *arguments)

    def stop(self) -> None:
        """It is the user's to end."""


def workers_of(given: Any, device: str) -> int | None:
    """How many groups are trained at once: of None one a core; None for a user's executor, which does not say."""
    if given is None:
        return _cores() if device == "cpu" else 1
    if isinstance(given, int):
        return whole_number("executor", given, 1, MOST_PROCESSES, instead="None or an executor")
    if not callable(getattr(given, "submit", None)):
        raise DfaLabError(
            f"executor was given as {shown(given)}; expected None, a number of processes, or an executor with submit, "
            "such as concurrent.futures has, or Dask's Client.get_executor()."
        )
    return None


def executor_for(given: Any, groups: Sequence[Group], device: str) -> Here | Processes | Given:
    """What trains the ``groups``: of None, processes where they save more than they need to start."""
    number = workers_of(given, device)
    if number is None:
        return Given(given)
    if number == 1 or os.getpid() != Processes._owner or (given is None and not _processes_pay(groups, number)):
        return Here()
    return Processes(number)


def _cores() -> int:
    from joblib import cpu_count

    return int(cpu_count())


def _processes_pay(groups: Sequence[Group], number: int) -> bool:
    """Whether so many processes are through sooner than this one, by counted operations."""
    alone = sum(group.total for group in groups)
    longest = max((group.total for group in groups), default=0.0)
    return START + max(alone / number, longest) < alone
