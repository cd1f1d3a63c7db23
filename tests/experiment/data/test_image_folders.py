"""MNIST and CIFAR-10 from a folder: images and classes are the files' own; what is missing or damaged is said."""

import gzip
import http.client
import struct
import types
import warnings

import numpy as np
import pytest
import torch

import dfa_lab as dfa
from dfa_lab.experiment.data import make_task

CIFAR = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]


def drawn(count, *shape):
    return np.random.default_rng(count).integers(0, 256, (count, *shape), dtype=np.uint8)


def write_idx_files(folder, *, packed=True, sizes=(40, 24)):
    for split, count in zip(("train", "t10k"), sizes, strict=True):
        for name, array in (("images-idx3", drawn(count, 28, 28)), ("labels-idx1", drawn(count) % 10)):
            content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
            path = folder / f"{split}-{name}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(content, mtime=0) if packed else content)


def write_cifar(folder):
    """Six files of 8 … 13 samples; the images of each."""
    images = {}
    for number, name in enumerate(CIFAR):
        images[name] = drawn(8 + number, 3, 32, 32)
        classes = (np.arange(8 + number, dtype=np.uint8) % 10)[:, None]
        (folder / name).write_bytes(np.concatenate([classes, images[name].reshape(len(classes), -1)], 1).tobytes())
    return images


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("flat", [True, False])
def test_idx_files_are_read(name, packed, flat, tmp_path):
    write_idx_files(tmp_path, packed=packed)
    task = make_task({"name": name, "folder": str(tmp_path), "flat": flat})
    shape = (784,) if flat else (1, 28, 28)
    for inputs, targets, count in (
        (task.train_inputs, task.train_targets, 40),
        (task.test_inputs, task.test_targets, 24),
    ):
        wanted = drawn(count, 28, 28).astype(np.float32) / np.float32(255)
        assert torch.equal(inputs, torch.from_numpy(wanted.reshape(count, *shape)))
        assert targets.tolist() == (drawn(count) % 10).tolist()
    assert (task.image, task.outputs) == ((1, 28, 28), 10)


@pytest.mark.parametrize("flat", [True, False])
def test_cifar_files_are_read(flat, tmp_path):
    images = write_cifar(tmp_path)
    task = make_task({"name": "cifar10", "folder": str(tmp_path), "flat": flat})
    train = np.concatenate([images[name] for name in CIFAR[:5]]).astype(np.float32) / np.float32(255)
    assert torch.equal(task.train_inputs, torch.from_numpy(train.reshape(50, *((3072,) if flat else (3, 32, 32)))))
    assert torch.equal(task.test_inputs.flatten(), torch.from_numpy(images[CIFAR[5]] / np.float32(255)).flatten())
    assert task.train_targets.tolist() == [place % 10 for count in range(8, 13) for place in range(count)]
    assert (task.image, task.labels[8]) == ((3, 32, 32), "ship")
    assert task.stored_inputs("train").dtype == torch.uint8


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_limits_take_the_first_samples(name, tmp_path):
    write_cifar(tmp_path) if name == "cifar10" else write_idx_files(tmp_path)
    choice = {"name": name, "folder": str(tmp_path)}
    whole, part = make_task(choice), make_task({**choice, "train": 9, "test": 5})
    for split, count in (("train", 9), ("test", 5)):
        assert torch.equal(getattr(part, f"{split}_inputs"), getattr(whole, f"{split}_inputs")[:count])
        assert torch.equal(getattr(part, f"{split}_targets"), getattr(whole, f"{split}_targets")[:count])
    assert part.stored_inputs("train").untyped_storage().nbytes() == 9 * part.inputs
    for wrong in (0, -1, 10**6, 2.5, "all", True):
        with pytest.raises(dfa.DfaLabError, match=f"{name}.*train was given as"):
            make_task({**choice, "train": wrong})
    run = dfa.Experiment(task={**choice, "train": 32}, widths=(8,), batch_size=8)
    run.train(12)
    assert run.settings.task["train"] == 32


