"""What has to hold of a network before it is cut, each broken rule told with its place and cure."""

from __future__ import annotations

import copy
import inspect
import linecache
import logging
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from aebnas.errors import NetworkError

SIZES = (28, 32, 48, 64, 96, 112, 128, 160, 192, 224, 240, 256, 260, 288, 299, 300, 320, 380, 384, 448, 512)
"""Resolutions that are tried to tell which a network of a fixed size takes."""
CHANNELS = (3, 1)
"""Of colour and grey images: those that are tried to tell which a network takes."""
BATCH = 3
"""Of the images that networks are tried on; a number that no network is made for."""
TORCH = Path(torch.__file__).parent
OURS = Path(__file__).parent
PYTHON = Path(sysconfig.get_paths()["stdlib"])


def usable(module: nn.Module, name: str) -> tuple[nn.Module, tuple[str, ...]]:
    """Return a network as it can be cut: on the CPU, in fp32, without wrappers; and what was done to it.

    The module itself comes back where nothing had to change, else a copy or what was wrapped.

    Raises:
        NetworkError: It is no network that can be cut.
    """
    notes = []
    if isinstance(module, torch.jit.ScriptModule):
        raise NetworkError(
            f"{name} is a TorchScript module, which cannot be exported: bring the nn.Module it was made of "
            "(package.module:function), or save it with torch.export.save as a .pt2 file"
        )
    if not isinstance(module, nn.Module):
        raise NetworkError(f"{name} is a {type(module).__name__}, but has to be a torch.nn.Module")
    while (inner := _wrapped(module)) is not None:
        notes.append(f"{type(module).__name__} was taken off")
        module = inner
    _refuse_uninitialised(module, name)
    _refuse_inputs(module, name)
    floats = {part.dtype for part in (*module.parameters(), *module.buffers()) if part.is_floating_point()}
    devices = {part.device.type for part in (*module.parameters(), *module.buffers())}
    if "meta" in devices:
        raise NetworkError(
            f"{name} has no weights (it lies on the meta device): load them before you hand it over"
        )
    if floats - {torch.float32} or devices - {"cpu"}:
        formats = sorted(str(dtype).removeprefix("torch.") for dtype in floats - {torch.float32})
        notes += [f"weights in {', '.join(formats)} were turned to float32"] if formats else []
        notes += ["the network was copied to the CPU"] if devices - {"cpu"} else []
        module = copy.deepcopy(module).to("cpu", torch.float32)
    return module, tuple(notes)


def _wrapped(module: nn.Module) -> nn.Module | None:
    """Return what a wrapper of torch's holds; None: it is no wrapper."""
    if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        inner: nn.Module = module.module
        return inner
    return getattr(module, "_orig_mod", None)  # torch.compile


def _refuse_uninitialised(module: nn.Module, name: str) -> None:
    for kind, parts in (("weight", module.named_parameters()), ("buffer", module.named_buffers())):
        for part_name, part in parts:
            if isinstance(part, UninitializedParameter | UninitializedBuffer):
                raise NetworkError(
                    f"{name}: {kind} {part_name!r} has no shape yet (a lazy module): call the network on one "
                    "batch of images, or load its weights, before you hand it over"
                )


def _refuse_inputs(module: nn.Module, name: str) -> None:
    parameters = inspect.signature(module.forward).parameters.values()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p.name for p in parameters if p.default is p.empty and p.kind in (*positional, p.KEYWORD_ONLY)]
    if len(needed) > 1:
        raise NetworkError(
            f"{name}: forward needs {len(needed)} inputs ({', '.join(needed)}), but images are one. Give the "
            "others defaults, or wrap the network in a module whose forward takes images alone"
        )


def answers_of(network: nn.Module, shape: Sequence[int], name: str) -> tuple[Tensor, Tensor]:
    """Return random images ``(batch, *shape)``, and the logits that a network in evaluation mode gives.

    Args:
        network: Answers with its logits alone.
        shape: Channels, height and width of one image.
        name: Of the network, for messages.

    Raises:
        NetworkError: It fails on them, or does not answer with one number per class.
    """
    images = torch.randn(BATCH, *shape, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            logits = network(images)
    except NetworkError:
        raise
    except Exception as error:
        raise NetworkError(_failed(network, images, name, error)) from error
    if logits.dim() != 2 or len(logits) != BATCH:
        raise NetworkError(
            f"{name} answers {BATCH} images with a tensor {list(logits.shape)}, but exits need logits "
            f"[{BATCH}, classes]: one row per image, one number per class. The first axis has to be the "
            "batch, of any size: x.flatten(1) rather than x.view(1, -1)"
        )
    if logits.shape[1] < 2:
        raise NetworkError(
            f"{name} answers with one number per image; exits need one per class: turn the last layer into "
            "two outputs (weights and bias of zeros for the first class are the same network)"
        )
    return images, logits


def _failed(network: nn.Module, images: Tensor, name: str, error: Exception) -> str:
    """Return why a network did not answer."""
    channels, height, width = images.shape[1:]
    where, reason = place_of(error), _first_line(error)
    if _answers(network, images[:1]):
        return (
            f"{name} takes one image at a time, but not a batch of {BATCH}: {where}: {reason}. Let its first "
            "axis be the batch, of any size: x.flatten(1) rather than x.view(1, -1)"
        )
    sizes = [size for size in SIZES if _takes(network, channels, size, size)]
    if sizes:
        shown = ", ".join(f"{size} x {size}" for size in sizes[:4])
        return (
            f"{name} does not take images of {height} x {width} pixels: {where}: {reason}. It takes "
            f"{shown}{' and others' if len(sizes) > 4 else ''}: name one of these as its resolution"
        )
    others = [number for number in CHANNELS if number != channels and _takes(network, number, height, width)]
    if others:
        return (
            f"{name} takes images of {others[0]} channel{'s' * (others[0] > 1)}, but these have {channels}: "
            "bring images, or a network, of as many as the other"
        )
    return f"{name} fails on images ({channels}, {height}, {width}): {where}: {reason}"


def _answers(network: nn.Module, images: Tensor) -> bool:
    try:
        with torch.no_grad():
            network(images)
    except Exception:  # whatever the user's code raises
        return False
    return True


def _takes(network: nn.Module, channels: int, height: int, width: int) -> bool:
    """Whether a network takes images of a size, found out from shapes alone."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # torch logs every shape that does not fit
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):
            return _answers(network, torch.empty(2, channels, height, width))
    finally:
        logging.disable(disabled)


def place_of(error: BaseException) -> str:
    """Return the innermost line of a user's own code that an error comes from, ``net.py:38 (CODE)``."""
    frames = traceback.extract_tb(error.__traceback__)
    return place_in(frames) or "in torch"


def place_in(frames: Sequence[traceback.FrameSummary]) -> str:
    """Return the innermost line that is neither torch's nor this room's; empty: there is none."""
    for frame in reversed(frames):
        if _is_users(Path(frame.filename)):
            line = linecache.getline(frame.filename, frame.lineno or 0).strip()
            return f"{frame.filename}:{frame.lineno} ({line})"
    return ""


def _is_users(path: Path) -> bool:
    """Whether a file is neither torch's, Python's nor of this room."""
    is_library = path.is_relative_to(PYTHON) and not {"site-packages", "dist-packages"} & {*path.parts}
    return (
        not is_library and not path.is_relative_to(TORCH) and not path.is_relative_to(OURS) and path.exists()
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")
