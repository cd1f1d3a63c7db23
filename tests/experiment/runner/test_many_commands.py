"""Many waiting commands: training goes on, a pause stops it at once, and a program ends whatever waits."""

import subprocess
import sys
import time

import pytest

import dfa_lab as dfa

pytestmark = pytest.mark.slow

#: More than a runner obeys in the seconds of a test.
MANY = 20_000


@pytest.fixture
def runner():
    runner = dfa.Runner(dfa.Experiment(widths=(8,), task="moons"))
    yield runner
    runner._leave()


def put_many(runner):
    for n in range(MANY):
        runner.change(feedback_seed=n)


def changes_of(runner):
    return len(runner.experiment.history.changes())


def test_it_trains_while_commands_wait(runner):
    runner.play()
    put_many(runner)
    waiting = runner._commands.qsize()
    steps, ends = runner.experiment.steps_done, time.monotonic() + 10
    while runner.experiment.steps_done < steps + 20 and time.monotonic() < ends:
        time.sleep(0.01)
    assert waiting > 0
    assert runner.experiment.steps_done >= steps + 20
    assert changes_of(runner) < MANY, "there were too few commands to wait"


def test_a_pause_stops_the_training_before_what_waits_is_done(runner):
    runner.play()
    put_many(runner)
    runner.pause()
    time.sleep(0.2)  # a command and a step take less
    steps = runner.experiment.steps_done
    assert not runner.status().running
    time.sleep(0.2)
    assert runner.experiment.steps_done == steps
    assert runner._commands.qsize() > 0, "there were too few commands to wait"


def test_none_of_many_is_lost(runner):
    for n in range(1, 301):
        runner.change(feedback_seed=n)
    runner.play(5)
    runner.wait(60)
    assert changes_of(runner) == 300
    assert runner.status().steps_done == 5


ENDS = {
    "in a long step": "r = dfa.Runner(dfa.Experiment(widths=(2048, 2048), batch_size=2048)); r.play(); time.sleep(1)",
    "with many commands": """
r = dfa.Runner(dfa.Experiment(widths=(512, 512))); r.play()
for n in range(20000): r.change(lr=0.1 + n * 1e-6, feedback_seed=n)
""",
    "while an explorer loads what it may need": "e = dfa.Explorer(widths=(16,)); e.act('play')",
    "while a picture is drawn": "e = dfa.Explorer(widths=(16,)); e.act('save', kind='picture')",
}


@pytest.mark.parametrize("work", ENDS.values(), ids=list(ENDS))
def test_a_program_ends_and_its_files_are_written(work, tmp_path):
    kept = tmp_path / "kept"
    script = f"import time, dfa_lab as dfa\nf = open({str(kept)!r}, 'w'); f.write('kept')\n{work}"
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=110)
    assert (done.returncode, kept.read_text()) == (0, "kept"), done.stderr[-2000:]
