"""In a live kernel, whose ``Out`` holds what cells ended with: closed explorers leave nothing, memory is as before."""

import json

import pytest

SHOWN = "import dfa_lab as dfa, gc, os, threading, weakref, ctypes\nruns = []"
AGAIN = """
e = dfa.Explorer(task="digits", widths=(512, 512), batch_size=16)
runs.append(weakref.ref(e.experiment))
e
"""
WORKED = "e.act('step', steps=2); e.act('fork', fields={'rule': 'bp'}); e.act('pin'); e.runner.wait(20)"
#: What is alive, and the memory in use in MB once what is free was given back.
LEFT = """
gc.collect()
ctypes.CDLL(None).malloc_trim(0)
pages = int(open("/proc/self/statm").read().split()[1])
threads = sum(one.name in ("dfa_lab trainer", "dfa_lab UI") for one in threading.enumerate())
import json
print(json.dumps([sum(run() is not None for run in runs), threads, pages * os.sysconf("SC_PAGE_SIZE") / 2**20]))
"""


def left(kernel):
    return json.loads(kernel.run(LEFT, cell="left"))


def least(kernel, readings=4, times=3):
    """The least MB of some readings, each after the cell was run again: one alone may lie ten above its neighbours."""
    found = []
    for _ in range(readings):
        for _ in range(times):
            assert kernel.run(AGAIN).startswith("Explorer(")
            kernel.run(WORKED, cell="work")
        alive, threads, memory = left(kernel)
        assert (alive, threads) == (1, 2), "its trainer and its screen"
        found.append(memory)
    print(*(f"{one:.1f}" for one in found), "MB")
    return min(found)


def test_a_cell_that_is_run_again_leaves_one_explorer_and_closed_ones_leave_none(kernel):
    kernel.run(SHOWN)
    least(kernel)  # what the first ones load stays
    before = least(kernel)
    # What is left grows each time; what comes late on a busy machine does not.
    assert any(least(kernel) < before + 5 for _ in range(3))
    kernel.run("e.close()")
    assert left(kernel)[:2] == [0, 0]
    assert kernel.run("Out[max(Out)]").endswith("closed)"), "it is held still"


def test_two_hundred_in_a_loop_leave_none(kernel):
    kernel.run(SHOWN)
    kernel.run("for _ in range(100):\n    e = dfa.Explorer(widths=(64,)); e.close()", timeout=120)
    before = left(kernel)[2]  # with all that the first ones load, one after another
    loop = "e = dfa.Explorer(widths=(64,)); runs.append(weakref.ref(e.experiment)); e.close()"
    kernel.run(f"for _ in range(200):\n    {loop}\ne", timeout=120)
    alive, threads, after = left(kernel)
    assert (alive, threads) == (0, 0)
    assert after < before + 30, "coarse: on a busy machine what the first explorers load comes late"


@pytest.mark.exhaustive  # on a busy machine what the first explorers load comes late, and counts as growth
def test_two_hundred_in_a_loop_take_no_memory(kernel):
    loop = "for _ in range({}):\n    e = dfa.Explorer(widths=(64,)); e.close()"
    kernel.run(SHOWN)
    kernel.run(loop.format(200), timeout=120)
    before = left(kernel)[2]
    kernel.run(loop.format(200), timeout=120)
    assert left(kernel)[2] < before + 5
