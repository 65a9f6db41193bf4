"""Devices and their profiles: listed, measured, measured again.  Must not import torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aebnas.api.files import search_file

if TYPE_CHECKING:
    from aebnas.config import SearchFile
    from aebnas.hardware.measure.estimate import Estimate
    from aebnas.hardware.measure.profile_session import ProfileRequest
    from aebnas.hardware.measure.revalidation import Revalidation
    from aebnas.hardware.profile.inventory import Inventory
    from aebnas.hardware.profile.profile import HardwareProfile

PROFILES = "hardware_profiles"
"""Folder of the profiles, by default."""
NETWORKS = 60
"""Networks that check a profile, by default."""
ProfileListener = Callable[[str, int, int], None]
"""Called with a stage (``layers``, ``energies``, ``networks``, ``rounds``), how much is done, of how much."""


def ignore(stage: str, done: int, total: int) -> None:
    """Do nothing."""


def list_devices(folder: str | Path = PROFILES) -> Inventory:
    """List this machine's devices, and which profiles were made on such a device.

    Args:
        folder: Where the profiles lie.

    Returns:
        ``devices``: of each ``device`` (``cpu``, ``cuda:N``), ``name``, ``metadata``, ``profiles``;
        ``others``: profiles that fit none, and why.

    Example:
        >>> [device.device for device in aebnas.list_devices().devices]
        ['cpu', 'cuda:0']
    """
    from aebnas.hardware.profile.inventory import inventory

    return inventory(Path(folder))


def profile_request(
    file: str | Path | SearchFile,
    path: str | Path | None = None,
    *,
    overrides: Sequence[str] = (),
    device: str = "cpu",
    runtime: str | None = None,
    batch_size: int = 1,
    dtype: str = "fp32",
    threads: int = 1,
    cuda_graphs: bool = False,
    networks: int = NETWORKS,
    again: bool = False,
    command: str = "from Python",
) -> ProfileRequest:
    """Say what ``profile_device`` measures: every layer that a search of a file can ask a device for.

    Args:
        file: The YAML file, or what ``load_search_file`` returned.
        path: The profile, a ``.yaml`` file; one that exists is extended.  Default:
            ``hardware_profiles/DEVICE-RUNTIME.yaml``.
        overrides: Settings of the file, as of ``load_search_file``.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        runtime: ``onnxruntime`` or ``torch``; default: onnxruntime on CPUs, torch on GPUs.
        batch_size: Images of one call; latencies and energies are those of the whole call.
        dtype: Number format: ``fp32``, ``bf16`` or ``fp16``.
        threads: Of a CPU, per operator.
        cuda_graphs: Replay segments as CUDA graphs.
        networks: Whole networks that check the table.
        again: Measure everything anew, replacing the profile.
        command: How the profile was asked for, which it keeps.

    Raises:
        ConfigError: The file is wrong, the options do not fit together, or the profile is no ``.yaml`` file.
        DataError: The images cannot be read.

    Example:
        >>> request = aebnas.profile_request("search_spaces/mnist5k.yaml", threads=1)
        >>> aebnas.estimate_profiling(request).seconds
        340.2
    """
    from aebnas.hardware.devices.target import default_name, target_of

    config = search_file(file, overrides)
    target = target_of(device, runtime, batch_size, dtype, threads, cuda_graphs)
    from aebnas.search.profiling import profile_request as request_of

    place = Path(PROFILES) / f"{default_name(target)}.yaml" if path is None else Path(path)
    return request_of(config, place, networks, target, again, command)


def estimate_profiling(request: ProfileRequest) -> Estimate:
    """Say how much there is to measure and about how long it takes here, from a few layers tried for it.

    Args:
        request: What ``profile_request`` returned.

    Returns:
        ``layers`` (distinct ones of the space), ``missing`` (of them, not in the profile yet), ``networks``
        and ``seconds``.

    Raises:
        ConfigError: An existing profile is damaged.
        HardwareError: It was made for another target, or the device is not there.

    Example:
        >>> aebnas.estimate_profiling(request).missing
        118
    """
    from aebnas.hardware.measure.estimate import estimate

    return estimate(request)


def profile_device(
    request: ProfileRequest | str | Path | SearchFile,
    path: str | Path | None = None,
    *,
    listener: ProfileListener = ignore,
) -> HardwareProfile:
    """Measure every layer of a space on a device, and check the table on whole networks.

    Interrupted, the same call continues: what is measured is kept.

    Args:
        request: What ``profile_request`` returned; or a search-space file, which is profiled for one core of
            this machine.
        path: Of the profile, where a file is given; default: as of ``profile_request``.
        listener: Called with how far it is.

    Returns:
        The profile: ``rows`` by a layer's signature (``ms``, ``mj``), ``metadata`` (device, conditions, how
        well it predicts networks that it was not fitted on).  It was written to ``request.path``.

    Raises:
        ConfigError: The file or an existing profile is wrong.
        DataError: The images cannot be read.
        HardwareError: The device is not there, or the profile is of another target.

    Example:
        >>> profile = aebnas.profile_device("search_spaces/mnist5k.yaml", "hardware_profiles/board.yaml")
        >>> profile.metadata.validation
    """
    from aebnas.config import SearchFile

    if isinstance(request, str | Path | SearchFile):
        request = profile_request(request, path)
    from aebnas.hardware.measure.profile_session import profile_space

    return profile_space(request, listener)


def validate_profile(path: str | Path, *, listener: ProfileListener = ignore) -> Revalidation:
    """Measure a profile's networks again on this device: does it still hold here?

    Args:
        path: The profile.
        listener: Called with how far it is.

    Returns:
        ``complaints()``: why it does not hold, empty where it does; ``level``: time of the anchor network
        now / then; ``spaces``: errors of the predictions now, ``then``: on the day the profile was made.

    Raises:
        ConfigError: The profile is damaged.
        HardwareError: The device is not there, or the profile has no networks.

    Example:
        >>> aebnas.validate_profile("hardware_profiles/board.yaml").complaints()
        []
    """
    from aebnas.hardware.measure.revalidation import revalidate

    return revalidate(Path(path), listener)
