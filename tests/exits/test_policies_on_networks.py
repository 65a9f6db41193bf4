"""The cost a policy reports is what the network really computes when it stops where the policy says."""

import numpy as np
import pytest
import torch
from shipped import shipped
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from aebnas.exits.core.outcome import outcome_of
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.policies.families import FAMILIES, family_named
from aebnas.exits.targets import Budget
from aebnas.hardware.cost.cost import network_cost
from aebnas.nets.network import EarlyExitNetwork
from aebnas.task.task import classification

IMAGES = 12
Case = tuple[EarlyExitNetwork, list[Tensor], ExitSamples]


@pytest.fixture(scope="module")
def case() -> Case:
    """An untrained network with three exits, images, and their logits one by one."""
    space, channels, classes = shipped("mnist5k")
    rng = np.random.default_rng(0)
    architecture = next(
        candidate
        for candidate in (space.decode(space.sample(rng)) for _ in range(100))
        if len(candidate.exits) == 2
    )
    torch.manual_seed(0)
    network = EarlyExitNetwork(architecture, classification(channels, classes)).eval()
    layer = network.plan[0].backbone[0]
    images = [torch.randn(1, *layer.input.shape) for _ in range(IMAGES)]
    with torch.no_grad():
        logits = np.stack([torch.stack(network(image), dim=1)[0].numpy() for image in images])
    cost = network_cost(architecture, classification(channels, classes)).reach_macs
    return network, images, ExitSamples.of(logits, rng.integers(classes, size=IMAGES), cost)


def stopped(network: EarlyExitNetwork, image: Tensor, policy: ExitPolicy) -> Tensor:
    """Run until the policy says leave; later segments never run."""
    so_far: list[Tensor] = []
    features = image
    with torch.no_grad():
        for i, segment in enumerate(network.segments()):
            features, logits = segment(features)
            so_far.append(logits)
            if policy.leave(i, torch.stack(so_far, dim=1).numpy())[0]:
                break
    return so_far[-1]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_reported_cost_is_counted_on_the_stopped_network(name: str, case: Case) -> None:
    network, images, samples = case
    policy = Budget(0.75 * samples.reach_cost[-1]).fit(family_named(name), samples).policy
    reported = outcome_of(policy, samples)
    with FlopCounterMode(display=False) as counter:
        answers = [int(stopped(network, image, policy).argmax()) for image in images]
    assert counter.get_total_flops() / 2 / IMAGES == pytest.approx(reported.cost)
    assert answers == samples.logits.predictions[np.arange(IMAGES), policy.decide(samples.logits)].tolist()
