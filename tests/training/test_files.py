"""Saved trees: what goes in comes out bit for bit; whatever is damaged is told from what is whole."""

import json

import numpy as np
import pytest

from yuanli.errors import CheckpointError
from yuanli.training import files

TREE = {
    "weights": {"conv1.weight": np.arange(6, dtype=np.float32).reshape(2, 3).T, "n": np.array(7, np.int64)},
    "empty": np.zeros((0, 3)),
    "mask": np.array([True, False]),
    "list": [np.array([1.5]), {"deep": [np.array([2], np.uint8)]}, None, "文字", 3, 0.1, True],
    "state": np.random.default_rng(0).bit_generator.state,
    "number": np.float32(0.5),
}


def assert_equal(a, b):
    if isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            assert_equal(a[key], b[key])
    elif isinstance(a, list):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_equal(one, other)
    elif isinstance(a, np.ndarray):
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    else:
        assert a == b


def test_a_tree_comes_back_as_it_was(tmp_path):
    files.save(tmp_path / "a.safetensors", TREE)
    assert_equal(TREE, files.load(tmp_path / "a.safetensors"))


def test_the_same_tree_gives_the_same_bytes_and_no_other_file(tmp_path):
    for name in "ab":
        files.save(tmp_path / name, TREE)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert {p.name for p in tmp_path.iterdir()} == {"a", "b"}


def test_any_safetensors_reader_finds_the_arrays_by_name(tmp_path):
    from safetensors.numpy import load_file

    files.save(tmp_path / "a", TREE)
    np.testing.assert_array_equal(
        load_file(tmp_path / "a")["weights/conv1.weight"], TREE["weights"]["conv1.weight"]
    )


def test_every_cut_and_every_flipped_byte_is_noticed(tmp_path):
    path = tmp_path / "a"
    files.save(path, {"x": np.arange(4, dtype=np.float32), "text": "hello"})
    whole = path.read_bytes()
    for n in range(len(whole)):
        flipped = whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :]
        for damaged in (whole[:n], flipped):
            path.write_bytes(damaged)
            with pytest.raises(CheckpointError, match=str(path)):
                files.load(path)


def test_files_of_others_are_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(3)}, tmp_path / "theirs")
    with pytest.raises(CheckpointError, match="not one that yuanli wrote"):
        files.load(tmp_path / "theirs")
    with pytest.raises(CheckpointError, match="no such file"):
        files.load(tmp_path / "nothing")
    with pytest.raises(CheckpointError, match="no such file"):
        files.load(tmp_path)


def test_a_tree_that_cannot_be_saved_leaves_the_old_file(tmp_path):
    files.save(tmp_path / "a", {"x": 1})
    for bad in ({1: 2}, {"x": object()}):
        with pytest.raises(TypeError):
            files.save(tmp_path / "a", bad)
    assert files.load(tmp_path / "a") == {"x": 1}
    assert json.dumps(files.load(tmp_path / "a"))


@pytest.mark.parametrize(
    "text",
    ["{", "[1]", "[" * 100_000, '{"a": {"$array": "none"}}', '{"a": {"$array": [1]}}', '"text"'],
    ids=["cut", "no names", "deep", "array that is not there", "array without name", "text"],
)
def test_a_file_made_to_harm_is_damaged(tmp_path, text):
    """Its checksum is right: whoever makes such a file can reckon one."""
    from safetensors.numpy import save

    header = {"yuanli": f"{files._crc(text, {}):08x}{text}"}
    (tmp_path / "a").write_bytes(save({}, metadata=header))
    with pytest.raises(CheckpointError, match="a is damaged"):
        files.load(tmp_path / "a")
