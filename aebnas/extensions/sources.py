"""Where the source of a module lies, which other modules of its own it imports, and the hash of them all.

Nothing is run for that: imports are read from the text.  The hash is therefore the same in every process, on
every machine and before anybody allowed the code.  Modules whose names are put together at run time are not
seen.  Must not import torch.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from aebnas.errors import CodeError

OURS = "aebnas"
"""Its version is kept with every run; it is never part of what users bring."""


def sources(module: str, folders: Sequence[str]) -> dict[str, Path]:
    """Return the files of a module and of all modules of its own that it imports, by name, in order.

    Its own are those of the same package and, where it lies in one of the folders, whatever else lies there.

    Args:
        module: Its name, with dots.
        folders: Where to look before the places that Python knows.

    Raises:
        CodeError: There is no such module, it is no file, or its text cannot be read.
    """
    files: dict[str, Path] = {}
    waiting = [*_with_parents(module)]
    is_in_folder = _spec(module.partition(".")[0], folders, only_there=True) is not None
    while waiting:
        name = waiting.pop()
        path = None if name in files else _file(name, folders)
        if path is None:
            continue
        files[name] = path
        for imported in _imports(name, path):
            top = imported.partition(".")[0]
            is_own = top == module.partition(".")[0]
            if not is_own and is_in_folder and top != OURS:
                is_own = _spec(top, folders, only_there=True) is not None
            waiting += _with_parents(imported) if is_own else ()
    if module not in files:
        raise CodeError(_missing(module, folders))
    return dict(sorted(files.items()))


def digest(files: Mapping[str, Path]) -> str:
    """Return the SHA-256 of modules, 64 hexadecimal digits: names and sources, not where they lie.

    Raises:
        CodeError: A file cannot be read.
    """
    whole = hashlib.sha256()
    for name, path in sorted(files.items()):
        content = _content(path)
        if path.suffix == ".py":  # a checkout may end lines in another way
            content = content.replace(b"\r\n", b"\n")
        whole.update(f"{name}\n{hashlib.sha256(content).hexdigest()}\n".encode())
    return whole.hexdigest()


def _file(name: str, folders: Sequence[str]) -> Path | None:
    """Return the file of a module or of a package's ``__init__``; None: there is none."""
    spec = _spec(name, folders)
    if spec is None or spec.origin is None or not spec.has_location:
        return None
    return Path(spec.origin)


def _spec(name: str, folders: Sequence[str], only_there: bool = False) -> ModuleSpec | None:
    """Return where a module lies, without importing its parents, which would run them."""
    importlib.invalidate_caches()
    top, *rest = name.split(".")
    spec = PathFinder.find_spec(top, [*folders])
    if spec is None and not only_there:
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):  # ValueError: a module without origin, such as __main__
            spec = None
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        # the last word alone: the whole name would make a namespace package look for its parent
        spec = PathFinder.find_spec(part, [*spec.submodule_search_locations])
    return spec


def _imports(name: str, path: Path) -> Iterator[str]:
    """Yield what a module may import: names of modules, or of what stands in them."""
    if path.suffix != ".py":
        return
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    try:
        tree = ast.parse(_content(path), str(path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise CodeError(
            f"{path}:{line}: {type(error).__name__}: {getattr(error, 'msg', error)}. "
            "This is code from outside AEBNAS"
        ) from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*filter(None, above), *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" if base else alias.name for alias in node.names)


def _with_parents(name: str) -> Iterable[str]:
    parts = name.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CodeError(f"{path}: cannot be read: {error.strerror or error}") from error


def _missing(module: str, folders: Sequence[str]) -> str:
    from difflib import get_close_matches  # read only to tell a mistake

    names = sorted({path.stem for folder in folders for path in Path(folder).glob("*.py")})
    near = get_close_matches(module, names, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    where = f"in {' or '.join(folders)} nor among installed packages" if folders else "among installed ones"
    listed = f"Modules there: {', '.join(names[:10])}." if names else "A folder can be named by PYTHONPATH."
    return f"there is no module {module!r} {where}. {hint}{listed}"
