"""``training.teacher``: candidates learn the answers of a network that a user names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from candidate_teachers import Constant
from pydantic import ValidationError
from small_evaluations import architecture, config, done, splits

from aebnas import save_network
from aebnas.config.schema import SearchFile
from aebnas.errors import CodeRefusedError, ConfigError, RunError
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.identity import context_key
from aebnas.evaluation.settings import candidate_settings
from aebnas.extensions.consent import allow_code, look_in, without_code
from aebnas.report.text.training_formatting import format_training
from aebnas.search.preparation import prepare
from aebnas.search.session import new_session, resumed_session

HERE = Path(__file__).parent
OWN = "candidate_teachers:Constant"


@pytest.fixture(autouse=True)
def _code_is_allowed() -> Iterator[None]:
    with allow_code():
        look_in(HERE)
        yield


def listening(teacher: Any, **more: Any) -> SearchFile:
    return config(code_folder=str(HERE), training={"teacher": teacher}, **more)


def answers(file: SearchFile) -> Any:
    """The classes that every exit of a trained candidate answers on select, ``(N, E)``."""
    outcome = Evaluator(candidate_settings(file), splits()).evaluate(architecture())
    assert outcome.artefacts is not None, outcome.evaluation.message
    return outcome.artefacts.select_logits.argmax(2)


def context(file: SearchFile) -> str:
    return context_key(candidate_settings(file), splits().fingerprint)


def test_whoever_listens_to_a_teacher_alone_answers_as_it_does() -> None:
    assert (answers(listening({"network": OWN, "share": 1.0})) == 3).mean() > 0.99


def test_a_teacher_with_a_small_share_leaves_the_labels_their_say() -> None:
    right = answers(listening({"network": OWN, "share": 0.02}))[:, -1] == splits().select.labels
    assert right.mean() > 0.3


def test_a_teacher_with_no_share_changes_nothing() -> None:
    outcome = Evaluator(candidate_settings(listening({"network": OWN, "share": 0.0})), splits())
    evaluation = outcome.evaluate(architecture()).evaluation
    assert evaluation.train_loss == done().evaluation.train_loss
    assert evaluation.metrics(0.5) == done().evaluation.metrics(0.5)


def test_a_teacher_sees_images_as_its_own_normalisation_has_them() -> None:
    own = {"network": "candidate_teachers:Brightness", "share": 1.0}
    assert (answers(listening(own)) == 2).mean() > 0.9
    plain = own | {"normalisation": {"mean": 0.0, "std": 1.0}}
    assert (answers(listening(plain)) == 7).mean() > 0.9


def test_a_name_alone_is_a_section() -> None:
    teacher = listening(OWN).training.teacher
    assert teacher is not None
    assert (teacher.network, teacher.share, teacher.temperature) == (OWN, 0.5, 3.0)
    assert listening({"network": OWN}).training.teacher == teacher


def test_results_are_filed_under_who_teaches_and_how_much() -> None:
    files = [
        config(),
        listening(OWN),
        listening({"network": OWN, "share": 0.4}),
        listening({"network": OWN, "temperature": 2.0}),
        listening({"network": OWN, "resolution": 4}),
        listening("candidate_teachers:Brightness"),
    ]
    assert len({context(file) for file in files}) == len(files)


def test_where_a_file_lies_does_not_matter_but_what_it_holds_does(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    paths = [tmp_path / "teacher.aebnas", tmp_path / "other/moved.aebnas"]
    cut = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 10))
    save_network(cut, paths[0], 8, channels=1)
    paths[1].write_bytes(paths[0].read_bytes())
    before, moved = (context(listening(str(path))) for path in paths)
    assert before == moved
    with torch.no_grad():
        cut[2].bias += 1
    save_network(cut, paths[0], 8, channels=1)
    assert context(listening(str(paths[0]))) != before


def test_weights_of_a_file_teach(tmp_path: Path) -> None:
    state = Constant().state_dict()
    state["answer"] = state["answer"].roll(1)
    torch.save(state, tmp_path / "four.pt")
    teacher = {"network": OWN, "weights": str(tmp_path / "four.pt"), "share": 1.0}
    assert (answers(listening(teacher)) == 4).mean() > 0.99
    assert context(listening(teacher)) != context(listening({"network": OWN, "share": 1.0}))


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        ("candidate_teachers:Seven", "training.teacher: candidate_teachers:Seven answers with 7 classes"),
        ("nowhere.aebnas", r"training\.teacher\.network: nowhere\.aebnas cannot be read: No such file"),
        ({"network": OWN, "weights": "no.pt"}, r"training\.teacher\.weights: no\.pt cannot be read"),
    ],
)
def test_a_network_that_cannot_teach_is_told_before_the_first_training(teacher: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        prepare(listening(teacher))


def test_code_that_is_not_allowed_is_not_looked_at() -> None:
    file = listening("candidate_teachers:Seven")
    with without_code():
        assert prepare(file).problem.candidates.training.teacher is not None
    with without_code(), pytest.raises(CodeRefusedError):
        Evaluator(candidate_settings(file), splits())


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        ("net.onnx", "is an ONNX graph"),
        ("efficientnet_lite1", "Did you mean 'efficientnet_lite0'"),
        ({"network": OWN, "share": 1.5}, "less than or equal to 1"),
        ({"share": 0.5}, "Field required"),
    ],
)
def test_a_section_that_is_wrong_is_refused(teacher: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        listening(teacher)


def test_words_about_trainings_name_the_teacher() -> None:
    text, _ = format_training(candidate_settings(listening("some/where/large.aebnas")))
    assert text.endswith(", distilled from large.aebnas")


def test_a_run_keeps_where_its_teacher_lies_and_refuses_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(Constant().state_dict(), "own.pt")
    search = {"population": 2, "generations": 1}
    given = listening({"network": OWN, "weights": "own.pt"}, search=search, workers={"mode": "serial"})
    with new_session(given, tmp_path / "run") as session:
        first = [generation.front for generation in session.run()]
    monkeypatch.chdir(HERE)
    with resumed_session(tmp_path / "run") as session:
        assert [generation.front for generation in session.run()] == first
    state = Constant().state_dict()
    state["answer"] += 1
    torch.save(state, tmp_path / "own.pt")
    with (
        pytest.raises(RunError, match=r"the teacher has changed since .*own\.pt"),
        resumed_session(tmp_path / "run"),
    ):
        pass
