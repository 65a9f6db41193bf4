"""Official files: found under data.root, or downloaded from a (local) server, resumed and verified."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pooch
import pytest

from aebnas.data.readers import download
from aebnas.data.readers.download import ResumingDownloader
from aebnas.data.readers.official import OfficialFile, obtain
from aebnas.errors import DataError

CONTENT = bytes(range(256)) * 1000
CHUNK = 1 << 16  # what has arrived is stored in pieces of this size


@dataclass
class Server:
    """What the server does, and what it was asked for."""

    address: str = ""
    cut_after: list[int] = field(default_factory=list)
    """For each request in turn: break the connection after so many bytes."""
    statuses: list[int] = field(default_factory=list)
    """For each request in turn: answer with this status."""
    knows_ranges: bool = True
    ranges: list[str | None] = field(default_factory=list)
    """The Range header of each request."""

    def file(self, content: bytes = CONTENT) -> OfficialFile:
        return OfficialFile(f"{self.address}/data.bin", hashlib.md5(content).hexdigest())


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.ranges.append(wanted)
            start = (
                int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and state.knows_ranges else 0
            )
            status = state.statuses.pop(0) if state.statuses else (206 if start else 200)
            if start >= len(CONTENT):
                status = 416
            body = CONTENT[start:] if status in (200, 206) else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if status in (206, 416):
                first = f"{start}-{len(CONTENT) - 1}" if status == 206 else "*"
                self.send_header("Content-Range", f"bytes {first}/{len(CONTENT)}")
            self.end_headers()
            self.wfile.write(body[: state.cut_after.pop(0)] if state.cut_after else body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.address = f"http://127.0.0.1:{http.server_address[1]}"
        yield state
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep downloads inside tmp_path, without pauses and without a proxy."""
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr(download.time, "sleep", lambda _seconds: None)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache" / "aebnas"


def test_a_file_is_downloaded_once(server: Server, cache: Path) -> None:
    for _ in range(2):
        assert obtain(server.file(), None, progress=False).read_bytes() == CONTENT
    assert server.ranges == [None]
    assert [path.name for path in cache.iterdir()] == ["data.bin"]


def test_a_broken_download_goes_on_where_it_stopped(server: Server) -> None:
    server.cut_after = [2 * CHUNK, CHUNK + 5]
    assert obtain(server.file(), None, progress=False).read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={2 * CHUNK}-", f"bytes={3 * CHUNK}-"]


def test_the_part_of_an_earlier_process_is_used(server: Server, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "data.bin.part").write_bytes(CONTENT[:1234])
    assert obtain(server.file(), None, progress=False).read_bytes() == CONTENT
    assert server.ranges == ["bytes=1234-"]


def test_a_part_that_is_complete_already_is_not_fetched_again(server: Server, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "data.bin.part").write_bytes(CONTENT)
    assert obtain(server.file(), None, progress=False).read_bytes() == CONTENT
    assert len(server.ranges) == 1


def test_a_part_that_is_too_long_is_fetched_anew(server: Server, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "data.bin.part").write_bytes(CONTENT + b"more")
    assert obtain(server.file(), None, progress=False).read_bytes() == CONTENT


def test_a_server_without_ranges_sends_the_whole_file_again(server: Server) -> None:
    server.knows_ranges, server.cut_after = False, [100_000]
    assert obtain(server.file(), None, progress=False).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server: Server) -> None:
    server.statuses = [503, 429]
    assert obtain(server.file(), None, progress=False).read_bytes() == CONTENT
    assert len(server.ranges) == 3


def test_a_missing_file_is_not_asked_for_again_and_the_cure_is_named(server: Server) -> None:
    server.statuses = [404]
    with pytest.raises(DataError, match=r"data\.bin could not be downloaded from http.*404.*data\.root"):
        obtain(server.file(), None, progress=False)
    assert len(server.ranges) == 1


def test_a_wrong_checksum_leaves_nothing_behind(server: Server, cache: Path) -> None:
    with pytest.raises(DataError, match=r"wrong checksum \(expected md5 [0-9a-f]{32}\) and was deleted"):
        obtain(server.file(b"something else"), None, progress=False)
    assert list(cache.iterdir()) == []


def test_without_a_network_the_error_names_url_file_and_option() -> None:
    file = OfficialFile("http://127.0.0.1:9/data.bin", "0" * 32)
    with pytest.raises(DataError, match=r"http://127\.0\.0\.1:9/data\.bin.*put data\.bin into.*data\.root"):
        obtain(file, None, progress=False)


def test_what_arrived_before_giving_up_is_kept(server: Server, tmp_path: Path) -> None:
    server.cut_after = [CHUNK, CHUNK]
    downloader = ResumingDownloader(tmp_path / "a.part", progress=False, attempts=2)
    with pytest.raises(DataError):
        downloader(server.file().url, str(tmp_path / "a"), None)
    assert (tmp_path / "a.part").read_bytes() == CONTENT[: 2 * CHUNK]


def test_progress_is_shown_on_standard_error(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    obtain(server.file(), None, progress=True)
    captured = capsys.readouterr()
    assert "data.bin" in captured.err
    assert captured.out == ""


# ---------------------------------------------------------------- data.root
ARCHIVE = OfficialFile("https://example.org/c.tar.gz", "0" * 32, extracted="c-bin", marker="train.bin")


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_an_archive_is_found_under_root(tmp_path: Path) -> None:
    assert obtain(ARCHIVE, put(tmp_path / "c.tar.gz").parent, progress=False) == tmp_path / "c.tar.gz"


def test_an_extracted_folder_is_found_under_root(tmp_path: Path) -> None:
    put(tmp_path / "c-bin" / "train.bin")
    assert obtain(ARCHIVE, tmp_path, progress=False) == tmp_path / "c-bin"


def test_root_may_be_the_extracted_folder_itself(tmp_path: Path) -> None:
    put(tmp_path / "any" / "train.bin")
    assert obtain(ARCHIVE, tmp_path / "any", progress=False) == tmp_path / "any"


def test_an_extracted_file_is_found_under_root(tmp_path: Path) -> None:
    put(tmp_path / "images")
    file = OfficialFile("https://example.org/images.gz", "0" * 32, extracted="images")
    assert obtain(file, tmp_path, progress=False) == tmp_path / "images"


def test_a_file_that_is_not_under_root_is_not_downloaded(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.root .*: data\.bin is not there \(looked for .*/data\.bin\)"):
        obtain(server.file(), tmp_path, progress=False)
    assert server.ranges == []
