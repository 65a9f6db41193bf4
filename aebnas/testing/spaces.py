"""What every kind of search space must hold to."""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import ClassVar

import numpy as np

from aebnas.space.api import Architecture, SearchSpace
from aebnas.space.genes import BUDGET_FRACTION, SETTING
from aebnas.space.kind import SpaceKind, SpaceRequest
from aebnas.task.task import Task
from aebnas.testing.contract import Contract

NAME = "under_test:Kind"
CASES = 25
MOST_COUNTED = 20_000
"""Genomes of a space that is counted by writing all of them out."""


class SpaceContract(Contract):
    """Laws of a kind of space, for one setting of its options; set a small one, so that it can be counted."""

    @abstractmethod
    def kind(self) -> SpaceKind:
        """Return the kind with its options."""

    shape: ClassVar[tuple[int, ...]] = (16, 16, 1)
    """Of one sample, channels last."""
    classes: ClassVar[int] = 3

    def test_every_genome_is_a_network_and_every_network_a_genome(self) -> None:
        """``encode`` returns a genome that decodes to the same architecture."""
        space = self._space()
        for architecture in self._sampled(space):
            again = space.decode(space.encode(architecture))
            assert again == architecture
            assert hash(again) == hash(architecture)
            assert again.key() == architecture.key()

    def test_keys_differ_where_architectures_do(self) -> None:
        """Results are filed under the key."""
        architectures = set(self._sampled(self._space()))
        assert len({architecture.key() for architecture in architectures}) == len(architectures)

    def test_a_network_is_read_as_it_was_written(self) -> None:
        """Runs, winner files and exports hold ``to_dict`` as JSON and YAML."""
        for architecture in self._sampled(self._space()):
            plain = json.loads(json.dumps(architecture.to_dict()))
            assert type(self.kind()).architecture(plain) == architecture
            assert plain.get("kind", "staged") in (NAME, "staged")
            assert plain.get("kind") is None or plain["exits"] == list(architecture.exit_names)

    def test_active_genes_name_choices_of_the_space(self) -> None:
        """Tables and surrogates read them."""
        space = self._space()
        for architecture in self._sampled(space):
            for name, index in space.active_genes(architecture).items():
                assert 0 <= index < len(space.positions[name].choices)
            assert space.active_genes(architecture)[BUDGET_FRACTION] == len(space.budget_fractions) - 1
            assert space.active_genes(architecture)[SETTING] == 0

    def test_the_operating_point_changes_no_network(self) -> None:
        """One training serves every point of its curve."""
        space, rng = self._space((0.25, 0.5, 1.0)), np.random.default_rng(1)
        for _ in range(CASES):
            genome = space.sample(rng)
            for share in space.budget_fractions:
                moved = space.at_point(genome, share, space.settings[0])
                assert space.budget_fraction(moved) == share
                assert space.decode(moved) == space.decode(genome)

    def test_the_count_is_exact(self) -> None:
        """``aebnas check`` tells it; all genomes are written out where they are few."""
        space = self._space()
        sizes = space.cardinalities
        if int(np.prod(sizes, dtype=object)) <= MOST_COUNTED:
            everything = {space.decode(tuple(map(int, genome))) for genome in np.ndindex(*sizes)}
            assert space.count() == len(everything)

    def test_segments_are_one_per_exit_and_fit_together(self) -> None:
        """Each layer takes what the one before hands on; each exit answers with one logit per class."""
        task = self._task()
        for architecture in self._sampled(self._space()):
            segments = architecture.segments(task)
            assert [segment.name for segment in segments[:-1]] == list(architecture.exit_names)
            features = architecture.input(task).tensor
            for segment in segments:
                for layer in segment.backbone:
                    assert layer.input == features
                    features = layer.output
                answer = features
                for layer in segment.exit:
                    assert layer.input == answer
                    answer = layer.output
                assert answer.channels == self.classes

    def test_exits_stand_at_positions_of_the_space_in_order(self) -> None:
        """Loss weights, columns and pages go by them."""
        space = self._space()
        for architecture in self._sampled(space):
            places = [space.exit_positions.index(name) for name in architecture.exit_names]
            assert places == sorted(set(places))

    def test_without_exits_only_the_last_one_answers(self) -> None:
        """The network that early exits are compared with."""
        for architecture in self._sampled(self._space()):
            static = architecture.without_exits()
            assert static.exit_names == ()
            assert len(static.segments(self._task())) == 1

    def test_baselines_are_distinct_networks_without_exits(self) -> None:
        """Every search begins with them, and holds its networks with exits against them."""
        space = self._space()
        alone = [space.decode(genome) for genome in space.baselines()]
        assert len({architecture.key() for architecture in alone}) == len(alone)
        assert all(architecture.exit_names == () for architecture in alone)

    def test_a_profile_made_from_the_space_has_every_layer(self) -> None:
        """An unmeasured layer is an error, never a guess."""
        space, task = self._space(), self._task()
        layers = space.layers(task)
        assert len(set(layers)) == len(layers)
        for architecture in self._sampled(space):
            for segment in architecture.segments(task):
                assert set(segment.layers()) <= set(layers)

    def test_inputs_are_those_that_networks_ask_for(self) -> None:
        """Memory is measured for them."""
        space, task = self._space(), self._task()
        asked = {architecture.input(task).tensor for architecture in self._sampled(space)}
        assert asked <= {spec.tensor for spec in space.inputs(task)}

    def test_the_network_runs(self) -> None:
        """One batch gives finite logits at every exit."""
        import torch

        from aebnas.nets.network import EarlyExitNetwork

        architecture, task = self._sampled(self._space())[0], self._task()
        network = EarlyExitNetwork(architecture, task).eval()
        with torch.no_grad():
            logits = network(torch.zeros(2, *architecture.input(task).tensor.shape))
        assert len(logits) == len(architecture.exit_names) + 1
        assert all(
            exit_logits.shape == (2, self.classes) and bool(torch.isfinite(exit_logits).all())
            for exit_logits in logits
        )

    def test_the_drawing_names_every_exit(self) -> None:
        """The page draws what it says."""
        for architecture in self._sampled(self._space()):
            drawn = [row.exit.name for row in architecture.drawing().rows if row.exit is not None]
            assert drawn == [*architecture.exit_names, "final"]
            assert all(architecture.drawing().lines())

    def _space(self, budget_fractions: tuple[float, ...] = (1.0,)) -> SearchSpace:
        return self.kind().space(SpaceRequest(NAME, self.shape[:-1], self.shape[-1], budget_fractions))

    def _task(self) -> Task:
        return Task.of_samples(self.shape, self.classes)

    @staticmethod
    def _sampled(space: SearchSpace) -> list[Architecture]:
        rng = np.random.default_rng(0)
        return [space.decode(space.sample(rng)) for _ in range(CASES)]
