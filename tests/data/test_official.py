"""Published sets in their own layouts and as Parquet: small made-up copies, and the real ones if here."""

import gzip
import hashlib
import io
import json
import os
import tarfile
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from yuanli.data import load, official, parquet
from yuanli.data.download import Remote
from yuanli.data.official import SOURCES, CifarSet, IdxSet
from yuanli.errors import DataError

RNG = np.random.default_rng(0)
X = {
    "train": RNG.integers(0, 256, (7, 28, 28), dtype=np.uint8),
    "test": RNG.integers(0, 256, (4, 28, 28), dtype=np.uint8),
}
Y = {"train": np.array([5, 0, 4, 1, 9, 2, 1]), "test": np.array([7, 2, 1, 0])}
RGB = {
    "train": RNG.integers(0, 256, (6, 3, 32, 32), dtype=np.uint8),
    "test": RNG.integers(0, 256, (2, 3, 32, 32), dtype=np.uint8),
}
RGB_Y = {"train": np.array([3, 1, 0, 9, 2, 2]), "test": np.array([8, 7])}


def idx(array):
    return (
        bytes((0, 0, 8, array.ndim))
        + np.array(array.shape, ">u4").tobytes()
        + array.astype(np.uint8).tobytes()
    )


IDX = {
    "train-images-idx3-ubyte.gz": idx(X["train"]),
    "train-labels-idx1-ubyte.gz": idx(Y["train"]),
    "t10k-images-idx3-ubyte.gz": idx(X["test"]),
    "t10k-labels-idx1-ubyte.gz": idx(Y["test"]),
}


def nowhere(file, content):
    """The file as published, at an address where nothing answers."""
    return Remote(file, f"md5:{hashlib.md5(content).hexdigest()}", (f"http://127.0.0.1:9/{file}",))


@pytest.fixture
def mnist(tmp_path, monkeypatch):
    """A tiny MNIST, published nowhere; gives the folder that its files go to."""
    packed = {name: gzip.compress(content, mtime=0) for name, content in IDX.items()}
    files = tuple(nowhere(n, c) for n, c in packed.items())
    monkeypatch.setitem(SOURCES, "mnist", replace(SOURCES["mnist"], files=files))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "root" / "mnist"
    folder.mkdir(parents=True)
    for name, content in packed.items():
        (folder / name).write_bytes(content)
    return folder


def check(split, x, y, channels):
    for part, data in (("train", split.train), ("test", split.test)):
        np.testing.assert_array_equal(data.x, x[part].reshape(-1, channels, *x[part].shape[-2:]))
        np.testing.assert_array_equal(data.y, y[part])


@pytest.mark.parametrize(
    "place",
    [
        lambda folder: None,
        lambda folder: folder.rename(folder.with_name("MNIST")),
        lambda folder: (folder.with_name("MNIST").mkdir(), folder.rename(folder.with_name("MNIST") / "raw")),
        lambda folder: [unpack(p, p.with_suffix("")) for p in folder.iterdir()],
        lambda folder: [unpack(p, p.with_name(p.stem.replace("-idx", ".idx"))) for p in folder.iterdir()],
    ],
)
def test_idx_files_are_found_wherever_they_lie(mnist, place):
    place(mnist)
    split = load("mnist", root=mnist.parent, seed=3, test_size=0.5)
    check(split, X, Y, 1)
    assert split.train.classes == tuple("0123456789")


def unpack(packed, raw):
    raw.write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()


def test_the_root_may_come_from_the_environment(mnist, monkeypatch):
    monkeypatch.setenv("YUANLI_DATA", str(mnist.parent))
    check(load("mnist"), X, Y, 1)


def test_the_second_time_nothing_is_decoded_until_a_file_changes(mnist, monkeypatch):
    load("mnist", root=mnist.parent)
    real = official._decode_idx
    calls = []
    monkeypatch.setattr(official, "_decode_idx", lambda *a: calls.append(a) or real(*a))
    check(load("mnist", root=mnist.parent), X, Y, 1)
    assert calls == []
    os.utime(mnist / "train-labels-idx1-ubyte.gz", (1, 1))
    check(load("mnist", root=mnist.parent), X, Y, 1)
    assert len(calls) == 1


