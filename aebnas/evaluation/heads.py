"""Candidates that are exits on a network which stays as it is: heads of a bank, and what they answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from aebnas.evaluation.bench import Arrays, Bench, Logits, Preparation, Realised
from aebnas.evaluation.given_heads import GivenHeads, GivenNetworks
from aebnas.evaluation.plan import Fidelity, Step
from aebnas.heads.bank.head_bank import TrainedHead
from aebnas.heads.features.parts import CALIBRATE, SELECT
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.api import Architecture

HEADS = "heads"
"""The kind's name."""
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Heads:
    """Exit branches trained on kept features, each once for all candidates; no image goes through again."""

    def __init__(self, bench: Bench) -> None:
        """Open features and bank when the first candidate asks for them."""
        self._bench = bench
        self._networks = GivenNetworks(bench.settings, bench.splits, bench.device, lambda: bench.space)

    @staticmethod
    def prepare(preparation: Preparation) -> Arrays | None:
        """Keep the features on disk, where workers find them."""
        preparation.heads()
        return None

    def beginning(self, architecture: Architecture) -> EarlyExitNetwork | None:
        """Return the given network with the candidate's heads."""
        given = self._networks.of(architecture)
        return self._network(architecture, given, given.heads(architecture))

    def realise(self, architecture: Architecture, fidelity: Fidelity, step: Step, seed: int) -> Realised:
        """Return the given network with the candidate's heads, and what all its exits answer."""
        given = self._networks.of(architecture)
        heads = given.heads(architecture)
        exits = [(head.calibrate, head.select) for head in heads]
        if len(heads) == len(architecture.exit_names):  # behind them stands the network's own classifier
            exits.append((given.answers(CALIBRATE), given.answers(SELECT)))
        calibrate, select = (np.stack(logits, axis=1) for logits in zip(*exits, strict=True))
        losses = [float(head.record["train_loss"]) for head in heads]
        dtypes = {PRECISIONS[head.record["precision"]] for head in heads}
        return Realised(
            self._network(architecture, given, heads),
            float(np.mean(losses)) if losses else None,
            torch.bfloat16 if torch.bfloat16 in dtypes else torch.float32,
            Logits(calibrate, select),
        )

    def _network(
        self, architecture: Architecture, given: GivenHeads, heads: Sequence[TrainedHead]
    ) -> EarlyExitNetwork:
        network = self._bench.new_network(architecture)
        # behind the last head stands the network's own classifier, where it stays
        for part, head in zip(network.segments(), heads, strict=False):
            part.exit.load_state_dict(given.exit_weights(head))
        return network.eval()
