"""Picture files of every mode, and folders of them as users have them."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from yuanli.data import load, pictures
from yuanli.data.pictures import decode, read_pictures
from yuanli.errors import DataError, ValueRangeError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
ALPHA = np.concatenate([COLOUR, np.where(GREY > 127, 255, 0)[..., None].astype(np.uint8)], axis=-1)
ON_WHITE = np.where(ALPHA[..., 3:] == 255, COLOUR, 255).astype(np.uint8)
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, what "L" means to Pillow


def saved(picture, form="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


PALETTE = Image.fromarray(COLOUR).quantize(35)
UPSIDE_DOWN = Image.Exif()
UPSIDE_DOWN[0x0112] = 6  # turn it a quarter clockwise


@pytest.mark.parametrize(
    ("content", "channels", "expected"),
    [
        (saved(Image.fromarray(GREY)), 1, GREY),
        (saved(Image.fromarray(GREY)), 3, np.stack([GREY] * 3, -1)),
        (saved(Image.fromarray(GREY), "BMP"), 1, GREY),
        (saved(Image.fromarray(GREY), "TIFF"), 1, GREY),
        (saved(Image.fromarray(GREY), "GIF"), 1, GREY),
        (saved(Image.fromarray(GREY), "PPM"), 1, GREY),
        (saved(Image.fromarray(COLOUR)), 3, COLOUR),
        (saved(Image.fromarray(COLOUR), "WEBP", lossless=True), 3, COLOUR),
        (saved(Image.fromarray(GREY > 127)), 1, np.where(GREY > 127, 255, 0)),
        (saved(Image.fromarray(GREY.astype(np.uint16) * 257)), 1, GREY),
        (saved(PALETTE), 3, np.asarray(PALETTE.convert("RGB"))),
        (saved(Image.fromarray(ALPHA)), 3, ON_WHITE),
        (
            saved(Image.fromarray(np.stack([GREY, ALPHA[..., 3]], -1))),
            1,
            np.where(ALPHA[..., 3] == 255, GREY, 255),
        ),
        (saved(Image.fromarray(GREY), exif=UPSIDE_DOWN), 1, np.rot90(GREY, -1)),
        (
            saved(Image.fromarray(GREY), "GIF", save_all=True, append_images=[Image.fromarray(255 - GREY)]),
            1,
            GREY,
        ),
    ],
)
def test_modes(content, channels, expected):
    got = decode(content, "it", channels)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, expected[None] if channels == 1 else expected.transpose(2, 0, 1))


def test_colour_to_grey_is_luma():
    got = decode(saved(Image.fromarray(COLOUR)), "it", 1)[0].astype(float)
    np.testing.assert_allclose(got, COLOUR @ LUMA, atol=1)


def bomb(side):
    """A PNG of a few bytes that says it has side × side pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(9999)))
        + chunk(b"IEND", b"")
    )


