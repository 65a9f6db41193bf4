"""Code from outside: found, hashed, loaded with consent alone, its mistakes told as the user's."""

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import layers
import pytest

from aebnas.errors import CodeError, CodeRefusedError
from aebnas.extensions import kinds
from aebnas.extensions.consent import allow_code, code_digest, is_allowed, look_in, permit
from aebnas.extensions.loading import loaded, users_error
from aebnas.extensions.names import file_safe, is_outside, parsed_name
from aebnas.extensions.sources import digest, sources

BLOCK = """
from aebnas.blocks.block import Block

class Ghost(Block):
    name = "ghost"

    def build(self, layer):
        return None

def energy(logits):
    return logits

def broken(logits):
    return 1 / 0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_blocks.py").write_text(BLOCK)
    return tmp_path


@pytest.fixture
def allowed(folder: Path) -> Iterator[Path]:
    with allow_code():
        look_in(folder)
        yield folder


def test_a_name_is_a_module_a_colon_and_an_attribute() -> None:
    assert parsed_name("a.b_1:Name") == ("a.b_1", "Name")
    assert is_outside("a:b")
    assert not is_outside("mbconv")
    assert file_safe("a.b:Name") == "a.b.Name"


@pytest.mark.parametrize(
    "name", ["a:", ":b", "a:b:c", "a b:c", "a/b:c", "../a:b", "a:b.c", "ä:b", "a" * 200 + ":b"]
)
def test_what_is_no_such_name_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(CodeError, match="as in my_blocks:Ghost"):
        parsed_name(name)


def test_a_name_is_loaded_from_the_folder(allowed: Path) -> None:
    ghost = loaded("my_blocks:Ghost", kinds.BLOCK)
    assert ghost.__name__ == "Ghost"
    assert loaded("my_blocks:Ghost", kinds.BLOCK) is ghost


def test_a_package_is_loaded_from_the_folder(allowed: Path) -> None:
    (allowed / "mine/parts").mkdir(parents=True)
    (allowed / "mine/__init__.py").write_text("")
    (allowed / "mine/parts/blocks.py").write_text(BLOCK)
    assert loaded("mine.parts.blocks:Ghost", kinds.BLOCK).__module__ == "mine.parts.blocks"


def test_an_installed_package_is_found_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "installed_blocks.py").write_text(BLOCK)
    monkeypatch.syspath_prepend(str(tmp_path))
    with allow_code():
        assert loaded("installed_blocks:Ghost", kinds.BLOCK).__name__ == "Ghost"


def test_without_consent_nothing_is_imported(folder: Path) -> None:
    (folder / "my_blocks.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\n{BLOCK}")
    look_in(folder)
    with pytest.raises(CodeRefusedError, match="--allow-code"):
        loaded("my_blocks:Ghost", kinds.BLOCK)
    sources("my_blocks", [str(folder)])
    assert not (folder / "ran").exists()
    assert str(folder) not in sys.path


def test_the_end_of_consent_leaves_nothing_behind(folder: Path) -> None:
    before = list(sys.path)
    with allow_code():
        look_in(folder)
        loaded("my_blocks:Ghost", kinds.BLOCK)
        assert sys.path[0] == str(folder)
    assert sys.path == before
    assert "my_blocks" not in sys.modules
    assert not is_allowed()
    assert permit().folders == ()


def test_what_was_on_the_import_path_before_stays_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(folder))
    before = list(sys.path)
    with allow_code():
        look_in(folder)
    assert sys.path == before


def test_an_edited_file_is_read_anew_by_the_next_search(folder: Path) -> None:
    seen = []
    for text in (BLOCK, BLOCK.replace('"ghost"', '"spirit"')):
        (folder / "my_blocks.py").write_text(text)
        with allow_code():
            look_in(folder)
            seen.append((loaded("my_blocks:Ghost", kinds.BLOCK).name, code_digest("my_blocks:Ghost")))
    assert [name for name, _ in seen] == ["ghost", "spirit"]
    assert seen[0][1] != seen[1][1]


def test_a_misspelt_module_gets_the_nearest(allowed: Path) -> None:
    with pytest.raises(CodeError, match=r"no module 'my_block' in .* Did you mean 'my_blocks'\?"):
        loaded("my_block:Ghost", kinds.BLOCK)


def test_a_misspelt_name_gets_the_nearest_and_all_that_would_do(allowed: Path) -> None:
    with pytest.raises(CodeError, match=r"no 'Gost'. Did you mean 'my_blocks:Ghost'\? Its blocks: Ghost\."):
        loaded("my_blocks:Gost", kinds.BLOCK)


def test_another_kind_of_thing_is_refused_with_its_law_and_contract(allowed: Path) -> None:
    with pytest.raises(
        CodeError, match=r"my_blocks:energy is no block: .*blocks\.block\.Block.*BlockContract"
    ):
        loaded("my_blocks:energy", kinds.BLOCK)


def test_an_unfinished_class_is_refused(allowed: Path) -> None:
    (allowed / "half.py").write_text(
        "from aebnas.blocks.block import Block\nclass Half(Block):\n    name = 'half'\n"
    )
    with pytest.raises(CodeError, match="defines all that is abstract"):
        loaded("half:Half", kinds.BLOCK)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\nraise ValueError('my fault')\n", r"wrong\.py:2: ValueError: my fault"),
        ("\n\ndef f(:\n", r"wrong\.py:3: SyntaxError"),
        ("text = '\0'\n", r"wrong\.py:1: (Syntax|Value)Error"),
        ("import no_such_thing\n", r"wrong\.py:1: ModuleNotFoundError: No module named 'no_such_thing'"),
        ("import sys\nsys.exit(3)\n", r"wrong\.py:2: SystemExit: 3"),
    ],
)
def test_what_goes_wrong_at_import_is_told_with_file_and_line(allowed: Path, text: str, message: str) -> None:
    (allowed / "wrong.py").write_text(text)
    with pytest.raises(CodeError, match=f"{message}.*This is code from outside AEBNAS"):
        loaded("wrong:Thing", kinds.BLOCK)


def test_an_error_in_a_call_is_the_users_with_file_line_and_function(allowed: Path) -> None:
    broken = loaded("my_blocks:broken", kinds.SCORE)
    with pytest.raises(ZeroDivisionError) as caught:
        broken(1)
    output = users_error(caught.value)
    assert output is not None
    assert f"{allowed / 'my_blocks.py'}:14: in broken ZeroDivisionError: division by zero" in str(output)
    assert output.exit_code == 2


def test_an_error_of_ours_is_none_of_theirs(allowed: Path) -> None:
    loaded("my_blocks:Ghost", kinds.BLOCK)
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0
    assert users_error(caught.value) is None


def test_a_module_that_was_there_before_is_no_stand_in(allowed: Path) -> None:
    (allowed / f"{layers.__name__}.py").write_text(BLOCK)
    with pytest.raises(CodeError, match="give the file another name"):
        loaded("layers:Ghost", kinds.BLOCK)


class TestHash:
    def of(self, folder: Path, module: str = "my_blocks") -> str:
        return digest(sources(module, [str(folder)]))

    def test_covers_what_the_module_imports_from_its_folder(self, folder: Path) -> None:
        (folder / "shared.py").write_text("x = 1\n")
        (folder / "stranger.py").write_text("x = 1\n")
        (folder / "my_blocks.py").write_text(f"import math\n{BLOCK}\ndef late():\n    from shared import x\n")
        assert list(sources("my_blocks", [str(folder)])) == ["my_blocks", "shared"]
        before = self.of(folder)
        (folder / "stranger.py").write_text("x = 2\n")
        assert self.of(folder) == before
        (folder / "shared.py").write_text("x = 2\n")
        assert self.of(folder) != before

    def test_covers_packages_with_their_parents_and_relative_imports(self, folder: Path) -> None:
        package = folder / "mine"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "one.py").write_text("from . import two\nfrom .three import y\n")
        (package / "two.py").write_text("import mine.one\n")
        (package / "three.py").write_text("y = 1\n")
        (package / "four.py").write_text("")
        assert list(sources("mine.one", [str(folder)])) == ["mine", "mine.one", "mine.three", "mine.two"]

    def test_is_that_of_the_text_wherever_it_lies_and_however_lines_end(
        self, folder: Path, tmp_path: Path
    ) -> None:
        other = tmp_path / "elsewhere"
        other.mkdir()
        (other / "my_blocks.py").write_bytes(BLOCK.replace("\n", "\r\n").encode())
        assert self.of(other) == self.of(folder)

    def test_of_an_installed_package_leaves_other_packages_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "installed.py").write_text("import beside\nimport numpy\n")
        (tmp_path / "beside.py").write_text("")
        monkeypatch.syspath_prepend(str(tmp_path))
        assert list(sources("installed", [])) == ["installed"]

    def test_is_the_same_in_another_process(self, folder: Path) -> None:
        script = (
            "import sys; from aebnas.extensions.sources import digest, sources\n"
            "print(digest(sources('my_blocks', [sys.argv[1]])))"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == self.of(folder)


class TestOtherProcesses:
    def test_get_consent_and_folders_with_a_permit(self, allowed: Path) -> None:
        code_digest("my_blocks:Ghost")
        script = (
            "import pickle, sys; pickle.loads(sys.stdin.buffer.read()).take()\n"
            "from aebnas.extensions import kinds\n"
            "from aebnas.extensions.loading import loaded\n"
            "print(loaded('my_blocks:Ghost', kinds.BLOCK).name)"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], input=pickle.dumps(permit()), capture_output=True
        )
        assert done.stdout.strip() == b"ghost", done.stderr.decode()

    def test_refuse_other_code_than_the_first_process_saw(self, folder: Path) -> None:
        with allow_code():
            look_in(folder)
            code_digest("my_blocks:Ghost")
            given = permit()
        (folder / "my_blocks.py").write_text(f"{BLOCK}# edited\n")
        with allow_code():
            given.take()
            with pytest.raises(CodeError, match="not the same everywhere"):
                loaded("my_blocks:Ghost", kinds.BLOCK)

    def test_get_nothing_where_nothing_was_given(self) -> None:
        permit().take()
        assert not is_allowed()
