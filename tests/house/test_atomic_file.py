"""Files are written whole or not at all."""

import os
import resource
import signal
import subprocess
import sys
import time

import pytest

import dfa_lab as dfa
from dfa_lab.atomic_file import LEFT_OVER, write_atomically


def others(folder, *names):
    return sorted(one.name for one in folder.iterdir() if one.name not in names)


@pytest.mark.parametrize("content", [b"bytes", "a text: ä"])
def test_what_is_written_is_there(tmp_path, content):
    place = write_atomically(str(tmp_path / "a"), content, what="it")
    assert place.read_bytes() == (content if isinstance(content, bytes) else content.encode())
    assert others(tmp_path, "a") == []


def test_a_link_and_its_permissions_stay(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_atomically(link, "new", what="it")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("path", ["no/such/folder/x", "a\0b", "", 7], ids=repr)
def test_what_cannot_be_written_is_one_error(path):
    with pytest.raises(dfa.DfaLabError, match=r"report\(\) cannot write to .*give the path of a file"):
        write_atomically(path, "x", what="report()")


@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_is_left_alone(tmp_path, linked):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    said = r"it cannot write to .*: it is a pipe or a device, and no file; give the path of a file"
    with pytest.raises(dfa.DfaLabError, match=said):
        write_atomically(link if linked else pipe, "x", what="it")
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert others(tmp_path, "pipe", "link") == []


def test_on_a_full_disk_the_former_file_is_whole(tmp_path):
    place = tmp_path / "a"
    place.write_text("old")
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, former[1]))
    try:
        with pytest.raises(dfa.DfaLabError, match="too large"):
            write_atomically(place, b"x" * 2000, what="it")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
        signal.signal(signal.SIGXFSZ, ignored)
    assert place.read_text() == "old"
    assert others(tmp_path, "a") == []


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.03])
def test_a_program_that_is_killed_leaves_a_whole_file(tmp_path, seconds):
    place = tmp_path / "a"
    place.write_text("0" * 10**7)
    script = f"""
from dfa_lab.atomic_file import LEFT_OVER, write_atomically
print("writing", flush=True)
n = 0
while True:
    write_atomically({str(place)!r}, str(n % 10) * 10**7, what="it")
    n += 1
"""
    writer = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=os.environ)
    assert writer.stdout.readline() == "writing\n"
    time.sleep(seconds)
    writer.kill()
    writer.wait()
    text = place.read_text()
    assert len(text) == 10**7
    assert len(set(text)) == 1


@pytest.mark.parametrize("linked", [False, True])
def test_what_a_killed_program_left_goes_after_an_hour_with_the_next_file_written_there(tmp_path, linked):
    folder = tmp_path / "folder"
    folder.mkdir()
    place = folder / "a"
    if linked:
        place.touch()
        place = tmp_path / "link"
        place.symlink_to(folder / "a")
    left, young, another = f".{'0a' * 16}.part", f".{'1b' * 16}.part", ".mine.part"
    long_ago = time.time() - LEFT_OVER - 60
    for name in (left, young, another):
        (folder / name).write_bytes(b"half")
    for name in (left, another):
        os.utime(folder / name, (long_ago, long_ago))
    write_atomically(place, "x", what="it", durable=False)
    assert others(folder, "a") == sorted([left, young, another]), "of many small files none looks"
    write_atomically(place, "x", what="it")
    assert others(folder, "a") == sorted([young, another]), "maybe that is being written now, and this is not ours"
