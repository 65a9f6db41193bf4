"""What NAME.yaml of a hardware profile says: where its numbers come from, and how far they hold.

Units stand in the names: latency in milliseconds, energy in millijoules, both of
one call with ``target.batch_size`` images.  Must not import torch.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from aebnas.config.choices import Frozen, Items, Wrong, reject
from aebnas.hardware.devices.target import Target

FORMAT = 3
"""Version of the files; raised when a reader of the old one would go wrong."""

UNITS = {"latency": "ms", "energy": "mj"}
"""The only ones that are read."""
Ratio = Annotated[float, Field(ge=0)]
Milliseconds = Annotated[float, Field(gt=0)]
Tau = Annotated[float, Field(ge=-1, le=1)]


def method_of(target: Target) -> int:
    """Return how layers are measured today on such a target.

    onnxruntime 3: between a lead and a tail; 2: no tail.  CUDA graphs 3: behind a tiny kernel, networks as
    graphs too; 2: neither.
    """
    return 3 if target.runtime == "onnxruntime" or target.cuda_graphs else 2


class DeviceMetadata(Frozen):
    """The device and what runs on it."""

    name: str
    """Processor or GPU, as it calls itself."""
    system: str
    """Operating system."""
    driver: str | None = None
    """Driver of a GPU."""
    governor: str | None = None
    """Frequency governor of a CPU; null: the system does not say."""
    power_limit_w: Annotated[float, Field(gt=0)] | None = None
    """Power limit of a GPU."""
    cores: Annotated[int, Field(ge=1)] | None = None
    """Logical cores that this process may use."""


class Conditions(Frozen):
    """What went on beside the measurement."""

    clock_mhz: Items[Ratio] = ()
    """Smallest, median and largest clock that was seen."""
    temperature_c: Items[float] = ()
    """Smallest, median and largest temperature that was seen."""
    others_cores: Items[Ratio] = ()
    """Smallest, median and largest number of cores that other processes kept busy."""
    throttled: Items[str] = ()
    """Reasons for which the device lowered its clocks."""
    strangers: Items[str] = ()
    """Other processes on the GPU."""
    marked_rows: Annotated[int, Field(ge=0)] = 0
    """Layers that were measured while the device was throttled, shared or busy."""
    unknown: Items[str] = ()
    """What the device would not tell."""


class Overhead(Frozen):
    """Time that the runner itself takes, measured on segments that compute next to nothing."""

    entry_ms: Annotated[float, Field(ge=0)]
    """Once per call: the images enter the runtime."""
    segment_ms: Annotated[float, Field(ge=0)]
    """Once per segment: the call."""
    decision_ms: Annotated[float, Field(ge=0)]
    """Once per exit but the last: the decision whether to leave."""


class Correction(Frozen):
    """From layers measured alone to a network: factors >= 0, fitted on measured networks.

    The formula stands in ``aebnas.hardware.profile.latency_terms``.
    """

    layers: Annotated[float, Field(gt=0)] = 1.0
    """Factor of the layers' sum."""
    by_type: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    """Factor of each layer type, where one for all predicts worse."""
    cold_layers: Ratio = 0.0
    """How much longer a layer takes whose memory the network has pushed out of the cache."""
    cold_weights_ms_per_mb: Ratio = 0.0
    """Time to bring such a layer's weights from behind the cache."""
    cold_weights_by_type: dict[str, Ratio] = Field(default_factory=dict)
    """The same of each layer type, where one for all predicts worse."""
    cache_mb: Ratio = 0.0
    """Size of the cache that matters; 0: none does."""
    handover_ms_per_mb: Ratio = 0.0
    """Time to hand features on from one segment to the next."""
    entry: Ratio = 1.0
    """Factor of the overhead per call."""
    segment: Ratio = 1.0
    """Factor of the overhead per segment."""
    decision: Ratio = 1.0
    """Factor of the overhead per decision."""
    networks: Annotated[int, Field(ge=0)] = 0
    """Networks it was fitted on."""


class Agreement(Frozen):
    """Predicted against measured times to one exit (or to all), over networks not used for fitting."""

    exit: Annotated[int, Field(ge=1)] | Literal["all", "last"]
    """Which exit, counted from 1; all: every exit of every network; last: whole networks."""
    networks: Annotated[int, Field(ge=1)]
    """Networks that have it."""
    mape: Ratio
    """Mean absolute error, as a share of the measured time."""
    bias: float
    """Mean error, as a share of the measured time."""
    tau: Tau | None
    """Kendall's rank correlation; null: too few networks."""
    noise_mape: Ratio
    """The same between two measurements of the same network: no prediction can be told to be better."""
    noise_tau: Tau | None
    """Rank correlation between the two measurements."""
    macs_tau: Tau | None
    """Rank correlation of MACs with the measured time."""


class Validation(Frozen):
    """How well the profile predicts random networks of one space."""

    space: str
    """Name of the search-space file."""
    agreement: Annotated[Items[Agreement], Field(min_length=1)]
    """First of all exits together, then each."""


class EnergyMetadata(Frozen):
    """Where the energies come from."""

    source: str | None = None
    """Counter that was read; null: the device has none, and the table no energies."""
    note: str = ""
    """Why there is none, or what to know."""
    measured_layers: Annotated[int, Field(ge=0)] = 0
    """Layers whose energy was measured; the others are modelled from them."""
    model_mape: Ratio | None = None
    """Mean absolute error of the model on measured layers that it was not fitted on, as a share."""
    segment_mj: Ratio | None = None
    """Energy of one segment's overhead."""


class ProfileMetadata(Frozen):
    """A whole NAME.yaml."""

    format: Annotated[int, Field(ge=1)]
    """Version of the files."""
    target: Target
    """Device, runtime, batch size, number format, threads."""
    units: dict[str, str]
    """latency: ms, energy: mj; nothing else is read."""
    made: str
    """When, ISO 8601."""
    command: str
    """Command that made it."""
    versions: dict[str, str]
    """Libraries."""
    method: Annotated[int, Field(ge=1)] = 2
    """How its layers were measured, ``method_of``: rows of different methods do not share a table."""
    device: DeviceMetadata
    """The device."""
    conditions: Conditions = Conditions()
    """What went on beside the measurement."""
    rows: Annotated[int, Field(ge=1)]
    """Layers in NAME.csv."""
    networks: Annotated[int, Field(ge=0)]
    """Networks in NAME.networks.jsonl."""
    anchor_ms: Milliseconds
    """Time of the anchor network: the level of the machine to which all rows were scaled."""
    overhead: Overhead
    """What the runner costs besides the layers."""
    correction: Correction
    """From layers to networks."""
    spaces: Items[str] = ()
    """Search-space files whose layers are all in the table."""
    validation: Items[Validation] = ()
    """How well whole networks are predicted, per space."""
    energy: EnergyMetadata
    """Where the energies come from; the last, without a default, so that a truncated file is noticed."""

    @model_validator(mode="after")
    def _is_readable(self) -> ProfileMetadata:
        wrong: list[Wrong] = []
        if self.format > FORMAT:
            message = f"{self.format} is newer than this AEBNAS reads ({FORMAT}); update it"
            wrong.append((("format",), message))
        if self.format < FORMAT:
            message = (
                f"{self.format} is older than this AEBNAS reads ({FORMAT}); measure anew: {self.command}"
            )
            wrong.append((("format",), f"{message} --again"))
        if self.units != UNITS:
            wrong.append((("units",), f"must be {{latency: ms, energy: mj}}, but got {self.units}"))
        reject(wrong)
        return self
