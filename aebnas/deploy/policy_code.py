"""Code from outside that an exported policy needs: packed with the export, unpacked where it is allowed.

It lies in ``code.zip``, one entry per module, and ``model.json`` holds its hash by name.

Must not import torch.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from aebnas.errors import CodeError, CodeRefusedError, RunError
from aebnas.extensions.consent import Permit, code_digest, code_files, is_allowed

CODE = "code.zip"
DATE = (1980, 1, 1, 0, 0, 0)
"""Of every entry: equal code is packed into equal bytes."""


def packed_code(names: Sequence[str]) -> bytes:
    """Return the modules behind some names, and what these import of their own, as a zip file.

    Raises:
        CodeError: A module is missing, or is no Python source.
    """
    files = {module: path for name in names for module, path in code_files(name).items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for module, path in sorted(files.items()):
            if path.suffix != ".py":
                raise CodeError(f"{path} is no Python source: it cannot travel with an export")
            place = module.replace(".", "/") + ("/__init__.py" if path.stem == "__init__" else ".py")
            archive.writestr(zipfile.ZipInfo(place, DATE), path.read_bytes())
    return buffer.getvalue()


def take_code(folder: Path, content: bytes, code: Mapping[str, str], allow_code: bool) -> None:
    """Make the code of an export folder loadable, for as long as this process lives.

    Args:
        folder: The export folder, for messages.
        content: Of its ``code.zip``.
        code: SHA-256 of the code by name.
        allow_code: Whether it may be run.

    Raises:
        CodeRefusedError: It may not.
        RunError: It is not the code that was exported.
    """
    if not (allow_code or is_allowed()):
        raise CodeRefusedError(
            f"{folder} decides by code from outside AEBNAS, which came with it and is not run unasked: "
            f"{', '.join(code)} in {CODE}. If you wrote or have read it: EarlyExitSession(FOLDER, "
            "allow_code=True); on the command line --allow-code"
        )
    Permit(True, (_unpacked(content).name,), {}).take()
    for name, digest in code.items():
        if code_digest(name) != digest:
            raise RunError(f"{folder / CODE}: the code of {name} is not that of {folder / 'model.json'}")


@cache
def _unpacked(content: bytes) -> tempfile.TemporaryDirectory[str]:
    """Return a folder with the modules, which ends with the process; equal code of several exports shares it.

    Raises:
        RunError: It is no such file.
    """
    folder = tempfile.TemporaryDirectory(prefix="aebnas-code-")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(folder.name)  # leaves out what would lie outside
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise RunError(f"{CODE} is damaged: {error}") from error
    return folder
