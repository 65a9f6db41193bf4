"""Mixed training: the backbone learns for the last exit first, then all exits learn together."""

import torch
from small_training import FP32, FixedBatches, network, random_batch
from torch import Tensor

from aebnas.config.sections.training import TrainingConfig
from aebnas.training.losses.joint import balanced
from aebnas.training.losses.mixed import mixed
from aebnas.training.train import train

EQUAL = (1.0, 1.0)
MIXED = {"name": "mixed", "first_phase": 0.5}
DATA = FixedBatches(random_batch(), random_batch(seed=1))


def test_early_heads_wait_for_the_second_phase() -> None:
    made, states = network(), []
    config = TrainingConfig(epochs=4, loss=MIXED)
    made.register_forward_pre_hook(
        lambda module, _x: states.append({name: p.detach().clone() for name, p in module.named_parameters()})
    )
    train(made, DATA, config, EQUAL, FP32)

    def changed(first: int, last: int) -> set[str]:
        return {name for name, p in states[first].items() if not torch.equal(p, states[last][name])}

    heads = {name for name in states[0] if name.startswith("parts.0.exit")}
    assert heads
    assert changed(0, 4) == set(states[0]) - heads  # four steps of the first phase
    assert changed(4, 7) == set(states[0])


def test_the_first_loss_is_the_last_exits_and_the_second_the_joint_one() -> None:
    made, (x, labels) = network(), random_batch()
    logits: list[Tensor] = made(x)
    config = TrainingConfig(epochs=4, loss=MIXED)
    first, second = mixed(made, config, EQUAL)
    (joint,) = balanced(made, config, EQUAL)
    assert torch.equal(first.loss(logits, labels), torch.nn.functional.cross_entropy(logits[-1], labels))
    assert torch.equal(second.loss(logits, labels), joint.loss(logits, labels))
    assert (first.epochs, second.epochs, second.equilibrium) == (2, 2, True)
