"""MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100 in the layouts of those who published them.

Checksums: MNIST's and Fashion-MNIST's as in torchvision's sources (MD5), CIFAR's as in TensorFlow Datasets'
(SHA-256).  CIFAR's "Python version" is a pickle, which can execute code when it is read; here its binary
version is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from yuanli.data.archives import damaged, read_gzip, read_tar
from yuanli.data.dataset import Dataset, Split
from yuanli.data.download import Remote, fetch
from yuanli.data.parquet import find_parquet, load_pictures
from yuanli.data.storage import remember
from yuanli.errors import DataError

IDX_LIMIT = 64 << 20  # bytes in one idx file; MNIST's largest has 47,040,016
PIXELS = 3 * 32 * 32  # of a CIFAR picture
ROOT = "."  # the data root itself

Members = tuple[tuple[str, int], ...]  # files in an archive and how many records each has


@dataclass(frozen=True)
class IdxSet:
    """Pictures and labels in idx files: train pictures, train labels, test pictures, test labels.

    Source: LeCun, The MNIST database, "File formats".
    """

    folders: tuple[str, ...]  # where in the data root they may lie; downloads go to the first
    files: tuple[Remote, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class CifarSet:
    """Records of label bytes, of which the last counts, and 3×32×32 pixels, in files in an archive.

    Source: Krizhevsky, The CIFAR-10 dataset, "Binary version".
    """

    folders: tuple[str, ...]
    archive: Remote
    train: Members
    test: Members
    label_bytes: int
    classes: tuple[str, ...]
    python_version: tuple[str, ...]  # the names of what is not read


def load_official(name: str, source: IdxSet | CifarSet, root: Path) -> Split:
    """The set as found in the data root, as Parquet or in its official layout, or else downloaded into it."""
    for folder in source.folders:
        files = find_parquet(root / folder) if folder != ROOT else {}  # in the root it could be any set's
        if files and all(files.values()):
            return load_pictures(name, files, known=source.classes)
    if isinstance(source, IdxSet):
        parts = _load_idx(name, source, root)
    else:
        parts = _load_cifar(name, source, root)
    train, test = (Dataset(name, x, y, source.classes) for x, y in parts)
    return Split(train, test)


# idx -----------------------------------------------------------------------------------------------------


def _load_idx(name: str, source: IdxSet, root: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    paths = [
        _find(root, source.folders, _idx_names(r.file)) or fetch(r, root / source.folders[0])
        for r in source.files
    ]
    return [
        remember(f"{name}-{part}", paths[two], partial(_decode_idx, source, paths[two], source.files[two]))
        for part, two in (("train", slice(0, 2)), ("test", slice(2, 4)))
    ]


def _idx_names(file: str) -> tuple[str, ...]:
    """Compressed, unpacked, and unpacked as some programs do it."""
    raw = file.removesuffix(".gz")
    return file, raw, raw.replace("-idx", ".idx")


def _decode_idx(
    source: IdxSet, paths: Sequence[Path], remotes: Sequence[Remote]
) -> tuple[np.ndarray, np.ndarray]:
    for path, remote in zip(paths, remotes, strict=True):
        if path.name == remote.file:
            fetch(remote, path.parent)  # it is there: only its checksum is looked at
    x, y = read_idx(paths[0], 3)[:, None], read_idx(paths[1], 1)
    if len(x) != len(y):
        raise damaged(paths[1], f"it has {len(y)} labels for the {len(x)} pictures of {paths[0].name}")
    return x, _labels(source, y, paths[1])


def read_idx(path: Path, ndim: int) -> np.ndarray:
    """The uint8 array of `ndim` axes in an idx file, packed or not."""
    content = read_gzip(path, IDX_LIMIT) if path.suffix == ".gz" else path.read_bytes()
    if content[:4] != bytes((0, 0, 8, ndim)) or len(content) < 4 + 4 * ndim:
        raise damaged(path, f"it does not begin as an idx file of bytes with {ndim} axes does")
    shape = [int(n) for n in np.frombuffer(content, ">u4", ndim, 4)]
    expected = 4 + 4 * ndim + int(np.prod(shape, dtype=object))
    if len(content) != expected:
        raise damaged(path, f"with shape {shape} it needs {expected} bytes and has {len(content)}")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * ndim).reshape(shape)


# CIFAR ---------------------------------------------------------------------------------------------------


def _load_cifar(name: str, source: CifarSet, root: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    parts = (("train", source.train), ("test", source.test))
    unpacked = _find(root, source.folders, (str(Path(source.train[0][0]).parent),))
    if unpacked is not None:
        home = unpacked.parent
        return [
            remember(f"{name}-{part}", _files(home, members), partial(_read_unpacked, source, home, members))
            for part, members in parts
        ]
    archive = _find(root, source.folders, (source.archive.file,)) or _fetch_binary(source, root)
    return [
        remember(f"{name}-{part}", [archive], partial(_read_archive, source, archive, members))
        for part, members in parts
    ]


def _files(home: Path, members: Members) -> list[Path]:
    if missing := [file for file, _ in members if not (home / file).is_file()]:
        raise DataError(
            f"{home} lacks {', '.join(missing)}; unpack the archive again, or put it there packed"
        )
    return [home / file for file, _ in members]


def _fetch_binary(source: CifarSet, root: Path) -> Path:
    try:
        return fetch(source.archive, root / source.folders[0])
    except DataError as error:
        if python := _find(root, source.folders, source.python_version):
            raise DataError(
                f"{python} is the Python version, a pickle, which could execute code and is not read; "
                f"the binary version is needed.  {error}"
            ) from None
        raise


def _read_archive(source: CifarSet, archive: Path, members: Members) -> tuple[np.ndarray, np.ndarray]:
    fetch(source.archive, archive.parent)  # it is there: only its checksum is looked at
    record = source.label_bytes + PIXELS
    contents = read_tar(archive, {file: n * record for file, n in members})
    return _records(source, b"".join(contents[file] for file, _ in members), archive)


def _read_unpacked(source: CifarSet, home: Path, members: Members) -> tuple[np.ndarray, np.ndarray]:
    record = source.label_bytes + PIXELS
    for file, n in members:
        if (length := (home / file).stat().st_size) != n * record:
            raise damaged(home / file, f"it needs {n * record} bytes and has {length}")
    return _records(source, b"".join((home / file).read_bytes() for file, _ in members), home / members[0][0])


def _records(source: CifarSet, content: bytes, where: Path) -> tuple[np.ndarray, np.ndarray]:
    rows = np.frombuffer(content, np.uint8).reshape(-1, source.label_bytes + PIXELS)
    x = rows[:, source.label_bytes :].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(x), _labels(source, rows[:, source.label_bytes - 1], where)


# Both ----------------------------------------------------------------------------------------------------


def _labels(source: IdxSet | CifarSet, y: np.ndarray, where: Path) -> np.ndarray:
    if y.max(initial=0) >= len(source.classes):
        raise damaged(where, f"it has the label {y.max()}, and there are {len(source.classes)} classes")
    return y.astype(np.int64)


def _find(root: Path, folders: Sequence[str], names: Sequence[str]) -> Path | None:
    return next((p for f in folders for n in names if (p := root / f / n).exists()), None)


# The sets ------------------------------------------------------------------------------------------------


def _idx_files(checksums: Sequence[str], mirrors: Sequence[str]) -> tuple[Remote, ...]:
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple(
        Remote(f"{n}-ubyte.gz", f"md5:{md5}", tuple(f"{m}/{n}-ubyte.gz" for m in mirrors))
        for n, md5 in zip(names, checksums, strict=True)
    )


def _cifar_archive(file: str, sha256: str) -> Remote:
    mirrors = ("https://www.cs.toronto.edu/~kriz", "https://cave.cs.toronto.edu/kriz")
    return Remote(file, f"sha256:{sha256}", tuple(f"{m}/{file}" for m in mirrors))


CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck"
CIFAR100 = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel
can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur
dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion
lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree
pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea
seal shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank
telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""

SOURCES: dict[str, IdxSet | CifarSet] = {
    "mnist": IdxSet(
        folders=("mnist", "MNIST", "MNIST/raw"),
        files=_idx_files(
            (
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "d53e105ee54ea40749a09fcbcd1e9432",
                "9fb629c4189551a2d022fa330f9573f3",
                "ec29112dd5afa0611ce80d1b7f02629c",
            ),
            (
                "https://ossci-datasets.s3.amazonaws.com/mnist",
                "https://storage.googleapis.com/cvdf-datasets/mnist",
            ),
        ),
        classes=tuple("0123456789"),
    ),
    "fashion_mnist": IdxSet(
        folders=("fashion_mnist", "fashion-mnist", "fashionmnist", "FashionMNIST", "FashionMNIST/raw"),
        files=_idx_files(
            (
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "25c81989df183df01b3e8a0aad5dffbe",
                "bef4ecab320f06d8554ea6380940ec79",
                "bb300cfdad3c16e7a12a480ee83cd310",
            ),
            (
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            ),
        ),
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
    ),
    "cifar10": CifarSet(
        folders=("cifar10", "cifar-10", "CIFAR10", ROOT),
        archive=_cifar_archive(
            "cifar-10-binary.tar.gz", "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
        ),
        train=tuple((f"cifar-10-batches-bin/data_batch_{i}.bin", 10_000) for i in range(1, 6)),
        test=(("cifar-10-batches-bin/test_batch.bin", 10_000),),
        label_bytes=1,
        classes=tuple(CIFAR10.split()),
        python_version=("cifar-10-python.tar.gz", "cifar-10-batches-py"),
    ),
    "cifar100": CifarSet(
        folders=("cifar100", "cifar-100", "CIFAR100", ROOT),
        archive=_cifar_archive(
            "cifar-100-binary.tar.gz", "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"
        ),
        train=(("cifar-100-binary/train.bin", 50_000),),
        test=(("cifar-100-binary/test.bin", 10_000),),
        label_bytes=2,
        classes=tuple(CIFAR100.split()),
        python_version=("cifar-100-python.tar.gz", "cifar-100-python"),
    ),
}
