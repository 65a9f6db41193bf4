"""Training: the loss falls, an interrupted training ends as an uninterrupted one."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from small_supernets import architectures, config, ready, space, splits, untrained

from aebnas.config.sections.supernet import SupernetConfig
from aebnas.data.elastic import ElasticBatches
from aebnas.data.loader import eval_batches
from aebnas.errors import RunError, TrainingError
from aebnas.evaluation.identity import context_key
from aebnas.evaluation.settings import candidate_settings, supernet_settings
from aebnas.hardware.cost.cost import network_cost
from aebnas.space.genes import ABSENT
from aebnas.supernet import training_loop
from aebnas.supernet.identity import named_differences, supernet_metadata
from aebnas.supernet.inheritance import InheritedSubnets, supernet_with
from aebnas.supernet.preparation import ready_supernet
from aebnas.supernet.process_group import ProcessGroup, leading
from aebnas.supernet.sandwich import Sandwich
from aebnas.supernet.storage import StoredSupernet, load_supernet, save_supernet, supernet_file
from aebnas.supernet.training import SupernetTraining
from aebnas.supernet.training_loop import TrainingProgress, new_training
from aebnas.task.input_spec import InputSpec
from aebnas.task.task import classification
from aebnas.training.losses.joint import summed
from aebnas.training.losses.modes import MODES


def of_side(side: int) -> InputSpec:
    """Input of a network of small squares."""
    return splits().task.input((side, side))


def batches(seed: int = 0) -> ElasticBatches:
    train = splits().train
    return ElasticBatches(
        train,
        [of_side(6), of_side(8)],
        device="cpu",
        batch_size=64,
        augment=config().training.augment,
        seed=seed,
    )


# ---------------------------------------------------------------- the sandwich
def test_each_step_trains_the_largest_the_smallest_and_random_networks() -> None:
    sandwich = Sandwich(space(), classification(1, 10))
    drawn = sandwich.draw(4, 1, np.random.default_rng(0))
    ends = sandwich.landmarks()
    macs = {name: network_cost(a, classification(1, 10)).reach_macs[-1] for name, a in ends.items()}
    others = [network_cost(a, classification(1, 10)).reach_macs[-1] for a in architectures(200)]
    assert [drawn[0][0].stages, drawn[1][0].stages] == [ends["largest"].stages, ends["smallest"].stages]
    assert len({group[0] for group in drawn}) == 4
    assert macs["largest"] >= max(others)
    assert macs["smallest"] <= min(a for a in others)
    assert macs["smallest"] < macs["middle"] < macs["largest"]


def test_every_trained_network_has_all_its_exits() -> None:
    assert ABSENT in space().positions["exit.stage1.modules"].choices
    drawn = Sandwich(space(), classification(1, 10)).draw(20, 2, np.random.default_rng(0))
    assert all(len(a.exits) == 1 for group in drawn for a in group)


def test_where_an_exit_changes_those_behind_it_networks_lack_it_half_the_time() -> None:
    sandwich = Sandwich(space(), classification(1, 10), boosting_coefficient=0.5)
    rng = np.random.default_rng(0)
    groups = [group for _ in range(20) for group in sandwich.draw(5, 3, rng)]
    assert all(len({len(a.exits) for a in group}) == 1 for group in groups), "one network, the same positions"
    largest = sandwich.landmarks()["largest"]
    with_all = [group for group in groups if group[0].stages == largest.stages]
    assert len(with_all) >= 20
    assert all(len(group[0].exits) == 1 for group in groups[::5]), "the teacher has all"
    lacking = sum(not group[0].exits for group in groups)
    assert 25 <= lacking <= 55, "of 80"


def test_boosted_supernets_without_optional_exits_serve_no_space_with_them() -> None:
    def metadata(**exits: Any) -> dict[str, Any]:
        changed = {**config().model_dump(mode="json")["space"], "exits": {"after": ["stage1"], **exits}}
        return supernet_metadata(
            supernet_settings(config(training={"loss": "boosted"}, space=changed)),
            "data",
            classification(1, 10),
        )

    optional, always = metadata(), metadata(optional=False)
    assert optional["supernet"]["networks_lack_exits"] is True
    assert always["supernet"]["networks_lack_exits"] is False
    assert (
        supernet_metadata(supernet_settings(config()), "data", classification(1, 10))["supernet"][
            "networks_lack_exits"
        ]
        is False
    )
    assert named_differences(optional, always) == ""
    assert "networks_lack_exits: false -> true" in named_differences(always, optional)


def test_branches_of_one_network_share_its_backbone() -> None:
    for group in Sandwich(space(), classification(1, 10)).draw(5, 4, np.random.default_rng(0)):
        assert len({(a.resolution, a.stem, a.stages) for a in group}) == 1
        assert len({a.exits for a in group}) > 1


def test_a_teacher_at_a_high_temperature_is_no_divergence(tmp_path: Path) -> None:
    settings = {"epochs": 3, "temperature": 10, "distillation": 1, "reuse": "never"}
    _, output = ready(tmp_path / "run", supernet=settings)
    chance = 2 * np.log(10)
    assert output[-1].step == output[-1].steps
    training = new_training(supernet_settings(config(supernet=settings)), splits(), untrained())
    training._labelled.append(torch.tensor(2.9 * chance))
    training._check_converges()
    training._labelled.append(torch.tensor(3.1 * chance))
    with pytest.raises(TrainingError, match=r"diverged: its loss is 14\.3 on labels alone, chance is 4\.61"):
        training._check_converges()


def test_the_fair_rule_trains_neither_end_in_every_step_and_needs_no_teacher() -> None:
    sandwich = Sandwich(space(), classification(1, 10))
    ends = {sandwich.landmarks()[name].key() for name in ("smallest", "largest")}
    groups = sandwich.draw_fair(6, 1, np.random.default_rng(0))
    assert len(groups) == 6
    assert not all(end in {one.key() for group in groups for one in group} for end in ends)
    assert SupernetConfig(rule="fair").teacher_share == 0
    assert SupernetConfig().teacher_share == SupernetConfig(distillation=0.5).teacher_share == 0.5


# ---------------------------------------------------------------- batches
def test_an_epoch_can_be_entered_in_its_middle() -> None:
    whole = list(batches().epoch(3))
    for late, batch in zip(batches().epoch(3, start=5), whole[5:], strict=True):
        assert torch.equal(late.prepared(of_side(8)), batch.prepared(of_side(8)))
        assert torch.equal(late.targets, batch.targets)


def test_epochs_and_seeds_differ() -> None:
    first = [
        next(one.epoch(n)).prepared(of_side(8))
        for one, n in ((batches(), 0), (batches(), 1), (batches(1), 0))
    ]
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])


def test_a_batch_holds_the_same_images_at_each_resolution() -> None:
    batch = next(batches().epoch(0))
    small, large = batch.prepared(of_side(6)), batch.prepared(of_side(8))
    assert (small.shape[2], large.shape[2]) == (6, 8)
    again = torch.nn.functional.interpolate(large, size=(6, 6), mode="bilinear", antialias=True)
    assert float((again - small).abs().mean()) < 0.05


# ---------------------------------------------------------------- training
def test_the_loss_falls_and_subnets_answer(tmp_path: Path) -> None:
    one, output = ready(tmp_path / "run", supernet={"epochs": 6})
    assert output[-1].loss < 0.7 * 2 * np.log(10)
    assert output[-1].step == output[-1].steps == one.supernet.steps
    last = output[-1].accuracies
    assert last is not None
    assert list(last) == ["smallest", "middle", "largest"]
    assert last["largest"][-1] > 0.5, "chance is 0.1"


def test_adamw_learns_too(tmp_path: Path) -> None:
    settings = {"epochs": 6, "optimizer": "adamw", "reuse": "never"}
    trained, output = ready(tmp_path / "run", supernet=settings)
    assert output[-1].loss < 0.7 * 2 * np.log(10)
    assert trained.supernet.metadata["supernet"]["optimizer"] == "adamw"


class StoppedError(Exception):
    """Stands for a kill."""


PHOTOS = {"augment": {"random_resized_crop": True, "colour_jitter": True, "mixup": 0.4}}


@pytest.mark.parametrize(
    ("changed", "training"),
    [({}, {}), ({"average": 0.9}, {}), ({"optimizer": "adamw"}, {}), ({}, PHOTOS)],
)
def test_a_killed_training_ends_with_exactly_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], training: dict[str, Any]
) -> None:
    settings = {**changed, "checkpoint_seconds": 1e-9, "reuse": "never"}
    whole, _ = ready(tmp_path / "whole", supernet=settings, training=training)

    def killed(progress: TrainingProgress) -> None:
        if progress.step > 20:  # in the middle of the first epoch's successor
            raise StoppedError

    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_NEWS", 0)
    file = config(supernet=settings, training=training)
    with pytest.raises(StoppedError):
        ready_supernet(supernet_settings(file), splits(), tmp_path / "parts", killed)
    half = load_supernet(supernet_file(tmp_path / "parts"))
    assert (half.step, half.is_finished) == (20, False)
    parts, _ = ready(tmp_path / "parts", supernet=settings, training=training)
    assert parts.origin == "trained"
    for name, tensor in whole.supernet.weights.items():
        assert torch.equal(parts.supernet.weights[name], tensor), name


def test_ctrl_c_within_a_step_loses_that_step_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"epochs": 1, "reuse": "never"}
    whole, _ = ready(tmp_path / "whole", supernet=settings)
    backward, calls = SupernetTraining._backward, 0

    def stopped(*arguments: Any) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == 2 * 9:  # in the second network of the ninth step
            raise KeyboardInterrupt
        return backward(*arguments)

    monkeypatch.setattr(SupernetTraining, "_backward", stopped)
    with pytest.raises(KeyboardInterrupt):
        ready(tmp_path / "parts", supernet=settings)
    monkeypatch.undo()
    assert load_supernet(supernet_file(tmp_path / "parts")).step == 8
    parts, _ = ready(tmp_path / "parts", supernet=settings)
    for name, tensor in whole.supernet.weights.items():
        assert torch.equal(parts.supernet.weights[name], tensor), name


def test_what_ctrl_c_left_of_an_update_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(torch.optim.SGD, "step", stopped)
    with pytest.raises(KeyboardInterrupt):
        ready(tmp_path / "run")
    assert not supernet_file(tmp_path / "run").exists()


def test_ctrl_c_at_the_very_end_still_leaves_the_average(tmp_path: Path) -> None:
    settings = {"epochs": 1, "average": 0.9, "reuse": "never"}
    whole, _ = ready(tmp_path / "whole", supernet=settings)

    def stop(progress: TrainingProgress) -> None:
        if progress.step == progress.steps:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ready_supernet(supernet_settings(config(supernet=settings)), splits(), tmp_path / "parts", stop)
    parts, _ = ready(tmp_path / "parts", supernet=settings)
    assert parts.origin == "known"
    for name, tensor in whole.supernet.weights.items():
        assert torch.equal(parts.supernet.weights[name], tensor), name


def test_a_long_average_forgets_the_random_weights_that_it_began_with() -> None:
    supernet = untrained()
    first = {name: flat.detach().clone() for name, flat in supernet.weights.flat.items()}
    training = new_training(
        supernet_settings(config(supernet={"epochs": 2, "average": 0.9999})), splits(), supernet
    )
    for _ in training.advance():
        pass
    trained = {name: flat.detach().clone() for name, flat in supernet.weights.flat.items()}
    training.finish()
    for name, average in supernet.weights.flat.items():
        moved = float((trained[name] - first[name]).norm())
        assert float((average.detach() - trained[name]).norm()) < moved / 2, name


def test_a_teacher_on_another_process_says_what_it_says_where_it_is_trained() -> None:
    settings = config(supernet={"distillation": 0.5}, training={"precision": "bf16"})
    supernet = untrained()
    training = new_training(supernet_settings(settings), splits(), supernet)
    batch, largest = next(batches().epoch(0)), training.sandwich.landmarks()["largest"]
    there = training._teacher(largest, batch)
    here = training._backward([largest], batch, None, torch.zeros(2))
    assert torch.equal(there, here)


def test_the_file_records_how_the_training_went_all_sessions_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"epochs": 2, "checkpoint_seconds": 1e-9, "reuse": "never"}

    def killed(progress: TrainingProgress) -> None:
        if progress.step > 20:
            raise StoppedError

    monkeypatch.setattr(training_loop, "SECONDS_BETWEEN_NEWS", 0)
    with pytest.raises(StoppedError):
        ready_supernet(supernet_settings(config(supernet=settings)), splits(), tmp_path / "run", killed)
    file = supernet_file(tmp_path / "run")
    half = load_supernet(file)
    save_supernet(file, replace(half, record={**half.record, "seconds": 1000.0}))
    whole, output = ready(tmp_path / "run", supernet=settings)
    record = whole.supernet.record
    assert record["seconds"] > 1000
    assert (record["device"], record["processes"]) == ("cpu", 1)
    assert (record["loss"], record["accuracies"]) == (output[-1].loss, output[-1].accuracies)
    assert record["looked_at"] == record["steps"] == output[-1].steps


def test_others_may_read_a_supernet_as_the_umask_says(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    one, _ = ready(tmp_path / "run", supernet={"epochs": 1})
    assert one.path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_modules_are_kept_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aebnas.supernet.supernet.KEPT_BYTES", 1)
    monkeypatch.setattr("aebnas.supernet.supernet.KEPT_SHARE", 0.5)
    supernet = untrained()
    shared = sum(flat.nbytes for flat in supernet.weights.flat.values())
    for architecture in architectures(20):
        supernet.sample_subnet([architecture])
        kept = sum(bound.bytes for bound in supernet._bound_modules.values())
        assert 0 < kept <= shared / 2
        assert kept == supernet._kept


def test_a_finished_training_keeps_no_state(tmp_path: Path) -> None:
    one, _ = ready(tmp_path / "run", supernet={"epochs": 1})
    assert one.supernet.is_finished
    assert not one.supernet.state


def test_the_file_names_its_space_by_a_hash(tmp_path: Path) -> None:
    hashes = []
    for name, space_ in (("first", config().space.model_dump(mode="json")), ("second", smaller())):
        path = supernet_file(tmp_path / name)
        save_supernet(path, StoredSupernet({"space": space_}, 1, 1, {}))
        with safe_open(path, "pt") as file:
            hashes.append(file.metadata()["space_hash"])
    assert len(set(hashes)) == 2
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in hashes)


def test_with_an_average_subnets_get_the_averaged_weights() -> None:
    settings = config(supernet={"epochs": 1, "average": 0.5})
    supernet = untrained()
    training = new_training(supernet_settings(settings), splits(), supernet)
    steps = training.advance()
    next(steps)
    before = {name: flat.detach().clone() for name, flat in supernet.weights.flat.items()}
    with training.averaged():
        changed = [not torch.equal(before[n], flat) for n, flat in supernet.weights.flat.items()]
        assert all(changed)
    assert all(torch.equal(before[n], flat) for n, flat in supernet.weights.flat.items())


def test_a_loss_that_is_not_finite_ends_the_training(tmp_path: Path) -> None:
    with pytest.raises(
        TrainingError, match=r"diverged: its loss is NaN or infinite.*supernet\.learning_rate"
    ):
        ready(tmp_path / "run", supernet={"learning_rate": 100.0}, training={"clip_norm": None})


# ---------------------------------------------------------------- inherited subnets
def test_a_subnets_batch_norms_know_the_sample_and_nothing_else() -> None:
    supernet = untrained()
    architecture = architectures(1)[0]
    subnets = InheritedSubnets(supernet_settings(config()), splits(), supernet)
    network, again = subnets.extract(architecture), subnets.extract(architecture)
    assert not network.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    first = network.segments()[0].backbone[0][1]
    x, _ = next(eval_batches(subnets._sample, network.input, device="cpu", batch_size=250))
    seen = network.segments()[0].backbone[0][0](x).mean(dim=(0, 2, 3))
    torch.testing.assert_close(first.running_mean, seen, atol=1e-4, rtol=1e-3)


def test_the_sample_holds_every_class() -> None:
    subnets = InheritedSubnets(
        supernet_settings(
            config(evaluation={"fidelities": [{"kind": "inherited", "recalibration_images": 100}]})
        ),
        splits(),
        untrained(),
    )
    assert set(subnets._sample.labels) == set(range(10))


# ---------------------------------------------------------------- reuse and refusal
def test_a_supernet_of_a_neighbouring_run_is_used_again(tmp_path: Path) -> None:
    first, _ = ready(tmp_path / "first", supernet={"epochs": 1})
    second, output = ready(tmp_path / "second", supernet={"epochs": 1})
    assert second.origin == str(first.path)
    assert not output
    for name, tensor in first.supernet.weights.items():
        assert torch.equal(second.supernet.weights[name], tensor)


def test_a_finished_supernet_of_the_run_is_known(tmp_path: Path) -> None:
    ready(tmp_path / "run", supernet={"epochs": 1})
    again, output = ready(tmp_path / "run", supernet={"epochs": 1, "reuse": "never"})
    assert (again.origin, output) == ("known", [])


def test_other_settings_train_a_supernet_of_their_own(tmp_path: Path) -> None:
    ready(tmp_path / "first", supernet={"epochs": 1})
    other, _ = ready(tmp_path / "second", supernet={"epochs": 1, "seed": 1})
    assert other.origin == "trained"


def test_what_decides_nothing_lets_a_supernet_be_used_again(tmp_path: Path) -> None:
    first, _ = ready(tmp_path / "first", supernet={"epochs": 1})
    options = {
        "search": {"seed": 3},
        "evaluation": {"fidelities": [{"kind": "inherited", "finetune_epochs": 1}]},
    }
    second, _ = ready(tmp_path / "second", supernet={"epochs": 1, "checkpoint_seconds": 5.0}, **options)
    assert second.origin == str(first.path)


def test_a_supernet_of_another_space_is_refused_with_the_difference(tmp_path: Path) -> None:
    first, _ = ready(tmp_path / "first", supernet={"epochs": 1})
    wider = config().model_dump(mode="json")["space"] | {"stem": {"width": 12}}
    with pytest.raises(RunError, match=r"another space.*space\.stem\.width: 8 -> 12"):
        ready(tmp_path / "second", supernet={"epochs": 1, "file": str(first.path)}, space=wider)


def smaller() -> dict[str, Any]:
    """The space with choices, a kernel size and a block type taken away."""
    plain: dict[str, Any] = config().model_dump(mode="json")["space"]
    first = plain["stages"][0] | {"width": [4], "block": {"type": ["residual"], "kernel": [1]}}
    branch = plain["exits"]["branch"] | {"modules": [1]}
    exits = plain["exits"] | {"optional": False, "branch": branch}
    return plain | {"resolution": [8], "stages": [first, plain["stages"][1]], "exits": exits}


def test_a_space_with_fewer_choices_inherits_from_the_larger_ones_supernet(tmp_path: Path) -> None:
    first, _ = ready(tmp_path / "first", supernet={"epochs": 1})
    given = {"epochs": 1, "file": str(first.path)}
    second, output = ready(tmp_path / "second", supernet=given, space=smaller())
    assert (second.origin, output) == (str(first.path), [])
    weights = {name: tensor.numpy() for name, tensor in second.supernet.weights.items()}
    large, small = (
        supernet_with(supernet_settings(one), splits().task, weights)
        for one in (config(), config(supernet=given, space=smaller()))
    )
    assert sum(map(torch.numel, small.weights.tensors.values())) < sum(map(np.size, weights.values()))
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.normal(size=(4, 1, 8, 8)).astype(np.float32))
    for _ in range(20):
        architecture = small.space.decode(small.space.sample(rng))
        pair = [one.extract(architecture)(images) for one in (large, small)]
        for a, b in zip(*pair, strict=True):
            assert torch.equal(a, b)


def test_a_neighbours_supernet_of_a_larger_space_is_not_used_unasked(tmp_path: Path) -> None:
    ready(tmp_path / "first", supernet={"epochs": 1})
    second, _ = ready(tmp_path / "second", supernet={"epochs": 1}, space=smaller())
    assert second.origin == "trained"


def test_a_supernet_of_a_smaller_space_is_refused(tmp_path: Path) -> None:
    first, _ = ready(tmp_path / "first", supernet={"epochs": 1}, space=smaller())
    with pytest.raises(RunError, match=r"another space.*space\.resolution: 8 -> \[6, 8\]"):
        ready(tmp_path / "second", supernet={"epochs": 1, "file": str(first.path)})


def test_a_half_trained_supernet_of_a_larger_space_is_refused(tmp_path: Path) -> None:
    first, _ = ready(tmp_path / "first", supernet={"epochs": 1})
    save_supernet(first.path, replace(first.supernet, step=1))
    with pytest.raises(RunError, match="half trained, for a larger space"):
        ready(tmp_path / "first", supernet={"epochs": 1}, space=smaller())


def test_a_supernet_of_other_data_is_refused(tmp_path: Path) -> None:
    first, _ = ready(tmp_path / "first", supernet={"epochs": 1})
    settings = config(supernet={"epochs": 1, "file": str(first.path)})
    other = replace(splits(), fingerprint="other")
    with pytest.raises(RunError, match=r"data\.fingerprint"):
        ready_supernet(supernet_settings(settings), other, tmp_path / "second", lambda progress: None)


def test_a_share_of_the_teacher_that_follows_from_the_rule_makes_no_other_supernet(tmp_path: Path) -> None:
    metadata = supernet_metadata(
        supernet_settings(config(supernet={"epochs": 1})), splits().fingerprint, classification(1, 10)
    )
    assert metadata["supernet"]["distillation"] == 0.5
    path = supernet_file(tmp_path / "first")
    save_supernet(path, StoredSupernet(metadata, 1, 1, untrained().weights.tensors, {}))
    for run, given in (("first", {"distillation": 0.5}), ("second", {"rule": "sandwich"})):
        found, output = ready(tmp_path / run, supernet={"epochs": 1} | given)
        assert (found.origin, output) == ("known" if run == "first" else str(path), [])


def test_rules_and_shares_of_the_teacher_are_told_apart() -> None:
    chosen = [{}, {"rule": "fair"}, {"distillation": 0.0}, {"distillation": 0.25}]
    keys = {context_key(candidate_settings(config(supernet=one)), "data") for one in chosen}
    assert len(keys) == len(chosen)
    assert (
        context_key(candidate_settings(config(supernet={"rule": "fair", "distillation": 0.0})), "data")
        in keys
    )


def test_a_damaged_supernet_is_told(tmp_path: Path) -> None:
    path = supernet_file(tmp_path / "run")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged")
    with pytest.raises(RunError, match="no readable supernet"):
        ready(tmp_path / "run")


def test_a_damaged_neighbour_is_passed_over(tmp_path: Path) -> None:
    path = supernet_file(tmp_path / "other")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged")
    one, _ = ready(tmp_path / "run", supernet={"epochs": 1})
    assert one.origin == "trained"


# ---------------------------------------------------------------- several processes
def test_every_network_of_a_step_belongs_to_one_process() -> None:
    costs = [9.0, 1.0, 4.0, 5.0]
    shares = [ProcessGroup(rank, 2).share(costs, float) for rank in range(2)]
    assert sorted(shares[0] + shares[1]) == [0, 1, 2, 3]
    assert [sum(costs[i] for i in share) for share in shares] == [10.0, 9.0]
    assert ProcessGroup().share(costs, cost=lambda one: 1 / 0) == [0, 1, 2, 3], "alone nothing is counted"


def dies(group: ProcessGroup) -> None:
    """Follow a process group that this process will never meet."""


class NotStarting:
    """Cannot be unpickled, as what an unguarded script's process would import."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (int, ("no number",))