@pytest.mark.parametrize("damage", [lambda b: b[:100], lambda b: b"", lambda b: b"\x93NUMPY" + b[6:40]])
def test_a_damaged_cache_is_made_again(mnist, tmp_path, damage):
    load("mnist", root=mnist.parent)
    kept = list((tmp_path / "cache" / "decoded").iterdir())
    assert len(kept) == 4
    for path in kept:
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(damage(content))
    check(load("mnist", root=mnist.parent), X, Y, 1)


def test_without_a_place_for_the_cache_it_works_all_the_same(mnist, tmp_path):
    (tmp_path / "cache").write_text("a file, no folder")
    check(load("mnist", root=mnist.parent), X, Y, 1)


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        (
            f"{IMAGES}.gz",
            gzip.compress(IDX[f"{IMAGES}.gz"])[:-20],
            "truncated or altered.*fetch it anew from http",
        ),
        (f"{LABELS}.gz", gzip.compress(idx(Y["train"] + 1)), "truncated or altered"),
        (IMAGES, IDX[f"{IMAGES}.gz"][:-1], "needs 5504 bytes and has 5503"),
        (IMAGES, IDX[f"{IMAGES}.gz"] + b"x", "needs 5504 bytes and has 5505"),
        (IMAGES, idx(X["train"])[:3], "does not begin"),
        (IMAGES, idx(Y["train"]), "does not begin"),
        (IMAGES, bytes((0, 0, 8, 3)) + b"\xff" * 12, "needs 79228162458924105385300197391 bytes"),
        (LABELS, idx(Y["train"][:-1]), "6 labels for the 7 pictures"),
        (LABELS, idx(Y["train"] + 9), "labels-idx1-ubyte is damaged: it has the label 18"),
    ],
)
def test_a_damaged_idx_file_is_named(mnist, file, content, says):
    (mnist / f"{file.removesuffix('.gz')}.gz").unlink()
    (mnist / file).write_bytes(content)
    with pytest.raises((DataError, ValueError), match=says):
        load("mnist", root=mnist.parent)


def test_what_is_missing_and_cannot_be_fetched_is_named_with_its_place(mnist):
    path = mnist / "t10k-labels-idx1-ubyte.gz"
    path.unlink()
    with pytest.raises(DataError) as error:
        load("mnist", root=mnist.parent)
    assert f"fetch http://127.0.0.1:9/{path.name} elsewhere and put it at {path}" in str(error.value)


# CIFAR


def records(x, y, label_bytes):
    labels = np.stack([np.full(len(y), 77), y][2 - label_bytes :], axis=1).astype(np.uint8)
    return np.concatenate([labels, x.reshape(len(x), -1)], axis=1).tobytes()


def tiny_cifar(label_bytes):
    """A tiny CIFAR with training records in two files, and what they hold."""
    train, test = RGB["train"], RGB["test"]
    return (
        (("bin/a.bin", 4), ("bin/b.bin", 2)),
        (("bin/test.bin", 2),),
        {
            "bin/a.bin": records(train[:4], RGB_Y["train"][:4], label_bytes),
            "bin/b.bin": records(train[4:], RGB_Y["train"][4:], label_bytes),
            "bin/test.bin": records(test, RGB_Y["test"], label_bytes),
        },
    )


@pytest.fixture(params=[1, 2])
def cifar(request, tmp_path, monkeypatch):
    """A tiny CIFAR-10 or CIFAR-100 archive in the root."""
    train, test, contents = tiny_cifar(request.param)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    name = {1: "cifar10", 2: "cifar100"}[request.param]
    source = replace(
        SOURCES[name], train=train, test=test, archive=nowhere(SOURCES[name].archive.file, buffer.getvalue())
    )
    monkeypatch.setitem(SOURCES, name, source)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "root" / name
    folder.mkdir(parents=True)
    (folder / source.archive.file).write_bytes(buffer.getvalue())
    return name, folder, folder / source.archive.file, contents


def test_cifar_archive(cifar):
    name, folder, _, _ = cifar
    check(load(name, root=folder.parent), RGB, RGB_Y, 3)


