"""A program ends once its daemon threads have, also those begun while it ends, and after one that never began."""

import os
import subprocess
import sys
import threading

import pytest

from dfa_lab import daemon_threads
from dfa_lab.daemon_threads import start_daemon
from places import PACKAGE

SECONDS = 60
PROGRAM = """
import threading, time
from dfa_lab.daemon_threads import start_daemon

def work(depth):
    time.sleep(0.1)
    if depth:
        start_daemon("another", lambda: work(depth - 1))
    else:
        print("done", flush=True)

def fails(thread):
    raise RuntimeError("can't start new thread")
"""
BEGUN_AT_THE_END = "ended = threading.Event()\nstart_daemon('one', lambda: (ended.wait(), work({})), stop=ended.set)\n"
NEVER_BEGAN = """
begin, threading.Thread.start = threading.Thread.start, fails
try:
    start_daemon("never", print)
except RuntimeError as error:
    print(error)
threading.Thread.start = begin
start_daemon("one", lambda: work(0))
"""


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("start_daemon('one', lambda: work(0))", "done\n"),
        *((BEGUN_AT_THE_END.format(depth), "done\n") for depth in (1, 3)),
        (NEVER_BEGAN, "can't start new thread\ndone\n"),
    ],
)
def test_a_program_ends_once_all_of_them_have(then, said):
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + then],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (done.stdout, done.stderr, done.returncode) == (said, "", 0)


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError(), KeyboardInterrupt()])
def test_one_that_could_not_begin_is_not_waited_for(monkeypatch, error):
    def fails(thread):
        raise error

    before = dict(daemon_threads._running)
    monkeypatch.setattr(threading.Thread, "start", fails)
    with pytest.raises(type(error)):
        start_daemon("never", print)
    assert daemon_threads._running == before
