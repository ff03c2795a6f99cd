"""Archives, read by allow-list into memory: nothing is written, nothing larger than expected is unpacked."""

import gzip
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yuanli.errors import DataError

MEMBERS = 100  # more than any archive read here has
SLACK = 16 << 20  # bytes of an archive besides the members wanted: a readme, lists of names, padding


def read_gzip(path: Path, limit: int) -> bytes:
    """What the .gz file holds.  Raises: DataError when it is damaged or holds more than `limit` bytes."""
    try:
        with gzip.open(path) as file:
            content = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(path, error) from None
    if len(content) > limit:
        raise damaged(path, f"it holds more than {limit} bytes")
    return content


def read_tar(path: Path, sizes: Mapping[str, int]) -> dict[str, bytes]:
    """The members called as in `sizes`, each exactly that long, of a .tar.gz file; others are passed over.

    Raises: DataError when it is damaged, when one is missing, there twice, no plain file or of another
    length, or when there is more in it than such an archive has.
    """
    found: dict[str, bytes] = {}
    try:
        with gzip.open(path) as unpacked:
            stream = _Limited(unpacked, sum(sizes.values()) + SLACK)
            with tarfile.open(fileobj=stream, mode="r|") as tar:  # type: ignore[call-overload]
                for count, member in enumerate(tar):
                    if count >= MEMBERS:
                        raise damaged(path, f"it has more than {MEMBERS} members")
                    if (name := member.name) not in sizes:
                        continue
                    file = tar.extractfile(member) if member.isreg() else None
                    if file is None or member.size != sizes[name] or name in found:
                        raise damaged(path, f"{name} is not one plain file of {sizes[name]} bytes")
                    found[name] = file.read()
            while stream.read(1 << 16):  # to the end, where gzip's checksum is
                pass
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise damaged(path, error) from None
    if missing := [name for name in sizes if name not in found]:
        raise damaged(path, f"it lacks {', '.join(missing)}")
    return found


def damaged(path: Path, why: object) -> DataError:
    """The error for a file that is not what it should be."""
    return DataError(f"{path} is damaged: {why}; delete it and load the data set again to fetch it anew")


class _Limited:
    """A stream that refuses to give more than `limit` bytes in all."""

    def __init__(self, file: Any, limit: int) -> None:
        self.file = file
        self.left = limit

    def read(self, size: int) -> bytes:
        chunk = self.file.read(min(size, self.left + 1))
        self.left -= len(chunk)
        if self.left < 0:
            raise tarfile.ReadError("it unpacks to more than such an archive holds")
        return chunk