GOOD = saved(Image.fromarray(COLOUR))
BAD = [
    (b"", "is not a picture"),
    (b"GIF89a", "not a picture|cannot be read"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a picture"),
    (GOOD[:60], "cannot be read"),
    (GOOD[:40] + bytes(20) + GOOD[60:], "or damaged"),
    (saved(Image.fromarray(COLOUR), "JPEG")[:-300], "cannot be read"),
    (bomb(30_000), "more than 64,000,000"),
    (bomb(9_000), "9000×9000 pixels, more than 64,000,000"),
    (saved(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "floating-point"),
]


@pytest.mark.parametrize(("content", "says"), BAD)
def test_bad_pictures_are_named(tmp_path, content, says):
    path = tmp_path / "this one.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says) as error:
        read_pictures([path], channels=3)
    assert "this one.png" in str(error.value)


@pytest.mark.parametrize("seed", range(60))
def test_no_damage_is_more_than_a_data_error(seed):
    """Some bytes changed anywhere: a picture or a DataError, never anything else."""
    rng = np.random.default_rng(seed)
    forms = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
    content = bytearray(saved(Image.fromarray(COLOUR), forms[seed % len(forms)]))
    for place in rng.integers(0, len(content), 4):
        content[place] = rng.integers(256)
    with contextlib.suppress(DataError):
        assert decode(bytes(content), "it", 3).dtype == np.uint8


def test_pictures_for_a_model_are_resized_to_its_size(tmp_path):
    for name, shape in (("a.png", (8, 8)), ("b.png", (4, 6))):
        Image.fromarray(np.full(shape, 40, np.uint8)).save(tmp_path / name)
    files = [tmp_path / "a.png", str(tmp_path / "b.png")]
    np.testing.assert_array_equal(read_pictures(files, channels=3, size=(5, 3)), np.full((2, 3, 5, 3), 40))
    with pytest.raises(DataError, match=r"one size are needed.*8×8 pixels.*4×6"):
        read_pictures(files, channels=1)
    with pytest.raises(DataError, match="no picture at"):
        read_pictures([tmp_path / "c.png"], channels=1)
    with pytest.raises(DataError, match="no picture was given"):
        read_pictures([], channels=1)
    with pytest.raises(ValueRangeError, match="channels=2"):
        read_pictures(files, channels=2)


# Folders


def folder(root, files):
    """{path: array or bytes} written below root."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            Image.fromarray(content).save(path)
    return root


def grey(value, shape=(4, 4)):
    return np.full(shape, value, np.uint8)


CATS = {f"cat/{i}.png": grey(i) for i in range(10)}
DOGS = {f"dog/{i}.png": grey(100 + i) for i in range(10)}


def test_a_sub_folder_is_a_class(tmp_path):
    split = load(folder(tmp_path / "pets", CATS | DOGS))
    assert split.train.name == "pets"
    assert split.train.classes == ("cat", "dog")
    assert (len(split.train), len(split.test)) == (16, 4)
    assert split.train.x.shape == (16, 1, 4, 4)
    assert split.notes == ()
    for part in (split.train, split.test):
        np.testing.assert_array_equal(part.y, part.x[:, 0, 0, 0] >= 100)
    seen = np.concatenate([split.train.x, split.test.x])[:, 0, 0, 0]
    assert sorted(seen) == [*range(10), *range(100, 110)]


@pytest.mark.parametrize("test", ["test", "val", "validation"])
def test_train_and_test_are_the_split(tmp_path, test):
    files = {f"train/{k}": v for k, v in (CATS | DOGS).items()} | {f"{test}/dog/9.png": grey(200)}
    split = load(folder(tmp_path, files))
    assert (len(split.train), len(split.test)) == (20, 1)
    assert split.test.y.tolist() == [1]
    assert split.test.x[0, 0, 0, 0] == 200


def test_train_alone_is_split_at_random(tmp_path):
    split = load(folder(tmp_path, {f"train/{k}": v for k, v in (CATS | DOGS).items()}))
    assert (split.train.classes, len(split.test)) == (("cat", "dog"), 4)


def test_sizes_and_modes_become_common_and_are_noted(tmp_path):
    files = (
        CATS
        | DOGS
        | {"dog/big.png": grey(9, (40, 20)), "dog/red.png": np.full((4, 4, 3), [200, 0, 0], np.uint8)}
    )
    split = load(folder(tmp_path, files))
    assert split.train.x.shape[1:] == (3, 4, 4)
    assert "1 of 22 pictures were resized to 4×4" in split.notes
    assert "21 grey pictures became colour ones, as the other 1 are" in split.notes
    x = np.concatenate([split.train.x, split.test.x])
    assert sum(np.array_equal(i, np.broadcast_to([[[200]], [[0]], [[0]]], (3, 4, 4))) for i in x) == 1
    assert sum(np.all(i == 9) for i in x) == 2  # the big one and cat 9


def test_when_no_size_is_frequent_the_median_is_taken(tmp_path):
    files = {f"{'ab'[i % 2]}/{i}.png": grey(i, (10 + i, 20 + 2 * i)) for i in range(9)}
    split = load(folder(tmp_path, files), test_size=0.3)
    assert split.train.x.shape[2:] == (14, 28)
    assert "8 of 9" in split.notes[0]


def test_large_pictures_are_made_smaller(tmp_path):
    files = {f"{'ab'[i % 2]}/{i}.png": grey(i, (300, 600)) for i in range(6)}
    split = load(folder(tmp_path, files), test_size=0.4)
    assert split.train.x.shape[2:] == (128, 256)
    assert "6 of 6 pictures were resized to 128×256" in split.notes


def test_what_is_no_picture_is_left_out_with_a_note(tmp_path):
    files = (
        CATS
        | DOGS
        | {"cat/.hidden.png": b"x", "dog/notes.txt": b"x", "Thumbs.db": b"x", "__MACOSX/a.png": grey(1)}
    )
    split = load(folder(tmp_path, files))
    assert len(split.train) + len(split.test) == 20
    assert split.train.classes == ("cat", "dog")
    assert split.notes[0].startswith("4 files are no pictures of a class and were left out, first ")


def test_deeper_folders_belong_to_the_class(tmp_path):
    split = load(folder(tmp_path, CATS | {f"dog/more/{k}": v for k, v in DOGS.items()}))
    assert split.train.classes == ("cat", "dog")
    assert len(split.train) + len(split.test) == 20


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (
            {"a.png": grey(1), "b.png": grey(2)},
            "sub-folder of pictures for each of two or more classes, got none",
        ),
        (CATS, "two or more classes, got cat"),
        (CATS | {"dog/readme.txt": b"x"}, "no pictures in dog"),
        (CATS | DOGS | {"dog/bad.png": b"broken"}, r"bad\.png is not a picture"),
        (CATS | DOGS | {"dog/bad.png": GOOD[:60]}, r"bad\.png cannot be read"),
        (
            {f"train/{k}": v for k, v in (CATS | DOGS).items()}
            | {"test/cow/1.png": grey(1), "test/cat/1.png": grey(1)},
            "has not: cow",
        ),
        (
            {f"train/{k}": v for k, v in (CATS | DOGS).items()} | {"test/1.png": grey(1)},
            "test has no sub-folder",
        ),
    ],
)
def test_bad_folders(tmp_path, files, says):
    with pytest.raises(DataError, match=says):
        load(folder(tmp_path, files))


def test_too_much_for_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "BYTES", 200)
    with pytest.raises(DataError, match="GiB"):
        load(folder(tmp_path, CATS | DOGS))


def test_a_link_in_a_circle_ends(tmp_path):
    root = folder(tmp_path / "pets", CATS | DOGS)
    (root / "cat" / "again").symlink_to(root)
    split = load(root)
    assert len(split.train) + len(split.test) == 20
