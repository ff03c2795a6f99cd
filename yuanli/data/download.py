"""Files from the network: once, from the first mirror that works, resumed where they broke off, checked."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from yuanli.data.progress import bar
from yuanli.errors import DataError

TIMEOUT = (10, 60)  # seconds to connect, and without a byte
ATTEMPTS = 5  # at one mirror, as long as each brings the file further
LIMIT = 1 << 30  # bytes; no file here is as large


@dataclass(frozen=True)
class Remote:
    """A published file: its name, its checksum ("md5:…" or "sha256:…") and the addresses that have it."""

    file: str
    checksum: str
    urls: tuple[str, ...]


def fetch(remote: Remote, folder: Path) -> Path:
    """The file in `folder`, downloaded first if it is not there.

    Raises: DataError when it is not the published file, or no mirror gives it.
    """
    path = folder / remote.file
    if not path.exists():
        _download(remote, path)
    elif not is_published(remote, path):
        raise DataError(
            f"{path} is truncated or altered: it has another checksum than the published file; delete it and "
            f"load again to fetch it anew from {remote.urls[0]}"
        )
    return path


def is_published(remote: Remote, path: Path) -> bool:
    """Whether the file has the published checksum."""
    import pooch

    algorithm, _, digest = remote.checksum.partition(":")
    return pooch.file_hash(str(path), alg=algorithm) == digest.lower()


def _download(remote: Remote, path: Path) -> None:
    import pooch
    import requests

    pooch.get_logger().setLevel("ERROR")
    part = path.with_name(path.name + ".part")
    failures = []
    for url in remote.urls:
        for _ in range(ATTEMPTS):
            before = _size(part)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                pooch.retrieve(url, remote.checksum, path.name, path.parent, downloader=_resuming(part))
                return
            except (requests.RequestException, OSError, ValueError) as error:
                reason = _reason(error)
            # again if it came further, or if an old part was to blame and is gone
            if not (_size(part) > before or (before and not _size(part))):
                break
        failures.append(f"{url}: {reason}")
    raise DataError(
        f"cannot download {remote.file}: {'; '.join(failures)}.  Load again to go on where it stopped; "
        f"without a network, fetch {remote.urls[0]} elsewhere and put it at {path}"
    )


def _resuming(part: Path) -> Callable:
    """A downloader for pooch that keeps what has come in `part`, and asks only for the rest of it."""

    def download(url: str, output_file: str, pooch: object) -> None:
        import requests

        have = _size(part)
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if response.status_code == 416:  # there is no rest: complete, or not a part of this file
                part.replace(output_file)
                return
            response.raise_for_status()
            resumed = response.status_code == 206
            if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                raise OSError("the server sent another part than the one asked for")
            done = have if resumed else 0
            length = response.headers.get("Content-Length")
            total = done + int(length) if length else None
            with (
                open(part, "ab" if resumed else "wb") as file,
                bar(total, part.stem, done, "bytes") as advance,
            ):
                for chunk in response.iter_content(1 << 16):
                    done += len(chunk)
                    if done > LIMIT:
                        raise OSError(f"more than {LIMIT} bytes came")
                    file.write(chunk)
                    advance(len(chunk))
            if total is not None and done != total:
                raise OSError(f"the connection ended after {done} of {total} bytes")
        part.replace(output_file)

    return download


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _reason(error: Exception) -> str:
    """In a few words, where requests writes a paragraph."""
    import requests

    match error:
        case requests.HTTPError(response=requests.Response() as response):
            return f"the server answered {response.status_code}"
        case requests.Timeout():
            return "no answer in time"
        case requests.exceptions.ChunkedEncodingError():
            return "the connection ended early"
        case requests.ConnectionError():
            return "no connection"
        case OSError():
            return str(error)
        case _:
            return "what came has another checksum than the published file"
