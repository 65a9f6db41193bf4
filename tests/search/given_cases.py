"""Searches on small networks that are given with their weights; consent to run them is the caller's."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from given_digits import Digits, Narrow
from torch import nn
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


SEVERAL = FILE.replace(
    """  network: given_digits:network
  weights: {weights}
""",
    """  network:
    - {{network: given_digits:network, weights: {weights}, after: [stem], last: [body, output]}}
    - {{network: given_digits:narrow, weights: {narrow}, after: [first]}}
""",
).replace("exits: {{after: [stem, body]}}", "exits: {{most: 1}}")
"""The same with two networks, the first of which may end earlier."""


@cache
def digits() -> Splits:
    settings = DataConfig(name="digits")
    return make_splits(load_dataset(settings), settings)


def write_weights(path: Path) -> Path:
    """Train the networks for a few epochs, as their owner did; the same every time."""
    _train(Digits, path)
    _train(Narrow, narrow_weights(path))
    return path


def narrow_weights(weights: Path) -> Path:
    """Return where the weights of the second network lie."""
    return weights.with_stem(f"{weights.stem}_narrow")


def _train(make: type[nn.Module], path: Path) -> None:
    splits = digits()
    spec = splits.task.input((8, 8))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = make()
        optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9)
        for _ in range(4):
            for x, y in eval_batches(splits.train, spec, device="cpu", batch_size=64):
                loss = cross_entropy(network(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    torch.save(network.state_dict(), path)


def config(
    folder: Path,
    weights: Path,
    overrides: tuple[str, ...] = (),
    head: str = "keep",
    plan: str = PLAN,
    file: str = FILE,
) -> SearchFile:
    """Return the file of a search; its code may run from now on."""
    look_in(HERE)
    path = folder / "given.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    narrow = narrow_weights(weights)
    path.write_text(file.format(code=HERE, weights=weights, narrow=narrow, head=head, plan=plan))
    with allow_code():
        return load(path, overrides)


def state(weights: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in weights.items() if tensor.is_floating_point()}