@pytest.mark.parametrize("place", ["", ".."])
def test_cifar_unpacked(cifar, place):
    name, folder, archive, contents = cifar
    archive.unlink()
    for file, content in contents.items():
        path = folder / place / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    check(load(name, root=folder.parent), RGB, RGB_Y, 3)
    path.write_bytes(contents["bin/test.bin"][:-1])
    with pytest.raises(DataError, match=r"test\.bin is damaged: it needs \d+ bytes"):
        load(name, root=folder.parent)
    path.unlink()
    with pytest.raises(DataError, match=r"lacks bin/test\.bin"):
        load(name, root=folder.parent)


def test_an_altered_cifar_archive_is_named(cifar):
    name, folder, archive, _ = cifar
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(DataError, match=f"{archive.name} is truncated or altered"):
        load(name, root=folder.parent)


def test_a_pickle_is_not_read(cifar):
    """The Python version runs code when it is read: it is refused, whatever is in it."""
    name, folder, archive, _ = cifar
    archive.unlink()
    python = folder / SOURCES[name].python_version[0]
    python.write_bytes(b"cos\nabort\n(tR.")
    with pytest.raises(DataError, match=r"is the Python version, a pickle.*put it at"):
        load(name, root=folder.parent)


# Facts about the sources


@pytest.mark.parametrize("name", SOURCES)
def test_sources_have_several_mirrors_and_a_checksum(name):
    source = SOURCES[name]
    remotes = source.files if isinstance(source, IdxSet) else (source.archive,)
    for remote in remotes:
        assert len({url.split("/")[2] for url in remote.urls}) >= 2
        assert all(url.endswith("/" + remote.file) for url in remote.urls)
        kind, _, digest = remote.checksum.partition(":")
        assert len(bytes.fromhex(digest)) == hashlib.new(kind).digest_size
    assert len(set(source.classes)) == {"cifar100": 100}.get(name, 10)
    if isinstance(source, CifarSet):
        assert sum(n for _, n in source.train) == 50_000
        assert sum(n for _, n in source.test) == 10_000


# Parquet


