"""One network of a space around trained networks: its genes, and the architectures that it becomes.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from aebnas.blocks.block import NORM_EPS, PADDING
from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import image
from aebnas.config.sections.space import BranchConfig
from aebnas.errors import ConfigError
from aebnas.pretrained.cuts import named_cuts
from aebnas.pretrained.layer import END as OUTPUT
from aebnas.pretrained.to_map import mapped, to_map
from aebnas.space.genes import Gene
from aebnas.space.grammar import Put, Read
from aebnas.space.kind import SpaceRequest
from aebnas.space.pretrained.architecture import Head, Place, PretrainedArchitecture
from aebnas.space.pretrained.options import NetworkOptions
from aebnas.space.pretrained.places import cut_places
from aebnas.space.pretrained.source import NetworkSource, end_cuts, exit_cuts, last_place
from aebnas.space.staged_rows import exit_row
from aebnas.space.walks import count_branches, exit_layers
from aebnas.task.input_size import Size, canonical_size, size_of
from aebnas.task.task import Task

RESOLUTION = "resolution"
LAST = "last"
CONVENTIONS = {"padding": PADDING, "norm_eps": NORM_EPS}
"""Of branches, which are new."""


class Backbone:
    """A trained network at its resolutions, with the places where it may get exits or end."""

    def __init__(
        self,
        options: NetworkOptions,
        label: str,
        resolution: tuple[Size, ...],
        head: Head,
        branch: BranchConfig,
        most: int | None,
        request: SpaceRequest,
    ) -> None:
        """Load the network, and export it at each resolution, which takes seconds.

        Args:
            options: What the user says of it.
            label: What it is called among several networks; empty: it is the only one.
            resolution: Choices of the space.
            head: Whether its own classifier stays.
            branch: The genes of branches.
            most: Exits at most; None: as many as there are places.
            request: What the space is made for.

        Raises:
            ConfigError: It does not suit, or has no exit or end where one is asked for.
            NetworkError: It is not there, cannot be cut, or not at a name.
            CodeRefusedError: It is code, which this process may not run.
        """
        self.options, self.label = options, label
        own = (canonical_size((request.own_size[0], request.own_size[1])),)
        self.resolutions = tuple(map(canonical_size, options.resolution or resolution or own))
        self._resolution_gene = f"{label}.{RESOLUTION}" if label and options.resolution else RESOLUTION
        self._last_gene = f"{label}.{LAST}" if label else LAST
        source = options.source
        first = source.at(image(request.channels, self.resolutions[0]))
        self._exit_cuts = tuple(cut.name for cut in exit_cuts(first, options.after))
        self._ends = end_cuts(first, options.last)
        if head == "keep" and "" not in self._ends:
            raise ConfigError(
                "space.head: keep says that the network's own classifier answers last, but space.last lets "
                "it end earlier alone: add 'output' to space.last, or set space.head=replace"
            )
        self.exit_positions = tuple(map(self._exit_name, self._exit_cuts))
        self._most = len(self._exit_cuts) if most is None else most
        cut = {size: source.at(image(request.channels, size)) for size in self.resolutions}
        notes = dict.fromkeys(note for network in cut.values() for note in network.notes)
        self.notes = tuple(f"{Path(options.network).name}: {note}." for note in notes)
        self.cut_places = tuple(
            place
            for size, network in cut.items()
            for place in cut_places(network, label, size, self._exit_cuts, self._ends)
        )
        usual_normalisation, usual_colours = source.usual_input()
        self.bare: dict[Size, PretrainedArchitecture] = {
            size: PretrainedArchitecture(
                kind=request.kind,
                exits=(),
                network=options.network,
                weights=options.weights,
                answer=options.answer,
                label=label,
                identity=source.identity(image(request.channels, size)),
                size=size_of(size),
                head=head,
                classes=options.classes if head == "keep" else (),
                last="",
                places=self._places(source, request.channels, size),
                branches=(),
                normalisation=options.normalisation or usual_normalisation,
                colours=options.colours or usual_colours,
            )
            for size in self.resolutions
        }
        self._rows = {
            name: exit_row(self._exit_name(name), branch, CONVENTIONS, is_optional=True)
            for name in self._exit_cuts
        }

    def genes(self) -> Iterator[Gene]:
        """Yield the positions of the genome that act in this network."""
        yield Gene(self._resolution_gene, self.resolutions, "input")
        yield Gene(self._last_gene, tuple(map(_shown, self._ends)), "input")
        for row in self._rows.values():
            yield from row.genes()

    def decode(self, read: Read) -> PretrainedArchitecture:
        """Return the canonical architecture that a genome chooses.

        Exits behind the end, and those beyond the most allowed, are dropped.
        """
        bare = self.bare[read(self._resolution_gene)]
        end = "" if read(self._last_gene) == _shown("") else read(self._last_gene)
        kept: list[tuple[str, tuple[Any, ...]]] = []
        for place in self._before(bare, end):
            modules = self._rows[place.name].decode(read, mapped(place.features, bare.size))[0]
            if modules is not None and len(kept) < self._most:
                kept.append((self._exit_name(place.name), modules))
        exits, branches = tuple(name for name, _ in kept), tuple(modules for _, modules in kept)
        return replace(bare, last=end, exits=exits, branches=branches)

    def alone(self) -> Iterator[PretrainedArchitecture]:
        """Yield the network without exits at each resolution, up to its end or the last one allowed."""
        end = "" if "" in self._ends else self._ends[-1]
        for bare in self.bare.values():
            yield replace(bare, last=end)

    def encode(self, architecture: PretrainedArchitecture, put: Put) -> None:
        """Name the genes that act in an architecture of this network, with their choices.

        Raises:
            ConfigError: A value is not among the space's choices.
        """
        height, width = architecture.size
        size = canonical_size((height, width))
        put(self._resolution_gene, self.resolutions, size)
        put(self._last_gene, tuple(map(_shown, self._ends)), _shown(architecture.last))
        branches = dict(zip(architecture.exits, architecture.branches, strict=True))
        for place in self._before(self.bare[size], architecture.last):
            features = mapped(place.features, architecture.size)
            self._rows[place.name].encode(branches.get(self._exit_name(place.name)), features, put)

    def count(self) -> int:
        """Return the exact number of distinct architectures."""
        return sum(self._count(bare, end) for bare in self.bare.values() for end in self._ends)

    def layers(self, task: Task) -> Iterator[Layer]:
        """Yield every piece and every layer of exits and ends; some come twice."""
        for bare in self.bare.values():
            for end in self._ends:
                (whole,) = replace(bare, last=end).segments(task)
                yield from whole.layers()
            for place in bare.places:
                if place.name in self._rows:
                    yield from to_map(place.features, bare.size)
                    yield from self._exit_layers(place, bare.size, task)

    def _exit_layers(self, place: Place, size: tuple[int, ...], task: Task) -> Iterator[Layer]:
        return exit_layers(self._rows[place.name], mapped(place.features, size), task)

    def _exit_name(self, place: str) -> str:
        return f"{self.label}.{place}" if self.label else place

    def _before(self, bare: PretrainedArchitecture, end: str) -> list[Place]:
        """Return the places in front of an end at which exits may be."""
        reached = [place.name for place in bare.places_up_to(end)][:-1]
        return [place for place in bare.places if place.name in reached and place.name in self._rows]

    def _count(self, bare: PretrainedArchitecture, end: str) -> int:
        """Return how many architectures end at a place, at one resolution."""
        counts = [1] + [0] * self._most  # of those with 0, 1, 2, ... exits
        for place in self._before(bare, end):
            branches = count_branches(self._rows[place.name], mapped(place.features, bare.size))
            for number in range(self._most, 0, -1):
                counts[number] += counts[number - 1] * branches
        return sum(counts)

    def _places(self, source: NetworkSource, channels: int, size: Size) -> tuple[Place, ...]:
        """Return where the pieces end at a resolution."""
        network = source.at(image(channels, size))
        ends = [end for end in self._ends if end]
        cuts = named_cuts(network.cuts, dict.fromkeys([*self._exit_cuts, *ends]), network.name)
        return tuple(Place(cut.name, cut.features) for cut in (*cuts, last_place(network)))


def _shown(end: str) -> str:
    """Return what the choice of an end is called."""
    return end or OUTPUT
