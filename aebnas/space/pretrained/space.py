"""The space around trained networks: genes are network, resolution, end, and at each place an exit or none.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aebnas.blocks.layer import Layer
from aebnas.config.sections.pretrained import PretrainedSpaceConfig
from aebnas.config.sections.space import BranchConfig
from aebnas.errors import ConfigError
from aebnas.pretrained.layer import TYPE
from aebnas.space.api import Architecture, CutPlace, GivenNetwork
from aebnas.space.gene_space import GeneSpace, choice_index
from aebnas.space.genes import BUDGET_FRACTION, SETTING, Gene, Genome
from aebnas.space.kind import SpaceKind, SpaceRequest
from aebnas.space.pretrained.architecture import Head, PretrainedArchitecture
from aebnas.space.pretrained.backbone import Backbone
from aebnas.space.pretrained.options import NetworkOptions, labels_of, network_options
from aebnas.task.input_size import Size
from aebnas.task.input_spec import InputSpec
from aebnas.task.task import Task

NETWORK = "network"


@dataclass(frozen=True)
class PretrainedKind(SpaceKind):
    """Networks that somebody trained, and where exits may be put."""

    networks: tuple[NetworkOptions, ...]
    """Several are choices of a gene."""
    resolution: tuple[Size, ...] = ()
    """Pixels of the input; none: the data's own."""
    head: Head = "replace"
    """Whether its own classifier stays."""
    most: int | None = None
    """Exits that a network has at most: of those that a genome chooses, the later ones are dropped."""
    branch: BranchConfig = field(default_factory=BranchConfig)
    """The genes of branches."""

    @classmethod
    def of_section(cls, section: PretrainedSpaceConfig) -> Self:
        """Return the kind with the options of a file's section."""
        return cls(
            tuple(map(network_options, section.networks)),
            section.resolution or (),
            section.head,
            section.exits.most,
            section.exits.branch,
        )

    def space(self, request: SpaceRequest) -> PretrainedSpace:
        """Return the space; networks are loaded, and exported at each resolution, which takes seconds.

        Raises:
            ConfigError: A network does not suit, or an exit or end cannot stand where one is asked for.
            NetworkError: A network is not there, cannot be cut, or not at a name.
            CodeRefusedError: It is code, which this process may not run.
        """
        return PretrainedSpace(self, request)

    @classmethod
    def architecture(cls, plain: Mapping[str, Any]) -> PretrainedArchitecture:
        """Return the architecture that ``to_dict`` described.

        Raises:
            KeyError, TypeError, ValueError: The description is incomplete or has unknown fields.
        """
        return PretrainedArchitecture.from_dict(plain)


class PretrainedSpace(GeneSpace):
    """All networks that trained networks become by their resolution, end and exits."""

    def __init__(self, options: PretrainedKind, request: SpaceRequest) -> None:
        """Load the networks, and find where exits may be; see ``PretrainedKind.space``."""
        if len(request.own_size) != 2:
            raise ConfigError("space: a pretrained network takes images")
        networks = options.networks
        self._backbones = {
            label: Backbone(
                own, label, options.resolution, options.head, options.branch, options.most, request
            )
            for label, own in zip(labels_of(networks), networks, strict=True)
        }
        genes = [Gene(NETWORK, tuple(self._backbones), "input")] if len(networks) > 1 else []
        # networks without resolutions of their own yield the same gene
        genes += [gene for backbone in self._backbones.values() for gene in backbone.genes()]
        super().__init__(genes, request.budget_fractions, request.settings)

    @property
    def exit_positions(self) -> tuple[str, ...]:
        """Return the places where exits may be, in order, network by network."""
        return tuple(name for backbone in self._backbones.values() for name in backbone.exit_positions)

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what was done to the networks on the way."""
        return tuple(note for backbone in self._backbones.values() for note in backbone.notes)

    def cut_places(self) -> tuple[CutPlace, ...]:
        """Return every place where a network can be cut, network by network, resolution by resolution."""
        return tuple(place for backbone in self._backbones.values() for place in backbone.cut_places)

    def baselines(self) -> tuple[Genome, ...]:
        """Return each network alone, at each of its resolutions."""
        alone = (bare for backbone in self._backbones.values() for bare in backbone.alone())
        return tuple(self.encode(architecture) for architecture in alone)

    def backbone_types(self) -> tuple[str, ...]:
        """Return that backbones are made of pieces."""
        return (TYPE,)

    def decode(self, genome: Genome) -> PretrainedArchitecture:
        """Return the canonical architecture of a genome: exits behind its end or beyond the most are dropped.

        Raises:
            ConfigError: The genome has another length or an index out of range.
        """
        self.check(genome)

        def read(name: str) -> Any:
            return self.choice(genome, name)

        label = read(NETWORK) if NETWORK in self.positions else ""
        return self._backbones[label].decode(read)

    def active_genes(self, architecture: Architecture) -> dict[str, int]:
        """Return the choice of every gene that acts in an architecture, by name.

        Raises:
            ConfigError: A value is not among the space's choices.
        """
        if not isinstance(architecture, PretrainedArchitecture):
            raise ConfigError(f"architecture {architecture.key()} is of another kind of space")
        active: dict[str, int] = {}

        def put(name: str, choices: tuple[Any, ...], value: Any) -> None:
            active[name] = choice_index(name, choices, value)

        label = tuple(self._backbones)[choice_index(NETWORK, tuple(self._backbones), architecture.label)]
        if NETWORK in self.positions:
            put(NETWORK, tuple(self._backbones), label)
        put(BUDGET_FRACTION, self.budget_fractions, self.budget_fractions[-1])
        put(SETTING, self.settings, self.settings[0])
        self._backbones[label].encode(architecture, put)
        return active

    def count(self) -> int:
        """Return the exact number of distinct architectures."""
        return sum(backbone.count() for backbone in self._backbones.values())

    def inputs(self, task: Task) -> tuple[InputSpec, ...]:
        """Return every resolution of every network."""
        bare = [bare for backbone in self._backbones.values() for bare in backbone.bare.values()]
        return tuple(dict.fromkeys(network.input(task) for network in bare))

    def given_networks(self, task: Task) -> tuple[GivenNetwork, ...]:
        """Return every network at every resolution."""
        bare = [bare for backbone in self._backbones.values() for bare in backbone.bare.values()]
        return tuple(network.given(task) for network in bare)

    def layers(self, task: Task) -> tuple[Layer, ...]:
        """Return every piece and every layer of branches, each once, in a fixed order."""
        layers = (layer for backbone in self._backbones.values() for layer in backbone.layers(task))
        return tuple(dict.fromkeys(layers))