def png(image):
    buffer = io.BytesIO()
    Image.fromarray(image if image.ndim == 2 else image.transpose(1, 2, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def write_parquet(path, x, y, *, column="image", label="label", names=None, rows=None):
    pictures = pa.array([{"bytes": png(i), "path": None} for i in x])
    table = pa.table({column: rows or pictures, label: pa.array(y)})
    if names:
        features = {label: {"names": names, "_type": "ClassLabel"}, column: {"_type": "Image"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("mnist/train.parquet", "mnist/test.parquet"),
        ("mnist/data/train-00000-of-00001.parquet", "mnist/data/test-00000-of-00001.parquet"),
        ("MNIST/train.parquet", "MNIST/test.parquet"),
    ],
)
def test_parquet_is_found_in_the_root(tmp_path, train, test):
    names = [f"digit {i}" for i in range(10)]
    write_parquet(tmp_path / train, X["train"], Y["train"], names=names)
    write_parquet(tmp_path / test, X["test"], Y["test"], names=names)
    split = load("mnist", root=tmp_path)
    check(split, X, Y, 1)
    assert split.train.classes == tuple(names)


def test_a_folder_of_several_sets_is_none(tmp_path):
    for name in ("mnist", "other"):
        write_parquet(tmp_path / name / "train.parquet", X["train"], Y["train"])
    with pytest.raises(DataError, match=r"holds several data sets; name one of them: .*mnist, .*other"):
        load(tmp_path)


def test_parquet_in_pieces_and_in_colour(tmp_path, monkeypatch):
    for i, part in enumerate((slice(0, 4), slice(4, 6))):
        write_parquet(
            tmp_path / "cifar100" / f"train-0000{i}-of-00002.parquet",
            RGB["train"][part],
            RGB_Y["train"][part],
            column="img",
            label="fine_label",
        )
    write_parquet(
        tmp_path / "cifar100" / "test.parquet", RGB["test"], RGB_Y["test"], column="img", label="fine_label"
    )
    split = load("cifar100", root=tmp_path)
    check(split, RGB, RGB_Y, 3)
    assert split.train.classes == SOURCES["cifar100"].classes
    own = load(tmp_path / "cifar100")  # by its path, too
    check(own, RGB, RGB_Y, 3)
    assert own.train.classes == tuple("0123456789")
    # no other set takes it for its own
    monkeypatch.setattr(official, "fetch", lambda remote, folder: 1 / 0)
    for name in ("mnist", "cifar10"):
        with pytest.raises(ZeroDivisionError):
            load(name, root=tmp_path)


def test_one_parquet_file_of_pictures_is_split_at_random(tmp_path):
    write_parquet(tmp_path / "mine.parquet", X["train"], Y["train"] % 2)
    split = load(tmp_path / "mine.parquet", test_size=0.4)
    assert len(split.test) == 3
    assert np.concatenate([split.train.y, split.test.y]).sum() == (Y["train"] % 2).sum()


def test_another_set_under_the_name_is_noticed(tmp_path):
    for part in ("train", "test"):
        write_parquet(tmp_path / "cifar10" / f"{part}.parquet", RGB[part], RGB_Y[part], names=["x"] * 20)
    with pytest.raises(DataError, match="cifar10 has 10 classes, but the files say 20"):
        load("cifar10", root=tmp_path)


@pytest.mark.parametrize(
    ("rows", "labels", "label", "says"),
    [
        (
            [{"bytes": png(X["train"][0])}, {"bytes": b"no picture"}],
            [0, 1],
            "label",
            "row 1 is not a picture",
        ),
        (
            [{"bytes": png(X["train"][0])}, {"bytes": png(X["train"][0])[:200]}],
            [0, 1],
            "label",
            "row 1 cannot be read",
        ),
        (
            [{"bytes": png(X["train"][0])}, {"bytes": png(X["train"][0, :9])}],
            [0, 1],
            "label",
            r"shape \(1, 9, 28\)",
        ),
        ([{"bytes": png(X["train"][0])}, {"bytes": None}], [0, 1], "label", "row 1 has no picture"),
        ([{"bytes": png(X["train"][0])}] * 2, [0, None], "label", "row 1 has no picture or no label"),
        ([{"bytes": png(X["train"][0])}] * 2, [0, -1], "label", "classes 0 to 0, got -1"),
        ([{"bytes": png(X["train"][0])}] * 2, [0, 10**9], "label", "are no classes"),
        ([{"bytes": png(X["train"][0])}] * 2, [0, 1], "answer", "label or labels .* got image, answer"),
    ],
)
def test_bad_parquet(tmp_path, rows, labels, label, says):
    write_parquet(tmp_path / "train.parquet", [], labels, rows=pa.array(rows), label=label)
    with pytest.raises((DataError, ValueError), match=says):
        load(tmp_path)


def test_damaged_parquet(tmp_path):
    write_parquet(tmp_path / "mnist" / "train.parquet", X["train"], Y["train"])
    write_parquet(tmp_path / "mnist" / "test.parquet", X["test"], Y["test"])
    path = tmp_path / "mnist" / "test.parquet"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(DataError, match=r"test\.parquet is damaged: .*; copy or download it again$"):
        load("mnist", root=tmp_path)


def test_parquet_of_pictures_is_told_from_a_table(tmp_path):
    pq.write_table(pa.table({"a": [1.0, 2.0], "b": ["x", "y"]}), tmp_path / "table.parquet")
    assert not parquet.has_pictures(tmp_path / "table.parquet")


# The real ones

REAL = os.environ.get("YUANLI_DATA", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape", "counts", "mean", "std", "last"),
    [
        # per-class counts of the training set; mean and deviation of its pixels over 255, as widely published
        (
            "mnist",
            (1, 28, 28),
            [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
            [0.1307],
            [0.3081],
            "9",
        ),
        ("cifar10", (3, 32, 32), [5000] * 10, [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616], "truck"),
    ],
)
def test_real_sets(name, shape, counts, mean, std, last, monkeypatch):
    if not os.path.isdir(os.path.join(REAL, name)):
        pytest.skip("not in YUANLI_DATA")
    split = load(name, root=REAL)
    assert split.train.x.shape == (sum(counts), *shape)
    assert split.test.x.shape == (10_000, *shape)
    assert np.bincount(split.train.y).tolist() == counts
    assert split.train.classes[-1] == last
    np.testing.assert_allclose(split.train.x.mean((0, 2, 3)) / 255, mean, atol=1e-3)
    np.testing.assert_allclose(split.train.x.std((0, 2, 3)) / 255, std, atol=3e-3)  # pixels of JPEG differ
