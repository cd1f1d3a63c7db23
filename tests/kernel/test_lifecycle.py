"""The explorer in a live kernel: acts, its cell run again, Jupyter's stop button, a restart, hostile messages."""

import json
import time

import pytest

from hostile_messages import IGNORED, MESSAGES

SHOWN = 'import dfa_lab as dfa, threading\ne = dfa.Explorer(task="digits", widths=(16,), batch_size=16)\ne'
TRAINERS = 'sum(thread.name == "dfa_lab trainer" for thread in threading.enumerate())'


@pytest.fixture(scope="module")
def desk(kernel):
    assert kernel.run(SHOWN).startswith("Explorer(")
    return kernel.run("print(e.comm.comm_id)")


#: In the thread that reads requests: what arrives in its sleep waits in the socket, then a reply goes out to nobody.
REPLY_BESIDE_A_REQUEST = """
import time
from ipykernel.kernelbase import Kernel
def reply():
    time.sleep(0.5)
    reader.manager._send_on_shell_channel([b"nobody", b""])
reader = getattr(Kernel.instance(), "shell_channel_thread", None)
if reader is not None:
    reader.io_loop.add_callback(reply)
"""


@pytest.mark.usefixtures("desk")
def test_a_request_that_comes_while_a_reply_goes_out_is_heard(kernel):
    kernel.send(REPLY_BESIDE_A_REQUEST)
    time.sleep(0.2)
    assert kernel.run("print(1 + 1)", timeout=10) == "2"


def test_what_a_page_sends_reaches_the_run(kernel, desk):
    kernel.act(desk, {"do": "play"})
    kernel.until("e.experiment.steps_done > 50")
    for number, fields in enumerate(({"lr": 0.05}, {"rule": "fa"}, {"batch_size": 32}), 1):
        kernel.act(desk, {"do": "change", "fields": fields})
        kernel.until(f"len(e.experiment.history.events) == {number}")
    kernel.act(desk, {"do": "pause"})
    kernel.until("not e.runner.status().running")
    steps = json.loads(kernel.run("print([event.step for event in e.experiment.history.events])"))
    assert steps == sorted(steps)
    assert steps[0] > 50


STATE = (
    "print(e.experiment.settings, e.experiment.steps_done, e.runner.lanes, e.model.restrictions, "
    "e.experiment.history.events)"
)


def test_hostile_messages_change_nothing_but_the_status_line(kernel, desk):
    before = kernel.run(STATE)
    for message in MESSAGES:
        kernel.act(desk, {"do": "watching"})
        kernel.act(desk, message)
        kernel.until("e.status()['error']")
        assert kernel.run(STATE) == before, message
        kernel.act(desk, {"do": "pause"})
        kernel.run("e.model.refused = None; e.panel.error = ''")
    for message in IGNORED:
        kernel.act(desk, message)
    assert kernel.run(STATE) == before


def test_unknown_traits_are_ignored(kernel, desk):
    kernel.act(desk, {"settings": {"lr": 5}, "_model_name": "Evil", "experiment": None}, method="update")
    kernel.act(desk, {"do": "step", "steps": 1})
    kernel.until("e.runner.status().error == '' and e.experiment.settings.lr != 5")


def test_the_stop_button_of_jupyter_stops_train(kernel):
    own = kernel.send("x = dfa.Experiment(); x.train(10**7)")
    time.sleep(2)
    kernel.manager.interrupt_kernel()
    end = time.monotonic() + 10
    while time.monotonic() < end:
        got = kernel.client.get_iopub_msg(timeout=10)
        idle = got["msg_type"] == "status" and got["content"]["execution_state"] == "idle"
        if idle and got["parent_header"].get("msg_id") == own:
            break
    else:
        raise AssertionError("it did not stop")
    assert int(kernel.run("print(x.steps_done)")) > 0
    kernel.run("x.step()")  # it stands between two steps, and goes on


def test_running_the_cell_again_leaves_one_trainer(kernel):
    for _ in range(50):
        kernel.run(SHOWN)
        kernel.run("e.act('play')")
    kernel.until(f"{TRAINERS} == 1")
    kernel.run("e.act('pause')")


OPEN_FILE = """
class Log:
    def __init__(self):
        self.itself, self.file = self, open("log.txt", "w")
log = Log()
log.file.write("kept")
"""


def test_a_restart_does_not_wait_for_the_training(kernel):
    kernel.run(SHOWN)
    kernel.run(OPEN_FILE)
    kernel.run("e.act('play')")
    began = time.monotonic()
    kernel.manager.restart_kernel(now=False)
    ended = time.monotonic() - began
    kernel.client.stop_channels()
    kernel.connect()
    print(f"restart: {ended:.2f} s")
    assert ended <= 5.0  # 0.5 to 1.6 s on a busy machine; the promise is 2
    assert kernel.run("print(open('log.txt').read())") == "kept"
