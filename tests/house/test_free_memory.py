"""What is free goes back to the system, and threads that come and go do not hold ever more pools of it."""

import ctypes
import os
import subprocess
import sys

import pytest

import dfa_lab as dfa
from dfa_lab import daemon_threads, free_memory
from dfa_lab.experiment.runner import command_thread
from places import PACKAGE

GLIBC = os.name == "posix" and hasattr(ctypes.CDLL(None), "malloc_trim")
#: What a user sets the number of pools by.
CHOICES = ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")
#: MB held of the machine: of many small tensors, some kept, so that only whole pages between them can be given back.
PROGRAM = """
import os, threading
import torch
from dfa_lab.daemon_threads import start_daemon
from dfa_lab.free_memory import give_back

def held():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

barrier = threading.Barrier(12)

def work():
    barrier.wait()
    found = [torch.zeros(4000) for _ in range(500)]
    barrier.wait()

for _ in range(2):
    threads = [start_daemon("one", work) for _ in range(12)]
    for thread in threads:
        thread.join()
"""
POOLS = """
import ctypes, re
fopen = ctypes.CDLL(None).fopen
fopen.restype = ctypes.c_void_p
stream = ctypes.c_void_p(fopen(b"info.xml", b"w"))
ctypes.CDLL(None).malloc_info(0, stream)
ctypes.CDLL(None).fclose(stream)
print(len(re.findall("<heap", open("info.xml").read())))
"""


def run(program, folder, **more):
    inherited = {name: value for name, value in os.environ.items() if name not in CHOICES}
    environment = {**inherited, "PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1", **more}
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(not GLIBC, reason="the C library is not glibc: it has no pools")
def test_threads_share_the_pools_that_there_are_unless_a_user_has_chosen(tmp_path):
    (shared,) = run(PROGRAM + POOLS, tmp_path)
    assert int(shared) <= 2
    for chosen in ({"MALLOC_ARENA_MAX": "8"}, {"GLIBC_TUNABLES": "glibc.malloc.arena_max=8"}):
        (pools,) = run(PROGRAM + POOLS, tmp_path, **chosen)
        assert 2 < int(pools) <= 8, chosen
    (others,) = run(PROGRAM + POOLS, tmp_path, GLIBC_TUNABLES="glibc.malloc.check=0")
    assert int(others) <= 2


@pytest.mark.skipif(not GLIBC, reason="the C library is not glibc: it keeps otherwise")
def test_what_is_free_goes_back_to_the_system(tmp_path):
    between = """
kept = [torch.zeros(4000) for _ in range(12000)][::50]
before = held()
give_back()
print(before - held())
"""
    (less,) = run(PROGRAM + between, tmp_path)
    assert float(less) > 50, "of 192 MB"


@pytest.mark.parametrize(("taken", "times"), [(0.0, 4), (0.2, 2)])
def test_it_is_given_back_now_and_then(monkeypatch, taken, times):
    """A step takes a second, for forty seconds: every ten, or where it takes long a hundred times as much between."""
    now, worked, done = [5.0], [0.0], []

    def trim(kept):
        done.append(now[0])
        worked[0] += taken

    monkeypatch.setattr(free_memory._Next, "at", 5.0)
    monkeypatch.setattr(free_memory, "_function", {"malloc_trim": trim}.get)
    monkeypatch.setattr(free_memory.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(free_memory.time, "thread_time", lambda: worked[0])
    for _ in range(40):
        now[0] += 1.0
        free_memory.give_back_now_and_then(10.0)
    assert len(done) == times, done


def test_without_glibc_there_is_nothing_to_do(monkeypatch):
    monkeypatch.setattr(free_memory, "_function", lambda name: None)
    free_memory.give_back()
    free_memory.share_pools.__wrapped__()


def test_training_and_threads_that_end_give_it_back(monkeypatch):
    asked = []
    monkeypatch.setattr(command_thread, "give_back_now_and_then", asked.append)
    monkeypatch.setattr(daemon_threads, "give_back_now_and_then", asked.append)
    runner = dfa.Runner(dfa.Experiment(task="moons", widths=(8,)), autosave=None)
    runner.play(3)
    runner.wait(60)
    runner.close()
    runner._thread.join(60)
    assert command_thread.GIVE_BACK in asked
    assert asked[-1] == daemon_threads.GIVE_BACK
