"""A segment may read the image again: a cascade is trained, costed, exported and run as its networks are."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cascades import Cascade, cascade
from training.small_training import batches, digits, random_batch

from aebnas.config.sections.training import TrainingConfig
from aebnas.deploy import folder as deploy_folder
from aebnas.deploy.exporting.parity import checked_parity
from aebnas.deploy.manifest import LABELS, POLICY, InputRecord, Manifest, stored_file
from aebnas.deploy.preprocessing import Preprocessing
from aebnas.deploy.segments import SegmentChain
from aebnas.deploy.session import EarlyExitSession
from aebnas.errors import RunError
from aebnas.exits.core.threshold_policy import ThresholdPolicy
from aebnas.exits.online import online
from aebnas.hardware.cost.cost import network_cost
from aebnas.nets.network import EarlyExitNetwork
from aebnas.runtime.onnx_session import onnx_runner, open_session
from aebnas.runtime.runner import Runner
from aebnas.runtime.torch_segments import network_graphs, torch_runner
from aebnas.space.api import Architecture, handed_on
from aebnas.training.gradients import equilibrium_shares
from aebnas.training.image_logits import image_logits
from aebnas.training.train import train

AGAIN = 2
"""The segment that reads the image again."""


def network_of(architecture: Architecture, boosting_coefficient: float = 0.0) -> EarlyExitNetwork:
    torch.manual_seed(0)
    return EarlyExitNetwork(architecture, digits().task, boosting_coefficient).eval()


def alone(network: EarlyExitNetwork) -> tuple[EarlyExitNetwork, EarlyExitNetwork]:
    """Return the two networks of a cascade, each by itself, with the cascade's weights."""
    assert isinstance(network.architecture, Cascade)
    pair = network_of(network.architecture.first), network_of(network.architecture.second)
    for part, own in zip(network.parts, (*pair[0].parts, *pair[1].parts), strict=True):
        own.load_state_dict(part.state_dict())
    return pair


def chain_of(network: EarlyExitNetwork) -> SegmentChain:
    return SegmentChain([open_session(graph) for graph in network_graphs(network)])


def test_a_cascade_answers_as_its_networks_do() -> None:
    network, (x, _) = network_of(cascade()), random_batch()
    with torch.no_grad():
        expected = [logits for one in alone(network) for logits in one(x)]
        assert all(torch.equal(a, b) for a, b in zip(network(x), expected, strict=True))


def test_only_features_that_the_next_segment_reads_are_handed_on() -> None:
    assert handed_on(cascade().segments(digits().task)) == (True, False, True, False)


def test_reaching_an_exit_of_the_second_network_costs_the_first_too() -> None:
    task, whole = digits().task, cascade()
    first, second = network_cost(whole.first, task), network_cost(whole.second, task)
    cost = network_cost(whole, task)
    after = first.reach_macs[-1] + second.reach_macs
    np.testing.assert_array_equal(cost.reach_macs, [*first.reach_macs, *after])
    assert cost.params == first.params + second.params


def test_the_image_waits_in_memory_until_it_is_read_again() -> None:
    task, whole = digits().task, cascade()
    first = network_cost(whole.first, task).peak_activation_bytes
    small = replace(whole, second=whole.first)
    image = 4 * whole.input(task).tensor.elements
    assert first < network_cost(small, task).peak_activation_bytes <= first + image


def test_a_training_step_changes_both_networks() -> None:
    network = network_of(cascade())
    before = {name: value.clone() for name, value in network.named_parameters()}
    config = TrainingConfig(epochs=1, batch_size=64, learning_rate=0.05, loss="gradient_equilibrium")
    result = train(network, batches(), config, (1.0,) * network.exits, torch.float32)
    assert np.isfinite(result.last_loss)
    changed = [name for name, value in network.named_parameters() if not torch.equal(value, before[name])]
    assert {name.split(".")[1] for name in changed} == {"0", "1", "2", "3"}


def test_gradients_are_in_equilibrium_in_each_network_by_itself() -> None:
    network = network_of(cascade())
    shares = equilibrium_shares(network)
    found = [{shares[weight] for weight in part.backbone.parameters()} for part in network.segments()]
    assert found == [{1 / 2}, {1.0}, {1 / 2}, {1.0}]


@pytest.mark.parametrize("boosting_coefficient", [0.0, 0.5])
def test_exported_graphs_say_what_torch_says(boosting_coefficient: float) -> None:
    network = network_of(cascade(), boosting_coefficient)
    prepare = Preprocessing(digits().train.shape, network.input)
    parity = checked_parity(network, chain_of(network), digits().calibrate, prepare)
    assert parity.images > 100


