"""The sandwich rule: each step trains the largest network, the smallest, and random ones.

Exits are present in all of them: branches are trained as often as the backbone, and a network without some
exits is the same one without those branches.  But where an exit's logits are carried on to the next one
(``TrainingConfig.boosting_coefficient``) it is another one: there all but the largest lack any optional exit
half the time.
Source: universally slimmable networks (ICCV 2019).
"""

from __future__ import annotations

import numpy as np

from aebnas.hardware.cost.cost import network_cost
from aebnas.space.api import Architecture, SearchSpace
from aebnas.space.genes import ABSENT, Gene, Genome
from aebnas.task.task import Task

LACKING_SHARE = 0.5
"""How often an optional exit is absent where that changes the exits behind it."""
TURNS = 2
"""Passes over the genes: one gene's best choice depends on the others'."""


class Sandwich:
    """Draws the networks of each step."""

    def __init__(self, space: SearchSpace, task: Task, boosting_coefficient: float = 0.0) -> None:
        """Find the largest and the smallest network.

        Args:
            space: The space.
            task: What comes in, and how many answers there are.
            boosting_coefficient: As for ``EarlyExitNetwork``.
        """
        self._space = space
        self._without = {
            i: gene.choices.index(ABSENT)
            for i, gene in enumerate(space.genes)
            if boosting_coefficient and any(_removes_exit(gene.name, choice) for choice in gene.choices)
        }
        """Where genomes say that an exit is absent, if networks shall lack some."""
        self._task = task
        self._choices = [
            [i for i, choice in enumerate(gene.choices) if not _removes_exit(gene.name, choice)]
            for gene in space.genes
        ]
        self._is_exit = [gene.group.startswith("exit.") for gene in space.genes]
        self.largest = self._extreme(1)
        self.smallest = self._extreme(-1)

    def draw(self, count: int, branches: int, rng: np.random.Generator) -> list[list[Architecture]]:
        """Return the networks of one step: largest, smallest, then random ones.

        Args:
            count: Networks, at least 2.
            branches: Random exit branches at each position of each network.
            rng: Source of the random numbers.

        Returns:
            For each network ``branches`` architectures that differ in their exit branches alone.
        """
        return self._with_branches(
            [self.largest, self.smallest, *self.fair(count - 2, rng)][:count], branches, rng
        )

    def draw_fair(self, count: int, branches: int, rng: np.random.Generator) -> list[list[Architecture]]:
        """Return the networks of one step as ``draw`` does, all of them random."""
        return self._with_branches(self.fair(count, rng), branches, rng)

    def _with_branches(
        self, backbones: list[Genome], branches: int, rng: np.random.Generator
    ) -> list[list[Architecture]]:
        networks = []
        for backbone in backbones:
            genomes = [self._with_exits(backbone, exits) for exits in self.fair(branches, rng)]
            if self._without and backbone != self.largest:
                lacking = {i: absent for i, absent in self._without.items() if rng.random() < LACKING_SHARE}
                genomes = [tuple(lacking.get(i, own) for i, own in enumerate(genome)) for genome in genomes]
            networks.append([self._space.decode(genome) for genome in genomes])
        return networks

    def fair(self, count: int, rng: np.random.Generator) -> list[Genome]:
        """Return random genomes in which the choices of every gene are equally frequent, but for one.

        Every exit is present.  Source: strict fairness of FairNAS (ICCV 2021).
        """
        columns = []
        for choices in self._choices:
            turns = max(1, -(-count // len(choices)))
            column = np.concatenate([rng.permutation(choices) for _ in range(turns)])[:count]
            columns.append(rng.permutation(column).tolist())
        return list(zip(*columns, strict=True)) if columns else [()] * count

    def landmarks(self) -> dict[str, Architecture]:
        """Return the ``smallest``, a ``middle`` and the ``largest`` network, each with all its exits.

        Of the middle one every gene is at the middle of its choices.
        """
        middle = tuple(choices[len(choices) // 2] for choices in self._choices)
        genomes = {"smallest": self.smallest, "middle": middle, "largest": self.largest}
        return {name: self._space.decode(genome) for name, genome in genomes.items()}

    def _with_exits(self, backbone: Genome, exits: Genome) -> Genome:
        pairs = zip(self._is_exit, backbone, exits, strict=True)
        return tuple(branch if is_exit else own for is_exit, own, branch in pairs)

    def _extreme(self, sign: int) -> Genome:
        """Return the genome with the most or fewest MACs to the last exit, found gene by gene."""
        # numbers begin at their end: an expansion that is not active yet would never be raised
        best = [
            _end(gene, choices, sign) for gene, choices in zip(self._space.genes, self._choices, strict=True)
        ]
        for _ in range(TURNS):
            for i, choices in enumerate(self._choices):
                sizes = {choice: sign * self._size((*best[:i], choice, *best[i + 1 :])) for choice in choices}
                # between equals it stays: an inactive gene waits at its end
                best[i] = max(choices, key=lambda choice: (sizes[choice], choice == best[i]))
        return tuple(best)

    def macs(self, architecture: Architecture) -> float:
        """Return the MACs to the last exit, heads tried on the way included."""
        return float(network_cost(architecture, self._task).reach_macs[-1])

    def _size(self, genome: Genome) -> float:
        """Return MACs to the last exit; parameters decide between equals."""
        cost = network_cost(self._space.decode(genome), self._task)
        return float(cost.reach_macs[-1]) + 1e-6 * cost.params


def _end(gene: Gene, choices: list[int], sign: int) -> int:
    """Return the index of the largest (1) or smallest (-1) number among choices; of words the first."""
    if any(isinstance(gene.choices[i], str) for i in choices):
        return choices[0]
    return max(choices, key=lambda i: sign * np.prod(gene.choices[i]))


def _removes_exit(name: str, choice: object) -> bool:
    return name.startswith("exit.") and name.endswith(".modules") and choice == ABSENT
