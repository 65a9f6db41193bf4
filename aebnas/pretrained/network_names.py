"""What may stand in a file where a network is asked for: a name of ours, code, a saved program.

Must not import torch.
"""

from __future__ import annotations

import difflib
from pathlib import Path

from aebnas.extensions.names import is_outside

NETWORKS = ("efficientnet_lite0",)
"""Names of ours, the keys of ``NAMED`` (``named/table.py``)."""
PROGRAM = ".pt2"
SAVED = ".aebnas"
"""Files of ``aebnas.save_network``."""
ONNX = ".onnx"
WEIGHTS = (".pt", ".pth", ".bin", ".ckpt", ".safetensors")
"""Files that hold weights and no network."""
CHOICES = (
    "package.module:function, a .pt2 file of torch.export.save, a .aebnas file of aebnas.save_network, "
    f"or one of: {', '.join(NETWORKS)}"
)


def is_program(network: str) -> bool:
    """Return whether a text names a saved program, a ``.pt2`` file."""
    return Path(network).suffix == PROGRAM


def is_saved(network: str) -> bool:
    """Return whether a text names a saved network, a ``.aebnas`` file."""
    return Path(network).suffix == SAVED


def is_file(network: str) -> bool:
    """Return whether a text names a network by its file."""
    return is_program(network) or is_saved(network)


def is_code(network: str) -> bool:
    """Return whether using a network means running code that somebody brought; reading a program is."""
    return is_file(network) or is_outside(network)


def wrong_network(text: str) -> str | None:
    """Return why a text can name no network, and the cure; None: it can."""
    if text in NETWORKS or is_file(text):
        return None
    suffix = Path(text).suffix
    if suffix == ONNX:
        return (
            f"{text} is an ONNX graph, which cannot be trained on: bring the PyTorch network that it was "
            "made of (package.module:function), or save that with torch.export.save as a .pt2 file"
        )
    if suffix in WEIGHTS:
        return (
            f"{text} is a file of weights, not a network: name the code that builds it "
            f"(package.module:function), and this file as its weights"
        )
    if is_outside(text) and not Path(text).exists():
        return None
    near = difflib.get_close_matches(text, NETWORKS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"there is no network {text!r}.{hint} A network is {CHOICES}"
