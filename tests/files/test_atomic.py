"""On a full disk every file that is written for the user is whole, old or new."""

import os
import re
import resource
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import aebnas
from aebnas.files.atomic import append_whole, draft_of, write_atomically, write_together

SOURCES = sorted(Path(aebnas.__file__).parent.rglob("*.py"))
WRITES = re.compile(
    r"\.write_text\(|\.write_bytes\(|open\([^)]*[\"'][wax]b?\+?[\"']|savefig\(path|to_csv\(path"
)
WRITERS = {
    "atomic.py": "the one that may",
    "staging.py": "an export's draft, which is a folder",
    "download.py": "what was received is kept and continued",
    "lock.py": "a lock is empty",
    "given_data.py": "into a draft of atomic.py, an array at a time",
    "policy_check.py": "a temporary folder, from which a process without torch reads",
    "samples.py": "a half line is cut off when it is read",
}


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """Let every file have at most so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def by_draft(path: Path, content: bytes) -> None:
    with draft_of(path) as draft:
        draft.write_bytes(content)


@pytest.mark.parametrize("write", [write_atomically, by_draft])
def test_a_file_that_does_not_fit_leaves_the_old_one_and_nothing_else(
    tmp_path: Path, write: Callable[[Path, bytes], None]
) -> None:
    path = tmp_path / "file"
    for old in (None, b"old"):
        if old is not None:
            path.write_bytes(old)
        with disk_of(1000), pytest.raises(OSError, match="File too large"):
            write(path, b"x" * 5000)
        assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == (
            [] if old is None else [("file", old)]
        )
    write(path, b"new")
    assert path.read_bytes() == b"new"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_of_files_that_belong_together_none_is_replaced_if_one_does_not_fit(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "abc"]
    write_together(dict.fromkeys(paths, b"old"))
    with disk_of(1000), pytest.raises(OSError, match="File too large"):
        write_together(dict(zip(paths, (b"new", b"new", b"x" * 5000), strict=True)))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == dict.fromkeys("abc", b"old")


def test_what_is_added_in_part_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "log"
    append_whole(path, b"first\n")
    with disk_of(20), pytest.raises(OSError, match="File too large"):
        append_whole(path, b"second line that is long\n")
    assert path.read_bytes() == b"first\n"
    append_whole(path, b"third\n")
    assert path.read_bytes() == b"first\nthird\n"


def interrupted(path: Path) -> None:
    with draft_of(path) as draft:
        draft.write_bytes(b"half")
        raise KeyboardInterrupt


def test_an_interrupted_writer_leaves_no_draft(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_and_rights_are_kept(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to("target")
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["x" * 255, "ä" * 127, "a b\nc"])
def test_any_name_that_a_file_can_have_is_written(tmp_path: Path, name: str) -> None:
    write_atomically(tmp_path / name, b"content")
    assert (tmp_path / name).read_bytes() == b"content"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    read, write = os.pipe()
    write_atomically(Path(f"/dev/fd/{write}"), b"content")
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        assert pipe.read() == b"content"


def test_no_other_module_writes_files_by_itself() -> None:
    writers = {source.name for source in SOURCES if WRITES.search(source.read_text())}
    assert writers == set(WRITERS)