def test_a_process_that_dies_before_the_first_step_is_told_at_once() -> None:
    began = time.monotonic()
    with (
        pytest.raises(TrainingError, match=r"did not start \(exit code 1.*supernet\.processes=1"),
        leading(2, "cpu", dies, (NotStarting(),)),
    ):
        pytest.fail("they cannot have met")
    assert time.monotonic() - began < 300


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with (
        pytest.raises(
            TrainingError, match=r"2 processes need a GPU each.*sees 1; --set supernet\.processes=1"
        ),
        leading(2, "cuda:0", dies, ()),
    ):
        pytest.fail("there is one GPU")


@pytest.mark.slow
def test_two_processes_train_the_same_supernet_up_to_rounding(tmp_path: Path) -> None:
    settings = {"epochs": 1, "networks": 3, "reuse": "never", "distillation": 0.5}
    one, _ = ready(tmp_path / "one", supernet=settings)
    two, output = ready(tmp_path / "two", supernet=settings | {"processes": 2})
    assert output[-1].step == one.supernet.steps
    for name, tensor in one.supernet.weights.items():
        torch.testing.assert_close(two.supernet.weights[name], tensor, atol=2e-2, rtol=2e-2)


@pytest.mark.parametrize(
    ("loss", "share"), [("uniform", 1.0), ("gradient_equilibrium", 0.5), ("boosted", 0.5)]
)
def test_gradients_of_a_supernet_are_in_equilibrium_where_those_of_its_networks_are(
    loss: str, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_the_stem() -> torch.Tensor:
        settings = config(training={"loss": loss})
        training = new_training(supernet_settings(settings), splits(), untrained(training={"loss": loss}))
        batch = next(iter(training._batches.epoch(0, 0)))
        largest = training.sandwich.landmarks()["largest"]
        training._backward([largest], batch, None, torch.zeros(2))
        gradients = training.supernet.weights.gradients
        return next(gradient.clone() for name, gradient in gradients.items() if name.startswith("stem"))

    scaled = of_the_stem()
    monkeypatch.setitem(MODES, loss, summed)
    torch.testing.assert_close(scaled, share * of_the_stem())
