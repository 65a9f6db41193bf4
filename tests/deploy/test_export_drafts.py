"""Several exports into one folder, and killed ones: what is there is always whole."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from aebnas.deploy.exporting import staging
from aebnas.deploy.exporting.staging import write_folder
from aebnas.deploy.manifest import CARD, LABELS, MANIFEST, POLICY
from aebnas.errors import RunError
from aebnas.files import draft as drafts

NAMES = (MANIFEST, POLICY, LABELS, CARD)


def contents(word: str) -> dict[str, bytes]:
    return {name: f"{word} {name}".encode() for name in NAMES}


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def write_often(folder: Path, word: str, times: int) -> None:
    for _ in range(times):
        write_folder(folder, contents(word), force=True)


def killed_while_writing(folder: Path) -> Path:
    """Return the draft that an export left which was killed by ``kill -9`` behind its second file."""
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom aebnas.deploy.exporting import staging\n"
        "write, written = staging._write, []\n"
        "def once(path, content):\n"
        "    write(path, content)\n"
        "    written.append(path)\n"
        "    if len(written) == 2:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "staging._write = once\n"
        f"staging.write_folder(Path(sys.argv[1]), {contents('killed')!r}, True)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, folder]).returncode == -signal.SIGKILL
    (draft,) = folder.parent.glob(f".{folder.name}.draft-*")
    return draft


def test_two_processes_that_replace_one_folder_never_mix_their_files(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    write_folder(folder, contents("first"), force=False)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=write_often, args=(folder, word, 40)) for word in ("one", "two")]
    for process in processes:
        process.start()
    looks = 0
    while any(process.is_alive() for process in processes):
        handle = os.open(folder, os.O_RDONLY)  # one folder, whichever is there now; never none
        os.close(handle)
        looks += 1
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert looks > 100
    assert content_of(folder) in (contents("one"), contents("two"))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_of_two_exports_to_a_new_folder_the_second_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, write = tmp_path / "model", staging._write

    def overtaken(path: Path, content: bytes) -> None:
        monkeypatch.setattr(staging, "_write", write)
        write_folder(folder, contents("other"), force=False)
        write(path, content)

    monkeypatch.setattr(staging, "_write", overtaken)
    with pytest.raises(RunError, match="exists already; replace it with --force"):
        write_folder(folder, contents("mine"), force=False)
    assert content_of(folder) == contents("other")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_comes_between_the_last_look_and_the_renaming_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, refuse = tmp_path / "model", staging.refuse_existing

    def late(place: Path, force: bool) -> None:
        refuse(place, force)
        monkeypatch.setattr(staging, "refuse_existing", refuse)
        write_folder(folder, contents("other"), force=False)

    monkeypatch.setattr(staging, "refuse_existing", late)
    with pytest.raises(RunError, match="exists already; replace it with --force"):
        write_folder(folder, contents("mine"), force=False)
    assert content_of(folder) == contents("other")


def test_a_file_where_a_parent_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match=r"cannot write .*/file/model: File exists"):
        write_folder(tmp_path / "file" / "model", contents("mine"), force=False)


def test_a_killed_export_leaves_the_folder_and_a_draft_that_the_next_deletes(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    write_folder(folder, contents("before"), force=False)
    draft = killed_while_writing(folder)
    assert len(list(draft.iterdir())) == 2
    assert content_of(folder) == contents("before")
    write_folder(folder, contents("after"), force=True)
    assert content_of(folder) == contents("after")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_the_draft_of_a_living_export_stays(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    with drafts.folder_draft(folder) as draft:
        (draft / "file").write_bytes(b"being written")
        write_folder(folder, contents("other"), force=False)
        assert content_of(draft) == {"file": b"being written"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    "name",
    [
        ".model2.draft-1-0123abcd",
        "model.draft-1-0123abcd",
        ".model.draft-notes",
        ".model.draft-1-0123abcd.txt",
    ],
)
def test_what_is_no_draft_of_this_folder_is_not_deleted(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    write_folder(tmp_path / "model", contents("mine"), force=False)
    assert (tmp_path / name).is_dir()


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_is_replaced_where_the_system_can_exchange_two_and_where_it_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_exchange: bool
) -> None:
    folder, seen = tmp_path / "model", list[Mapping[str, bytes]]()
    write_folder(folder, contents("before"), force=False)
    if not can_exchange:
        monkeypatch.setattr(drafts, "_exchanged", lambda one, other: False)
    rmtree = drafts.shutil.rmtree

    def watched(path: Path, **options: bool) -> None:
        seen.append(content_of(path))
        rmtree(path, **options)

    monkeypatch.setattr(drafts.shutil, "rmtree", watched)
    write_folder(folder, contents("after"), force=True)
    assert seen == [contents("before")]  # what was there was deleted as the draft, after the new one came
    assert content_of(folder) == contents("after")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("code", [errno.EBADF, errno.ENOLCK])
def test_where_folders_cannot_be_locked_exports_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuses(handle: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))  # as NFS does for what is open for reading alone

    monkeypatch.setattr("fcntl.flock", refuses)
    folder, strangers = tmp_path / "model", tmp_path / ".model.draft-1-0123abcd"
    strangers.mkdir()
    write_folder(folder, contents("first"), force=False)
    write_folder(folder, contents("second"), force=True)
    assert content_of(folder) == contents("second")
    # whose it is cannot be told: it may be in use
    assert sorted(path.name for path in tmp_path.iterdir()) == [strangers.name, "model"]
