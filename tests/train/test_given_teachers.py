"""Teachers that a user names: a network trained before, or code of one's own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from final_cases import Interruption, images, plan, task

from aebnas import allow_code, save_network
from aebnas.config.sections.teacher import TeacherConfig
from aebnas.errors import CodeRefusedError, ConfigError, NetworkError
from aebnas.extensions.consent import look_in, without_code
from aebnas.train.full.checkpoint import load_trained, read_checkpoint
from aebnas.train.full.full_training import train_network
from aebnas.train.full.plan import Teacher
from aebnas.train.full.teachers import given_teacher
from aebnas.train.full.winner_training import TrainingOptions, train_winner
from aebnas.training.losses.teacher import Distillation

HERE = Path(__file__).parent
LISTENS = Distillation(0.5, 2.0)
OWN = "user_teachers:Linear"


@pytest.fixture(autouse=True)
def _code_is_allowed() -> Iterator[None]:
    with allow_code():
        look_in(HERE)
        yield


def given(named: str | Path) -> Teacher:
    return given_teacher(str(named), images(), LISTENS, str(HERE))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("given") / "teacher"
    train_network(task(folder), plan(epochs=1))
    return folder


def test_a_network_trained_before_teaches_with_its_last_exit(trained: Path, tmp_path: Path) -> None:
    teacher = given(trained)
    student = train_network(task(tmp_path, teacher), plan(epochs=1))
    record = student.checkpoint.teacher
    assert record is not None
    assert (record.name, record.share, record.temperature) == (str(trained), 0.5, 2.0)
    assert record.key == read_checkpoint(trained).sha256["weights.pt"][:16]
    x = torch.randn(2, *teacher.input.shape)
    assert torch.equal(teacher.network(x)[-1], load_trained(trained).network(x)[-1])


def test_a_network_of_ones_own_code_teaches_and_an_interrupted_student_ends_alike(tmp_path: Path) -> None:
    settings = plan(augment={"random_resized_crop": True, "mixup": 0.2}, ema_decay=0.9)
    whole = train_network(task(tmp_path / "whole", given(OWN)), settings)
    with pytest.raises(KeyboardInterrupt):
        train_network(task(tmp_path / "cut", given(OWN)), settings, Interruption(2))
    cut = train_network(task(tmp_path / "cut", given(OWN)), settings)
    alone = train_network(task(tmp_path / "alone"), settings)
    states = [each.network.state_dict() for each in (whole, cut, alone)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not all(torch.equal(states[0][name], states[2][name]) for name in states[0])


def test_the_network_and_its_twin_without_exits_learn_from_the_same_teacher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = plan(epochs=2, ema_decay=0.9, backbone_rate_multiplier=0.5, loss="mixed")
    settings = replace(settings, selected=replace(settings.selected, folder=tmp_path / "network"))
    monkeypatch.chdir(HERE)
    options = TrainingOptions(distillation=LISTENS, teacher=OWN, static=True)
    train_winner(settings, options)
    network, static = (read_checkpoint(tmp_path / name) for name in ("network", "network/static"))
    assert static.is_static
    assert network.teacher == static.teacher
    assert network.teacher is not None
    assert network.training == static.training == settings.settings.training


def test_whom_the_search_listened_to_teaches_unless_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(HERE)
    settings = plan(epochs=1, teacher=TeacherConfig(network=OWN, share=0.3, temperature=4.0))
    for name, options in {
        "own": TrainingOptions(folder=tmp_path / "own"),
        "named": TrainingOptions(folder=tmp_path / "named", teacher=OWN, distillation=LISTENS),
    }.items():
        train_winner(settings, options)
        checkpoint = read_checkpoint(tmp_path / name)
        record = checkpoint.teacher
        assert record is not None
        assert record.name == OWN
        expected = (0.3, 4.0) if name == "own" else (0.5, 2.0)
        assert (record.share, record.temperature) == expected
        assert (checkpoint.training.teacher is None) == (name == "named")


def test_a_saved_network_teaches(tmp_path: Path) -> None:
    file, x = tmp_path / "teacher.aebnas", torch.randn(3, *given(OWN).input.shape)
    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 10))
    save_network(layers, file, 8, channels=1)
    teacher = given(file)
    assert torch.equal(teacher.network(x)[-1], layers.eval()(x))


def test_other_weights_are_another_teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    import user_teachers

    before = given(OWN).key
    assert given(OWN).key == before
    real = user_teachers.Linear.__init__

    def other(self: user_teachers.Linear) -> None:
        real(self)
        torch.nn.init.zeros_(self.layers[1].bias)

    monkeypatch.setattr(user_teachers.Linear, "__init__", other)
    assert given(OWN).key != before


def test_a_student_is_not_continued_with_another_teacher(trained: Path, tmp_path: Path) -> None:
    from aebnas.errors import RunError

    with pytest.raises(KeyboardInterrupt):
        train_network(task(tmp_path, given(OWN)), plan(), Interruption(1))
    with pytest.raises(RunError, match=r"teacher\.key: .*; teacher\.name: user_teachers:Linear, now .*"):
        train_network(task(tmp_path, given(trained)), plan())


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (
            "user_teachers:FiveClasses",
            "answers with 5 classes, but the data have 10: train it on these",
        ),
        ("user_teachers:Probabilities", "answers with probabilities; let its forward return the logits"),
    ],
)
def test_a_network_that_cannot_teach_these_classes_is_refused(named: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"--teacher {named} {message}"):
        given(named)


def test_a_network_that_does_not_exist_is_told_with_what_may_be_named() -> None:
    with pytest.raises(NetworkError, match=r"there is no network 'efficientnet_lite1'. Did you mean"):
        given("efficientnet_lite1")


def test_a_network_of_ones_own_needs_consent() -> None:
    with without_code(), pytest.raises(CodeRefusedError, match="--allow-code"):
        given(OWN)