def test_the_graph_that_reads_the_image_says_so_and_the_one_before_has_no_features() -> None:
    sessions = chain_of(network_of(cascade())).sessions
    inputs = [[one.name for one in session.get_inputs()] for session in sessions]
    assert inputs == [["x"], ["x"], ["image"], ["x"]]
    outputs = [[one.name for one in session.get_outputs()] for session in sessions]
    assert outputs == [["features", "logits"], ["logits"], ["features", "logits"], ["logits"]]


def runners(network: EarlyExitNetwork) -> list[Runner]:
    sessions = [open_session(graph) for graph in network_graphs(network)]
    return [onnx_runner(sessions), torch_runner(network, torch.device("cpu"))]


@pytest.mark.parametrize("boosting_coefficient", [0.0, 0.5])
def test_runners_stop_at_every_exit_with_its_own_answer(boosting_coefficient: float) -> None:
    network, (x, _) = network_of(cascade(), boosting_coefficient), random_batch(2)
    with torch.no_grad():
        expected = [logits.numpy() for logits in network(x)]
    for runner in runners(network):
        for exit_ in (3, 0, 2, 1):
            answer = runner.run(x.numpy(), lambda i, _logits, exit_=exit_: i == exit_)
            assert answer.exit == exit_
            np.testing.assert_allclose(answer.logits, expected[exit_], atol=1e-5)


def test_a_batch_that_shrinks_gives_the_second_network_the_images_that_stay() -> None:
    network, (x, _) = network_of(cascade()), random_batch(64)
    chain = chain_of(network)
    every = chain.all_logits([x.numpy()])
    halves = tuple(float(np.median(_confidence(every[:, i]))) for i in range(3))
    policy = ThresholdPolicy("confidence", halves)
    answer = chain.batch(x.numpy(), online(policy))
    assert set(answer.exits.tolist()) == {0, 1, 2, 3}
    own = every[np.arange(len(x)), answer.exits]
    np.testing.assert_allclose(answer.logits, own, atol=1e-5)


def _confidence(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (shares / shares.sum(axis=1, keepdims=True)).max(axis=1)


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, EarlyExitNetwork]:
    """An export folder of a cascade, whose manifest is made here: no file names such an architecture."""
    network = network_of(cascade())
    files = {f"segment{i + 1}.onnx": graph for i, graph in enumerate(network_graphs(network))}
    segments = tuple(files)
    policy = ThresholdPolicy("confidence", (0.101, 0.101, 0.101))
    files |= {POLICY: json.dumps(policy.to_dict()).encode(), LABELS: json.dumps(list("0123456789")).encode()}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    manifest = Manifest.model_construct(
        architecture=network.architecture,
        classes=10,
        image_shape=digits().train.shape,
        input=InputRecord.of(network.input),
        segments=segments,
        exits=(*network.architecture.exit_names, "final"),
        files=tuple(stored_file(name, content) for name, content in files.items()),
        sixteen_bit_depth=None,
        code={},
    )
    monkeypatch.setattr(deploy_folder, "read_manifest", lambda folder: manifest)
    return tmp_path, network


def test_an_exported_cascade_answers_on_a_device_as_torch_does(
    exported: tuple[Path, EarlyExitNetwork],
) -> None:
    folder, network = exported
    images = digits().select.pixels[:16]
    predictions = EarlyExitSession(folder).predict_batch(images)
    logits = image_logits(network, digits().select)[:16]
    for prediction, own in zip(predictions, logits, strict=True):
        assert prediction.class_index == own[prediction.exit].argmax()
        assert prediction.exit_name == (*network.architecture.exit_names, "final")[prediction.exit]


def test_a_graph_that_reads_features_where_the_image_is_due_is_refused(
    exported: tuple[Path, EarlyExitNetwork],
) -> None:
    folder, _ = exported
    plain = network_of(cascade().second)
    (folder / "segment3.onnx").write_bytes(network_graphs(plain)[0])
    manifest = deploy_folder.read_manifest(folder)
    content = (folder / "segment3.onnx").read_bytes()
    others = [one for one in manifest.files if one.name != "segment3.onnx"]
    object.__setattr__(manifest, "files", (*others, stored_file("segment3.onnx", content)))
    with pytest.raises(RunError, match=r"segment 2 of 4 must have outputs features, logits, but has logits"):
        EarlyExitSession(folder)
