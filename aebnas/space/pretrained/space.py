"""The space around a trained network: genes are its resolution, and at each place an exit or none.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aebnas.blocks.block import NORM_EPS, PADDING
from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import image
from aebnas.config.sections.pretrained import PretrainedSpaceConfig
from aebnas.config.sections.space import BranchConfig
from aebnas.errors import ConfigError
from aebnas.pretrained.cuts import named_cuts
from aebnas.pretrained.layer import TYPE
from aebnas.pretrained.to_map import mapped, to_map
from aebnas.space.api import Architecture, CutPlace, GivenNetwork
from aebnas.space.gene_space import GeneSpace, chosen
from aebnas.space.genes import BUDGET_FRACTION, SETTING, Gene, Genome
from aebnas.space.kind import SpaceKind, SpaceRequest
from aebnas.space.pretrained.architecture import Head, Place, PretrainedArchitecture
from aebnas.space.pretrained.places import cut_places
from aebnas.space.pretrained.source import NetworkSource, exit_cuts, last_place
from aebnas.space.staged_rows import exit_row
from aebnas.space.walks import count_branches, exit_layers
from aebnas.task.input_size import Size, canonical_size, size_of
from aebnas.task.input_spec import Colours, InputSpec, Normalisation
from aebnas.task.task import Task

RESOLUTION = "resolution"
CONVENTIONS = {"padding": PADDING, "norm_eps": NORM_EPS}
"""Of branches, which are new."""


@dataclass(frozen=True)
class PretrainedKind(SpaceKind):
    """A network that somebody trained, and where exits may be put."""

    network: str
    """A name of ours, ``package.module:function``, or a ``.pt2`` file."""
    weights: str = ""
    """A file that is read into it; empty: it has its own."""
    resolution: tuple[Size, ...] = ()
    """Pixels of the input; none: the data's own."""
    head: Head = "replace"
    """Whether its own classifier stays."""
    after: tuple[str, ...] | None = None
    """Places of exits; None: those that are worth it by what they cost."""
    most: int | None = None
    """Exits that a network has at most: of those that a genome chooses, the later ones are dropped."""
    branch: BranchConfig = field(default_factory=BranchConfig)
    """The genes of branches."""
    normalisation: Normalisation | None = None
    """Of inputs; None: a named network's own, else that of the data."""
    colours: Colours | None = None
    """Order of colours; None: a named network's own, else red, green, blue."""

    def space(self, request: SpaceRequest) -> PretrainedSpace:
        """Return the space; the network is loaded, and exported at each resolution, which takes seconds.

        Raises:
            ConfigError: The network does not suit, or an exit cannot stand where one is asked for.
            NetworkError: The network is not there, cannot be cut, or not at a name.
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


def pretrained_kind(section: PretrainedSpaceConfig) -> PretrainedKind:
    """Return the kind with the options of a file."""
    own, after = section.normalisation, section.exits.after
    return PretrainedKind(
        network=section.network,
        weights=section.weights or "",
        resolution=section.resolution or (),
        head=section.head,
        after=None if isinstance(after, str) else after,
        most=section.exits.most,
        branch=section.exits.branch,
        normalisation=None if own is None else Normalisation(own.mean, own.std),
        colours=section.colours,
    )


class PretrainedSpace(GeneSpace):
    """All networks that one trained network becomes by its resolution and exits."""

    def __init__(self, options: PretrainedKind, request: SpaceRequest) -> None:
        """Load the network, and find where exits may be; see ``PretrainedKind.space``."""
        if len(request.own_size) != 2:
            raise ConfigError("space: a pretrained network takes images")
        sizes = options.resolution or (canonical_size((request.own_size[0], request.own_size[1])),)
        self._resolutions = tuple(map(canonical_size, sizes))
        source = NetworkSource(options.network, options.weights)
        self._name = options.network
        networks = {size: source.at(image(request.channels, size)) for size in self._resolutions}
        first = networks[self._resolutions[0]]
        self._positions = tuple(cut.name for cut in exit_cuts(first, options.after))
        self._cut_places = tuple(
            place for size, cut in networks.items() for place in cut_places(cut, size, self._positions)
        )
        self._notes = tuple(dict.fromkeys(note for cut in networks.values() for note in cut.notes))
        self._most = len(self._positions) if options.most is None else options.most
        usual_normalisation, usual_colours = source.usual_input()
        self._bare = {
            size: PretrainedArchitecture(
                kind=request.kind,
                exits=(),
                network=options.network,
                weights=options.weights,
                identity=source.identity(image(request.channels, size)),
                size=size_of(size),
                head=options.head,
                places=self._places(source, request.channels, size),
                branches=(),
                normalisation=options.normalisation or usual_normalisation,
                colours=options.colours or usual_colours,
            )
            for size in self._resolutions
        }
        self._rows = {
            name: exit_row(name, options.branch, CONVENTIONS, is_optional=True) for name in self._positions
        }
        genes = [Gene(RESOLUTION, self._resolutions, "input")]
        genes += [gene for row in self._rows.values() for gene in row.genes()]
        super().__init__(genes, request.budget_fractions, request.settings)

    @property
    def exit_positions(self) -> tuple[str, ...]:
        """Return the places where exits may be, in order."""
        return self._positions

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what was done to the network on the way."""
        return tuple(f"{self._name}: {note}." for note in self._notes)

    def cut_places(self) -> tuple[CutPlace, ...]:
        """Return every place where the network can be cut, at every resolution, in order."""
        return self._cut_places

    def backbone_types(self) -> tuple[str, ...]:
        """Return that backbones are made of pieces."""
        return (TYPE,)

    def decode(self, genome: Genome) -> PretrainedArchitecture:
        """Return the canonical architecture of a genome; exits beyond the most allowed are dropped.

        Raises:
            ConfigError: The genome has another length or an index out of range.
        """
        self.check(genome)

        def read(name: str) -> Any:
            return self.choice(genome, name)

        bare = self._bare[read(RESOLUTION)]
        branches = {
            place.name: self._rows[place.name].decode(read, mapped(place.features, bare.size))[0]
            for place in bare.places[:-1]
        }
        kept = [(name, modules) for name, modules in branches.items() if modules is not None][: self._most]
        exits, modules = tuple(name for name, _ in kept), tuple(modules for _, modules in kept)
        return replace(bare, exits=exits, branches=modules)

    def active_genes(self, architecture: Architecture) -> dict[str, int]:
        """Return the choice of every gene that acts in an architecture, by name.

        Raises:
            ConfigError: A value is not among the space's choices.
        """
        if not isinstance(architecture, PretrainedArchitecture):
            raise ConfigError(f"architecture {architecture.key()} is of another kind of space")
        active: dict[str, int] = {}

        def put(name: str, choices: tuple[Any, ...], value: Any) -> None:
            active[name] = chosen(name, choices, value)

        height, width = architecture.size
        size = canonical_size((height, width))
        put(RESOLUTION, self._resolutions, size)
        put(BUDGET_FRACTION, self.budget_fractions, self.budget_fractions[-1])
        put(SETTING, self.settings, self.settings[0])
        branches = dict(zip(architecture.exits, architecture.branches, strict=True))
        for place in self._bare[size].places[:-1]:
            features = mapped(place.features, architecture.size)
            self._rows[place.name].encode(branches.get(place.name), features, put)
        return active

    def count(self) -> int:
        """Return the exact number of distinct architectures."""
        return sum(sum(self._counts(bare)) for bare in self._bare.values())

    def inputs(self, task: Task) -> tuple[InputSpec, ...]:
        """Return every resolution."""
        return tuple(bare.input(task) for bare in self._bare.values())

    def given_networks(self, task: Task) -> tuple[GivenNetwork, ...]:
        """Return the network at every resolution."""
        return tuple(bare.given(task) for bare in self._bare.values())

    def layers(self, task: Task) -> tuple[Layer, ...]:
        """Return every piece and every layer of branches, each once, in a fixed order."""
        layers: dict[Layer, None] = {}
        for bare in self._bare.values():
            (whole,) = bare.segments(task)
            layers.update(dict.fromkeys(whole.layers()))
            for place in bare.places[:-1]:
                first = to_map(place.features, bare.size)
                features = mapped(place.features, bare.size)
                layers.update(dict.fromkeys([*first, *exit_layers(self._rows[place.name], features, task)]))
        return tuple(layers)

    def _places(self, source: NetworkSource, channels: int, size: Size) -> tuple[Place, ...]:
        """Return where the pieces end at a resolution."""
        network = source.at(image(channels, size))
        if network.training is None:
            raise ConfigError(
                f"space.network: {source.network} can only be evaluated, so that no training begins with it: "
                f"{'; '.join(network.notes)}. Bring it as a module (package.module:function)"
            )
        cuts = named_cuts(network.cuts, self._positions, network.name)
        return tuple(Place(cut.name, cut.features) for cut in (*cuts, last_place(network)))

    def _counts(self, bare: PretrainedArchitecture) -> list[int]:
        """Return how many architectures have 0, 1, 2, ... exits, at one resolution."""
        counts = [1] + [0] * self._most
        for place in bare.places[:-1]:
            branches = count_branches(self._rows[place.name], mapped(place.features, bare.size))
            for number in range(self._most, 0, -1):
                counts[number] += counts[number - 1] * branches
        return counts
