"""Heads on a network as a user has it: a torch module, cut, with real digits."""

from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer, classifier
from aebnas.config.schema import DataConfig
from aebnas.config.sections.training import TrainingConfig
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import Splits, make_splits
from aebnas.heads.bank.head_bank import HeadBank
from aebnas.heads.bank.request import HeadRequest, HeadTraining
from aebnas.heads.features.features import Features
from aebnas.heads.features.parts import SELECT
from aebnas.heads.features.store import FeatureStore
from aebnas.heads.features.views import RandomViews
from aebnas.heads.frozen_network import FrozenNetwork, frozen_network
from aebnas.pretrained.network import PretrainedNetwork
from aebnas.space.api import GivenNetwork
from aebnas.training.losses.teacher import Distillation


class Given(nn.Module):
    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU())
        self.head = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        answers: Tensor = self.head(self.body(self.stem(x)).mean((2, 3)))
        return answers


@cache
def digits() -> Splits:
    settings = DataConfig(name="mnist5k")
    return make_splits(load_dataset(settings), settings)


def prepare(pixels: Tensor) -> Tensor:
    return pixels.permute(0, 3, 1, 2).float() / 255


@cache
def given(keeps_head: bool = True) -> GivenNetwork:
    *pieces, head = PretrainedNetwork(Given(0).eval()).at((1, 28, 28)).layers(["stem", "body"])
    spec = digits().task.input((28, 28))
    return GivenNetwork("", "a small network", spec, ("stem", "body"), tuple(pieces), (head,), keeps_head)


def frozen(keeps_head: bool = True) -> FrozenNetwork:
    return frozen_network(given(keeps_head), prepare, "cpu")


def test_its_pieces_answer_as_the_network_does() -> None:
    images = torch.from_numpy(digits().select.pixels[:20])
    with torch.inference_mode():
        *_, (name, answers) = frozen().outputs(prepare(images))
        expected = Given(0).eval()(prepare(images))
    assert name == "answers"
    assert torch.equal(answers, expected)


def test_without_its_classifier_it_ends_at_the_last_cut() -> None:
    assert frozen(keeps_head=False).names == ("stem", "body")


def test_its_weights_are_its_own() -> None:
    with torch.no_grad():
        for weight in frozen().pieces[0].parameters():
            weight.zero_()
    assert all(bool(weight.any()) for weight in frozen().pieces[0].parameters())


def test_its_cuts_cost_what_runs_before_them() -> None:
    cut = PretrainedNetwork(Given(0).eval()).at((1, 28, 28))
    macs = {place.name: place.macs for place in cut.cuts}
    assert [place.macs for place in frozen().cuts] == [macs["stem"], macs["body"]]


def test_convolutions_on_random_features_read_digits(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "features", frozen(keeps_head=False), digits(), RandomViews(0))
    plan = store.plan(limit_mb=1000, views=1)
    store.fill(plan)
    features = Features(store, plan)
    first = Layer(BlockSpec("conv", 3, 32, 2), features.spec("stem"))
    second = Layer(BlockSpec("conv", 3, 64, 2), first.output)
    config = TrainingConfig(epochs=4, learning_rate=0.3)
    training = HeadTraining(config, Distillation(0.5, 2.0), run_seed=0)
    head = HeadBank(tmp_path / "heads", features, training).head(
        HeadRequest("stem", (first, second, classifier(second.output, 10)))
    )
    assert head.record["select_accuracy"] > 0.9
    assert (head.select.argmax(1) == features.labels(SELECT)).mean() > 0.9
