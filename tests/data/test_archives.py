"""Archives made to harm, or merely broken."""

import gzip
import io
import tarfile

import pytest

from yuanli.data import archives
from yuanli.data.archives import read_gzip, read_tar
from yuanli.errors import DataError

SIZES = {"set/a.bin": 5, "set/b.bin": 3}


def member(name, content=b"", **attributes):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, content


GOOD = [member("set/a.bin", b"aaaaa"), member("set/b.bin", b"bbb")]


def archive(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    "others",
    [
        [],
        [member("set/readme.html", b"<html>")],
        [member("../../evil", b"x"), member("/etc/evil", b"x"), member("set/../a.bin", b"12345")],
        [member("link", type=tarfile.SYMTYPE, linkname="/etc/passwd")],
    ],
)
def test_what_is_wanted_is_read_and_nothing_is_written(tmp_path, others):
    path = archive(tmp_path / "a.tar.gz", others + GOOD)
    assert read_tar(path, SIZES) == {"set/a.bin": b"aaaaa", "set/b.bin": b"bbb"}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("members", "says"),
    [
        (GOOD[:1], "lacks set/b.bin"),
        ([], "lacks set/a.bin, set/b.bin"),
        ([GOOD[0], *GOOD], "a.bin is not one plain file of 5 bytes"),
        ([member("set/a.bin", b"aaaa"), GOOD[1]], "a.bin is not one plain file of 5 bytes"),
        ([member("set/a.bin", type=tarfile.SYMTYPE, linkname="/etc/passwd"), GOOD[1]], "not one plain file"),
        ([member("set/a.bin", type=tarfile.LNKTYPE, linkname="set/b.bin"), GOOD[1]], "not one plain file"),
        ([member("set/a.bin", type=tarfile.DIRTYPE), GOOD[1]], "not one plain file"),
        ([member(f"n{i}") for i in range(101)] + GOOD, "more than 100 members"),
    ],
)
def test_what_is_not_as_expected(tmp_path, members, says):
    path = archive(tmp_path / "a.tar.gz", members)
    with pytest.raises(DataError, match=says) as error:
        read_tar(path, SIZES)
    assert str(path) in str(error.value)
    assert "fetch it anew" in str(error.value)


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "SLACK", 1 << 20)
    path = archive(tmp_path / "bomb.tar.gz", [member("zeros", bytes(8 << 20)), *GOOD])
    with pytest.raises(DataError, match="unpacks to more"):
        read_tar(path, SIZES)
    packed = tmp_path / "bomb.gz"
    packed.write_bytes(gzip.compress(bytes(1 << 20)))
    with pytest.raises(DataError, match="more than 1000 bytes"):
        read_gzip(packed, 1000)


@pytest.mark.parametrize("length", [0, 1, 10, 60, -1, -12])
def test_truncated_anywhere_it_is_damaged(tmp_path, length):
    path = archive(tmp_path / "a.tar.gz", [*GOOD, member("rest", bytes(range(256)) * 200)])
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match="damaged"):
        read_tar(path, SIZES)


def test_altered_it_is_damaged(tmp_path):
    path = tmp_path / "a.gz"
    content = bytearray(gzip.compress(bytes(range(256)) * 50))
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        read_gzip(path, 1 << 20)
    assert path.exists()
