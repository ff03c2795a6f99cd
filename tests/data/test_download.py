"""Downloads, from a server of our own on this machine that misbehaves in every way we know."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from yuanli.data import download
from yuanli.data.download import Remote, fetch
from yuanli.errors import DataError

CONTENT = bytes(range(256)) * 1200  # 300 kB, several pieces
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Handler(BaseHTTPRequestHandler):
    """/good answers ranges, /plain does not, /wrong has other bytes, /shift gives another range than asked.

    /cut never gives more than 2¹⁷ bytes, /stop not the first time; both say that more comes.
    """

    def do_GET(self):
        way = self.path.split("/")[1]
        wanted = self.headers.get("Range")
        self.server.requests.append((way, wanted))
        if way == "missing":
            self.send_error(404)
            return
        body = CONTENT[::-1] if way == "wrong" else CONTENT
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and way != "plain" else 0
        if start >= len(body):
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            first = start + (way == "shift")
            self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        short = way == "cut" or (way == "stop" and not start)
        self.wfile.write(body[start : start + (1 << 17)] if short else body[start:])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def remote(server, *ways):
    return Remote(
        "file.gz", CHECKSUM, tuple(f"http://127.0.0.1:{server.server_port}/{way}/file.gz" for way in ways)
    )


@pytest.mark.parametrize(
    ("ways", "requests"),
    [
        (["good"], [("good", None)]),
        (["plain"], [("plain", None)]),
        (["missing", "good"], [("missing", None), ("good", None)]),
        (["wrong", "good"], [("wrong", None), ("good", None)]),
        # cut off every 2¹⁷ bytes: each time it asks for the rest
        (["cut"], [("cut", None), ("cut", "bytes=131072-"), ("cut", "bytes=262144-")]),
        (["stop", "good"], [("stop", None), ("stop", "bytes=131072-")]),
    ],
)
def test_it_arrives(server, tmp_path, ways, requests, capfd):
    path = fetch(remote(server, *ways), tmp_path / "new" / "folder")
    assert path.read_bytes() == CONTENT
    assert server.requests == requests
    assert [p.name for p in path.parent.iterdir()] == ["file.gz"]
    fetch(remote(server, *ways), path.parent)
    assert server.requests == requests  # once is enough
    assert "".join(capfd.readouterr()) == ""  # no bars and no remarks where nobody watches


def test_an_interrupted_download_goes_on_where_it_stopped(server, tmp_path, monkeypatch):
    class Interrupt:
        def __enter__(self):
            return self.advance

        def __exit__(self, *error):
            return None

        def advance(self, n):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(download, "bar", lambda *a: Interrupt())
        with pytest.raises(KeyboardInterrupt):
            fetch(remote(server, "good"), tmp_path)
    done = (tmp_path / "file.gz.part").stat().st_size
    assert 0 < done < len(CONTENT)
    assert fetch(remote(server, "good"), tmp_path).read_bytes() == CONTENT
    assert server.requests == [("good", None), ("good", f"bytes={done}-")]


@pytest.mark.parametrize(
    "part",
    [CONTENT[::-1][:1000], CONTENT + b"more", CONTENT[::-1]],
    ids=["another file's", "too long", "altered"],
)
def test_a_part_that_does_not_belong_is_given_up(server, tmp_path, part):
    (tmp_path / "file.gz.part").write_bytes(part)
    assert fetch(remote(server, "good"), tmp_path).read_bytes() == CONTENT
    assert len(server.requests) == 2
    assert server.requests[1] == ("good", None)


def test_a_part_that_is_complete_needs_nothing_more(server, tmp_path):
    (tmp_path / "file.gz.part").write_bytes(CONTENT)
    assert fetch(remote(server, "good"), tmp_path).read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_a_server_that_sends_another_range_is_not_believed(server, tmp_path):
    (tmp_path / "file.gz.part").write_bytes(CONTENT[:1000])
    with pytest.raises(DataError, match="another part"):
        fetch(remote(server, "shift"), tmp_path)


def test_a_flood_is_stopped(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "LIMIT", 100_000)
    with pytest.raises(DataError, match="more than 100000 bytes"):
        fetch(remote(server, "good"), tmp_path)


def test_offline_says_what_to_do(server, tmp_path):
    source = Remote("file.gz", CHECKSUM, ("http://127.0.0.1:9/a/file.gz", remote(server, "missing").urls[0]))
    with pytest.raises(DataError) as error:
        fetch(source, tmp_path)
    message = str(error.value)
    assert "http://127.0.0.1:9/a/file.gz: no connection" in message
    assert "the server answered 404" in message
    assert f"put it at {tmp_path / 'file.gz'}" in message


def test_a_wrong_file_from_everywhere_is_an_error_and_leaves_nothing(server, tmp_path):
    with pytest.raises(DataError, match="another checksum"):
        fetch(remote(server, "wrong"), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT[::-1], b""])
def test_an_altered_file_is_named_with_the_way_to_fetch_it_again(server, tmp_path, content):
    (tmp_path / "file.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"file\.gz is truncated or altered.*delete it and load again.*http"):
        fetch(remote(server, "good"), tmp_path)
    assert server.requests == []


def test_a_folder_that_cannot_be_written(server, tmp_path):
    (tmp_path / "taken").write_text("a file, no folder")
    with pytest.raises(DataError, match="cannot download"):
        fetch(remote(server, "good"), tmp_path / "taken" / "folder")