@pytest.mark.parametrize(("name", "site"), [("mnist", "ossci-datasets"), ("cifar10", "www.cs.toronto.edu")])
def test_without_a_folder_the_error_says_what_to_do(name, site, tmp_path):
    with pytest.raises(dfa.DfaLabError, match=rf"was given no folder.*{site}|{site}.*was given no folder"):
        dfa.Experiment(task=name)
    first = "data_batch_1.bin" if name == "cifar10" else "train-images-idx3-ubyte.gz"
    with pytest.raises(dfa.DfaLabError, match=f"looked for {first} in .*did not find it.*{site}"):
        make_task({"name": name, "folder": str(tmp_path)})
    with pytest.raises(dfa.DfaLabError, match=name):
        make_task({"name": name, "folder": 5})


@pytest.mark.parametrize("missing", CIFAR)
def test_a_missing_file_of_cifar_is_named(missing, tmp_path):
    write_cifar(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(dfa.DfaLabError, match=f"looked for {missing}"):
        make_task({"name": "cifar10", "folder": str(tmp_path)})


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda raw: b"", "it has 0 bytes"),
        (lambda raw: raw[:-1], "expected 3,073 for each image"),
        (lambda raw: b"\x0a" + raw[1:], "a class number 10"),
    ],
)
@pytest.mark.parametrize("name", [CIFAR[2], CIFAR[5]])
def test_a_damaged_file_of_cifar_is_named(name, damage, words, tmp_path):
    write_cifar(tmp_path)
    (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
    with pytest.raises(dfa.DfaLabError, match=f"{name} is no binary file of CIFAR-10 .*{words}"):
        make_task({"name": "cifar10", "folder": str(tmp_path)})


def fetched(count, pixels=784):
    """What scikit-learn's fetch_openml gives: rows of numbers, classes in words."""
    asked = []

    def fetch_openml(name, **given):
        asked.append((name, given["version"]))
        warnings.warn("the default parser will change", FutureWarning, stacklevel=2)  # nobody is to see it
        rows = np.arange(count * pixels, dtype=np.int64).reshape(count, pixels) % 256
        return types.SimpleNamespace(data=rows, target=np.array([str(one % 10) for one in range(count)], dtype=object))

    fetch_openml.asked = asked
    return fetch_openml


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setattr("dfa_lab.experiment.data.openml_images.TRAIN", 60)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *given, **more: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.mark.parametrize(("name", "there"), [("mnist", "mnist_784"), ("fashion_mnist", "Fashion-MNIST")])
def test_openml_is_asked_once(name, there, cache, monkeypatch, recwarn):
    fetch = fetched(80)
    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    for _ in range(2):
        task = make_task({"name": name, "folder": "openml", "train": 30})
        rows = np.arange(80 * 784).reshape(-1, 784) % 256
        assert torch.equal(task.train_inputs, torch.from_numpy(rows[:30].astype(np.float32) / np.float32(255)))
        assert torch.equal(task.test_inputs, torch.from_numpy(rows[60:].astype(np.float32) / np.float32(255)))
        assert task.test_targets.tolist() == [one % 10 for one in range(60, 80)]
    assert fetch.asked == [(there, 1)]
    assert not [one for one in recwarn if one.category is FutureWarning]


def test_a_cache_that_cannot_be_made_is_said(cache, monkeypatch):
    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetched(80))
    cache.write_text("")
    with pytest.raises(dfa.DfaLabError, match=r"folder .*cache.* cannot be made"):
        make_task({"name": "mnist", "folder": "openml"})


@pytest.mark.parametrize(
    "problem", [OSError("no route to host"), ValueError("another hash"), http.client.IncompleteRead(b"")]
)
def test_without_a_network_it_says_what_to_do(problem, cache, monkeypatch):
    def fetch_openml(*given, **more):
        raise problem

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch_openml)
    with pytest.raises(dfa.DfaLabError, match=r"could not be had from OpenML: .+\. Put the set's four IDX"):
        make_task({"name": "mnist", "folder": "openml"})
    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetched(30))
    with pytest.raises(dfa.DfaLabError, match=r"has \(30, 784\) numbers; expected more than 60 "):
        make_task({"name": "mnist", "folder": "openml"})
    assert not cache.exists()
