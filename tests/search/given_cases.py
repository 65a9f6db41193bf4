"""Searches on a small network that is given with its weights; they run with the consent of whoever calls."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from given_digits import Digits
from torch.nn.functional import cross_entropy

from aebnas.config import load
from aebnas.config.schema import DataConfig, SearchFile
from aebnas.data.datasets import load_dataset
from aebnas.data.loader import eval_batches
from aebnas.data.splits import Splits, make_splits
from aebnas.extensions.consent import allow_code, look_in

HERE = Path(__file__).parent
PLAN = "[{heads: 2}, {finetuned: 1, keep: 2}]"
FILE = """
name: given
data: {{name: digits}}
code_folder: {code}
space:
  kind: pretrained
  network: given_digits:network
  weights: {weights}
  head: {head}
  exits: {{after: [stem, body]}}
training: {{learning_rate: 0.1, precision: fp32}}
evaluation: {{fidelities: {plan}}}
search: {{population: 4, generations: 2}}
workers: {{mode: serial}}
"""


@cache
def digits() -> Splits:
    settings = DataConfig(name="digits")
    return make_splits(load_dataset(settings), settings)


def write_weights(path: Path) -> Path:
    """Train the network for a few epochs, as its owner did; the same every time."""
    splits = digits()
    spec = splits.task.input((8, 8))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Digits()
        optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9)
        for _ in range(4):
            for x, y in eval_batches(splits.train, spec, device="cpu", batch_size=64):
                loss = cross_entropy(network(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    torch.save(network.state_dict(), path)
    return path


def config(
    folder: Path, weights: Path, overrides: tuple[str, ...] = (), head: str = "keep", plan: str = PLAN
) -> SearchFile:
    """Return the file of a search; its code may run from now on."""
    look_in(HERE)
    path = folder / "given.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(FILE.format(code=HERE, weights=weights, head=head, plan=plan))
    with allow_code():
        return load(path, overrides)


def state(weights: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in weights.items() if tensor.is_floating_point()}
