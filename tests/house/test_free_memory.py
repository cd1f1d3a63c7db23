"""What is free goes back to the system, and threads that come and go do not hold ever more pools of it."""

import ctypes
import os
import subprocess
import sys

import pytest

from dfa_lab import free_memory
from places import PACKAGE

GLIBC = hasattr(ctypes.CDLL(None), "mallinfo2") if os.name == "posix" else False
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
free = ctypes.CDLL(None).fopen
free.restype = ctypes.c_void_p
stream = ctypes.c_void_p(free(b"info.xml", b"w"))
ctypes.CDLL(None).malloc_info(0, stream)
ctypes.CDLL(None).fclose(stream)
print(len(re.findall("<heap", open("info.xml").read())))
"""


def run(program, folder, **more):
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1", **more}
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
    (chosen,) = run(PROGRAM + POOLS, tmp_path, MALLOC_ARENA_MAX="8")
    assert int(shared) < int(chosen) <= 8
    assert int(shared) <= 2


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


def test_it_is_given_back_once_in_the_seconds_asked_for(monkeypatch):
    done = []
    monkeypatch.setattr(free_memory._Next, "at", 0.0)
    monkeypatch.setattr(free_memory, "_function", lambda name: done.append)
    for _ in range(3):
        free_memory.give_back(60.0)
    assert done == [0]
    monkeypatch.setattr(free_memory._Next, "at", 0.0)
    monkeypatch.setattr(free_memory, "_function", lambda name: None)
    free_memory.give_back()
    assert free_memory._Next.at == 0.0, "nothing to do it with"
