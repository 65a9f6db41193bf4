"""What to profile for a search-space file: every layer that its search can ask a device for.

request = profile_request(load("search_spaces/mnist5k.yaml"), Path("hardware_profiles/board.yaml"), 60)
profile = profile_space(request)  # aebnas.hardware.measure.profile_session; what is measured already is kept
"""

from __future__ import annotations

from pathlib import Path

from aebnas.config.schema import SearchFile
from aebnas.data.datasets import shape_and_classes
from aebnas.errors import ConfigError
from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure.profile_session import ProfileRequest
from aebnas.space.spaces import space_of
from aebnas.task.task import Task

ONE_CORE = Target()
"""Of this machine, by onnxruntime, one image at a time."""


def profile_request(
    config: SearchFile,
    path: Path,
    networks: int,
    target: Target = ONE_CORE,
    again: bool = False,
    command: str = "from Python",
) -> ProfileRequest:
    """Return what ``profile_space`` measures for a search-space file.

    Args:
        config: The file; names the space and the images.
        path: The profile, a ``.yaml`` file; one that exists is extended.
        target: Device, runtime, batch size, number format, threads.
        networks: Whole networks that check the table.
        again: Measure everything anew.
        command: How the profile was asked for, for its provenance.

    Raises:
        ConfigError: The profile is no ``.yaml`` file.
        DataError: The images cannot be read.
    """
    if path.suffix != ".yaml":
        raise ConfigError(f"{path}: a profile is a .yaml file, as in {path.with_suffix('.yaml')}")
    shape, classes = shape_and_classes(config.data)
    return ProfileRequest(
        space=space_of(config, shape),
        space_name=config.name,
        task=Task.of_samples(shape, classes),
        target=target,
        path=path,
        command=command,
        validate_networks=networks,
        again=again,
    )
