"""In a live kernel, whose ``Out`` holds what cells ended with: closed explorers leave nothing, memory is as before."""

import json

SHOWN = """
import ctypes, gc, json, os, threading, weakref
import dfa_lab as dfa
runs = []
class Given(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena n s blocks mapped u f used free keep".split()]
given = ctypes.CDLL(None).mallinfo2
given.restype = Given
"""
AGAIN = """
e = dfa.Explorer(task="digits", widths=(512, 512), batch_size=16)
runs.append(weakref.ref(e.experiment))
e
"""
WORKED = "e.act('step', steps=2); e.act('fork', fields={'rule': 'bp'}); e.act('pin'); e.runner.wait(20)"
#: What is alive; MB that the C library has given out (tensors among them); MB of the machine's memory, in whole pages.
LEFT = """
gc.collect()
ctypes.CDLL(None).malloc_trim(0)
pages = int(open("/proc/self/statm").read().split()[1])
threads = sum(one.name in ("dfa_lab trainer", "dfa_lab UI") for one in threading.enumerate())
sizes = given().used + given().mapped, pages * os.sysconf("SC_PAGE_SIZE")
print(json.dumps([sum(run() is not None for run in runs), threads, *(size / 2**20 for size in sizes)]))
"""


def left(kernel):
    return json.loads(kernel.run(LEFT, cell="left"))


def run_again(kernel, times):
    """The cell is run again, and its explorer used; MB given out and held then."""
    for _ in range(times):
        assert kernel.run(AGAIN).startswith("Explorer(")
        kernel.run(WORKED, cell="work")
    alive, threads, *sizes = left(kernel)
    assert (alive, threads) == (1, 2), "its trainer and its screen"
    print(*(f"{size:.1f}" for size in sizes), "MB given out and held")
    return sizes


def test_a_cell_that_is_run_again_leaves_one_explorer_and_closed_ones_leave_none(kernel):
    kernel.run(SHOWN)
    before, _ = run_again(kernel, 8)  # what the first ones load stays
    after, _ = run_again(kernel, 16)
    assert after < before + 5, "one explorer's network and its twin's hold 4 MB"
    kernel.run("e.close()")
    assert left(kernel)[:2] == [0, 0]
    assert kernel.run("Out[max(Out)]").endswith("closed)"), "it is held still"


def least(kernel, readings=5, explorers=60):
    """The least MB given out and held: what is given out rises by seven in 250 explorers, and falls again."""
    loop = "e = dfa.Explorer(widths=(64,)); runs.append(weakref.ref(e.experiment)); e.close()"
    found = []
    for _ in range(readings):
        kernel.run(f"for _ in range({explorers}):\n    {loop}\ne", timeout=120)
        alive, threads, *sizes = left(kernel)
        assert (alive, threads) == (0, 0)
        found.append(sizes)
    given, held = (min(one) for one in zip(*found, strict=True))
    print(f"{given:.1f} {held:.1f} MB given out and held")
    return given, held


def test_three_hundred_in_a_loop_leave_none(kernel):
    kernel.run(SHOWN)
    before = least(kernel)  # with all that the first ones load, one after another
    after = least(kernel)
    assert after[0] < before[0] + 3
    assert after[1] < before[1] + 30, "coarse: what is held comes in whole pages"
