"""Exports: written, and measured.  Must not import torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aebnas.api.arguments import check_list, check_whole
from aebnas.api.networks import folder_of

if TYPE_CHECKING:
    from aebnas.deploy.bench import Bench
    from aebnas.deploy.exporting.export import Exported
    from aebnas.train.full.checkpoint import Trained


def ignore(text: str) -> None:
    """Do nothing."""


def export_network(
    network: str | Path | Trained,
    folder: str | Path,
    *,
    int8: bool = False,
    samples: int = 256,
    force: bool = False,
    data: str | Path | None = None,
    on_step: Callable[[str], None] = ignore,
) -> Exported:
    """Write a trained network as a folder that ``EarlyExitSession`` runs without torch.

    Its ONNX graphs, one per segment, are held against torch on real images before anything is written.

    Args:
        network: Folder of the trained network, or what ``train_winner`` returned.
        folder: Where to write; appears whole or not at all.
        int8: Also write ``folder/int8``: the same with 8-bit weights and activations.
        samples: Calibrate images to store for ``bench_network``; 0: none leave your machine.
        force: Replace an export folder.
        data: Folder or file where the images are now, if they have moved.
        on_step: Called with what is being done, in words.

    Returns:
        ``folder``, ``manifest`` (what is in it; ``parity``: the largest difference of a logit from torch) and
        ``variants``: of fp32 and INT8, size in bytes, accuracy on select, mean MACs, ``ms`` per image.

    Raises:
        RunError: The checkpoint is damaged, the folder may not be replaced, or the graphs differ from torch.
        DataError: The images are others than those of the training.
        ConfigError: ``samples`` is no number of images.

    Example:
        >>> aebnas.export_network("winner", "exported", int8=True).manifest.parity.max_difference
        3.8e-06
    """
    check_whole("samples", samples, 0)
    from aebnas.deploy.exporting.staging import refuse_existing

    refuse_existing(Path(folder), force)  # before torch is imported and data are read
    from aebnas.deploy.exporting.export import export

    return export(
        folder_of(network),
        Path(folder),
        int8=int8,
        samples=samples,
        force=force,
        on_step=on_step,
        data=None if data is None else Path(data),
    )


def bench_network(
    folder: str | Path,
    images: Sequence[str | Path] = (),
    *,
    static: str | Path | None = None,
    hardware: str | Path | None = None,
    rounds: int = 8,
    threads: int = 1,
) -> Bench:
    """Measure an exported network with early exits, always to its last exit, and against one without exits.

    Args:
        folder: Of the export; its ``int8`` twin takes part where there is one.
        images: Image files or folders of them; default: the samples that the export stored.
        static: Export of a network without exits.
        hardware: A hardware profile that predicts.
        rounds: Over all images; the networks take turns.
        threads: Threads inside one operator.

    Returns:
        ``results``: of each network ``name``, ``mean_ms``, ``median_ms``, ``p95_ms`` and ``p99_ms`` (at batch
        1, from prepared input to answer), ``accuracy`` (a share; None without labels), ``images_per_second``.

    Raises:
        RunError: A folder is no export, or is damaged.
        DataError: An image cannot be read.
        ConfigError: The profile or an argument is wrong.

    Example:
        >>> {result.name: result.mean_ms for result in aebnas.bench_network("exported").results}
        {'early exit': 0.112, 'same, always to the last exit': 0.197}
    """
    check_list("images", images)
    check_whole("rounds", rounds, 1)
    check_whole("threads", threads, 1)
    from aebnas.deploy.bench import bench
    from aebnas.deploy.picture_files import image_files

    return bench(
        Path(folder),
        images=[path for named in images for path in image_files(Path(named))],
        static=None if static is None else Path(static),
        hardware=None if hardware is None else Path(hardware),
        rounds=rounds,
        threads=threads,
    )
