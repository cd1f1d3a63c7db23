"""Files and arrays that are damaged or no data: one sentence with the file's name, and nothing waits for ever."""

import gzip
import os
import random
import struct
import zlib

import numpy as np
import pytest
import torch

import dfa_lab as dfa
from dfa_lab.experiment.data import image_tasks

NAMES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path):
    draw = np.random.default_rng(0)
    for name in NAMES:
        shape = (30, 28, 28) if "images" in name else (30,)
        content = idx(draw.integers(0, 256 if "images" in name else 10, shape, dtype=np.uint8))
        (tmp_path / f"{name}-ubyte.gz").write_bytes(gzip.compress(content, mtime=0))
    return tmp_path


def task(folder):
    return image_tasks.fashion_mnist(folder=str(folder))


def test_the_files_can_be_read(folder):
    assert len(task(folder).train_targets) == 30


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_archive_is_named(folder, seed):
    draw, errors = random.Random(seed), 0
    file = folder / f"{draw.choice(NAMES)}-ubyte.gz"
    whole = file.read_bytes()
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        file.write_bytes(content)
        try:
            task(folder)
        except dfa.DfaLabError as error:
            errors += 1
            assert str(file) in str(error)  # noqa: PT017
    assert errors > 20


@pytest.mark.parametrize("part", [0.0, 0.01, 0.3, 0.99])
@pytest.mark.parametrize("packed", [True, False])
def test_a_file_cut_short_is_named(folder, part, packed):
    file = folder / f"{NAMES[2]}-ubyte.gz"
    content = file.read_bytes() if packed else gzip.decompress(file.read_bytes())
    file.unlink()
    file = file if packed else file.with_suffix("")
    file.write_bytes(content[: int(part * len(content))])
    with pytest.raises(dfa.DfaLabError, match=file.name):
        task(folder)


WRONG = {
    "other data": b"hello, this is a text",
    "bytes that follow": idx(np.zeros((30, 28, 28), np.uint8)) + b"x",
    "huge sizes": struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1),
    "255 dimensions": struct.pack(">HBB", 0, 8, 255) + b"\1" * 2000,
    "another shape": idx(np.zeros((30, 27, 28), np.uint8)),
    "none": idx(np.zeros((0, 28, 28), np.uint8)),
    "too few dimensions": idx(np.zeros(30, np.uint8)),
}


@pytest.mark.parametrize("what", WRONG)
def test_another_content_is_named(folder, what):
    file = folder / f"{NAMES[0]}-ubyte.gz"
    file.write_bytes(gzip.compress(WRONG[what]))
    with pytest.raises(dfa.DfaLabError, match=file.name):
        task(folder)


def test_what_is_packed_in_a_file_beyond_its_sizes_is_not_unpacked(folder):
    file = folder / f"{NAMES[0]}-ubyte.gz"
    packer = zlib.compressobj(9, wbits=31)
    content = packer.compress(idx(np.zeros((30, 28, 28), np.uint8)))
    for _ in range(400):
        content += packer.compress(bytes(2**20))
    file.write_bytes(content + packer.flush())
    with pytest.raises(dfa.DfaLabError, match=r"23,520 bytes follow, and 23,521\+ do"):
        task(folder)


@pytest.mark.parametrize(("name", "number"), [(NAMES[1], 10), (NAMES[3], 255)])
def test_a_label_that_is_none_is_named(folder, name, number):
    file = folder / f"{name}-ubyte.gz"
    file.write_bytes(gzip.compress(idx(np.full(30, number, np.uint8))))
    with pytest.raises(dfa.DfaLabError, match=file.name):
        task(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(folder, tmp_path):
    file = folder / f"{NAMES[0]}-ubyte"
    file.with_suffix(".gz").unlink(missing_ok=True)
    (folder / f"{NAMES[0]}-ubyte.gz").unlink(missing_ok=True)
    os.mkfifo(file)
    with pytest.raises(dfa.DfaLabError, match="a pipe or a device"):
        task(folder)
    pipe = tmp_path / "run.safetensors"
    os.mkfifo(pipe)
    with pytest.raises(dfa.DfaLabError, match="a pipe or a device"):
        dfa.Experiment.load(pipe)


@pytest.mark.parametrize("place", ["a\0b", "x" * 100_000, "/nowhere/" + "y/" * 5000])
def test_a_place_that_is_none_is_refused_in_short(place):
    with pytest.raises(dfa.DfaLabError) as raised:
        task(place)
    assert len(str(raised.value)) < 800


class Raises:
    def __init__(self, error):
        self.error = error

    def __array__(self, *given, **named):
        raise self.error("no array here")


ROWS = np.arange(40.0).reshape(20, 2)
CLASSES = np.arange(20) % 3
MASK = np.arange(20) == 3


@pytest.mark.parametrize(
    ("inputs", "targets", "words"),
    [
        (Raises(KeyError), CLASSES, "inputs cannot be read"),
        (ROWS, Raises(RuntimeError), "targets cannot be read"),
        (torch.zeros(20, 2, device="meta"), CLASSES, "inputs cannot be read"),
        (ROWS, torch.zeros(20, device="meta"), "targets cannot be read"),
        (np.ma.masked_greater(ROWS, 7), CLASSES, "inputs have masked entries"),
        (list(np.ma.masked_greater(ROWS, 7)), CLASSES, "inputs have masked entries"),
        ({"a": np.ma.masked_greater(ROWS, 7)}, CLASSES, "masked entries"),
        (ROWS, np.ma.masked_array(CLASSES, MASK), "targets have masked entries"),
        (ROWS, np.ma.masked_array(ROWS[:, 0], MASK), "targets have masked entries"),
        ([[1.0, np.ma.masked]] * 20, CLASSES, "inputs have masked entries"),
        (ROWS + 1j, CLASSES, "inputs are complex"),
        (ROWS, CLASSES * 1j, "targets are complex"),
        (ROWS, (ROWS[:, 0] * 3100 + 7).astype(int), "of which 20 occur; for values to predict"),
        (ROWS, (ROWS[:, 0] * 10**7).astype(int), "expected class numbers below"),
    ],
)
def test_arrays_that_are_no_numbers_are_refused(inputs, targets, words):
    with pytest.raises(dfa.DfaLabError, match=words):
        dfa.Task.from_arrays(inputs, targets)


def test_arrays_with_nothing_masked_and_classes_that_are_counted_are_taken():
    assert dfa.Task.from_arrays(np.ma.masked_array(ROWS), np.ma.masked_array(CLASSES)).outputs == 3
    many = (ROWS[:, 0] * 1000).astype(int)
    assert dfa.Task.from_arrays(ROWS, many, outputs=50_000).outputs == 50_000
    assert dfa.Task.from_arrays(ROWS, CLASSES * 4000).outputs == 8001
