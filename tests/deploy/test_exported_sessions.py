"""An exported network answers as torch does, one image or many, in any form."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from deploy.small_checkpoints import trained
from PIL import Image
from training.small_training import digits

from aebnas.deploy import EarlyExitSession
from aebnas.deploy.exporting.parity import torch_logits
from aebnas.deploy.session import most_likely
from aebnas.errors import DataError, RunError
from aebnas.exits.core.scores import softmax
from aebnas.exits.core.threshold_policy import ThresholdPolicy, leave_at_once, never_leave
from aebnas.exits.policies.patience import PatiencePolicy

HEAVY = ("torch", "scipy", "ray", "onnx", "pandas", "sklearn", "optuna", "pymoo")


def images() -> np.ndarray:
    return np.concatenate([digits().select.pixels, digits().train.pixels[:250]])


def answers(session: EarlyExitSession, x: np.ndarray) -> tuple[list[int], list[int]]:
    found = session.predict_batch(x)
    return [one.class_index for one in found], [one.exit for one in found]


@pytest.mark.parametrize("loss", ["gradient_equilibrium", "boosted"])
def test_torch_single_images_and_batches_agree_in_class_and_exit(
    loss: str, exported: Path, boosted_export: Path
) -> None:
    session = EarlyExitSession(boosted_export if loss == "boosted" else exported)
    pixels = images()
    everything = type(digits().select)(pixels, np.zeros(len(pixels), np.int64))
    logits = torch_logits(trained(loss)[0], everything)
    exits = session.policy.decide(logits)
    classes = logits[np.arange(len(pixels)), exits].argmax(axis=1)
    single = [session.predict(image) for image in pixels]
    batched = answers(session, pixels)
    assert len(set(exits.tolist())) == 3
    for found in (([one.class_index for one in single], [one.exit for one in single]), batched):
        assert np.mean((found[0] == classes) & (found[1] == exits)) >= 0.999


@pytest.mark.parametrize("batch_size", [1, 2, 7, 64])
def test_answers_do_not_depend_on_the_batch(exported: Path, batch_size: int) -> None:
    session, pixels = EarlyExitSession(exported), images()[:130]
    whole = session.predict_batch(pixels)
    parts = [
        one
        for i in range(0, len(pixels), batch_size)
        for one in session.predict_batch(pixels[i : i + batch_size])
    ]
    assert [(one.class_index, one.exit) for one in parts] == [(one.class_index, one.exit) for one in whole]
    np.testing.assert_allclose(
        [one.confidence for one in parts], [one.confidence for one in whole], atol=1e-5
    )


def test_who_left_is_not_computed_any_further(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session, pixels = EarlyExitSession(exported), images()[:60]
    sizes: list[int] = []

    class Watched:
        def __init__(self, inner: object) -> None:
            self.inner = inner

        def run(self, names: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
            sizes.append(len(feed["x"]))
            return self.inner.run(names, feed)

    monkeypatch.setattr(session._chain, "sessions", [Watched(one) for one in session._chain.sessions])
    left = np.bincount([one.exit for one in session.predict_batch(pixels)], minlength=3)
    assert sizes == [60, 60 - left[0], 60 - left[0] - left[1]]
    assert left.all()


@pytest.mark.parametrize(
    ("policy", "exit_index"),
    [(leave_at_once(3), 0), (ThresholdPolicy("margin", (np.inf, -np.inf)), 1), (never_leave(3), 2)],
)
def test_another_policy_can_decide(exported: Path, policy: ThresholdPolicy, exit_index: int) -> None:
    session = EarlyExitSession(exported, policy=policy)
    assert {one.exit for one in session.predict_batch(images()[:20])} == {exit_index}
    assert session.predict(images()[0]).exit == exit_index
    assert session.predict(images()[0]).exit_name == ("stage1", "stage2", "final")[exit_index]


@pytest.mark.parametrize("is_boosted", [False, True])
def test_a_policy_that_looks_back_sees_all_exits_so_far(
    exported: Path, boosted_export: Path, is_boosted: bool
) -> None:
    policy = PatiencePolicy(2, 3)
    session = EarlyExitSession(boosted_export if is_boosted else exported, policy=policy)
    x = session.prepare_all(images()[:120])
    exits = policy.decide(session._chain.all_logits([x])).tolist()
    assert answers(session, x)[1] == exits
    assert [session.answer(one[np.newaxis]).exit for one in x] == exits
    assert set(exits) == {1, 2}


def test_a_policy_for_another_number_of_exits_is_refused(exported: Path) -> None:
    with pytest.raises(RunError, match="decides for 2 exits, but the network has 3"):
        EarlyExitSession(exported, policy=never_leave(2))


def test_confidence_is_the_probability_of_the_class(exported: Path) -> None:
    session = EarlyExitSession(exported, policy=never_leave(3))
    x = session.prepare_all(images()[:5])
    logits = session._chain.all_logits([x])[:, -1].astype(np.float64)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = session.predict_batch(x)
    np.testing.assert_allclose([one.confidence for one in found], probabilities.max(axis=1), rtol=1e-5)
    assert [one.label for one in found] == [session.labels[i] for i in probabilities.argmax(axis=1)]
    assert all(one.milliseconds > 0 for one in found)


@pytest.mark.parametrize("classes", [2, 10, 32, 33, 1000])
def test_the_probability_is_that_of_a_softmax_for_few_and_many_classes(classes: int) -> None:
    logits = np.random.default_rng(0).normal(0, 3, (20, classes)).astype(np.float32)
    found = [most_likely(row) for row in logits]
    assert [index for index, _ in found] == logits.argmax(axis=1).tolist()
    np.testing.assert_allclose(
        [confidence for _, confidence in found], softmax(logits).max(axis=1), rtol=1e-12
    )


@pytest.mark.parametrize("classes", [10, 100])
def test_a_logit_that_is_no_number_has_no_probability(classes: int) -> None:
    for place in (0, 5, classes - 1):
        logits = np.zeros(classes, np.float32)
        logits[place] = np.nan
        assert np.isnan(most_likely(logits)[1])


def test_every_form_of_an_image_gets_the_same_answer(exported: Path, tmp_path: Path) -> None:
    session, image = EarlyExitSession(exported), images()[3]
    picture = Image.fromarray(image[:, :, 0])
    picture.save(tmp_path / "grey.png")
    picture.convert("RGB").save(tmp_path / "colour.bmp")
    prepared = session.prepare(image)
    forms = [
        image, image[:, :, 0], np.repeat(image, 3, axis=2), picture, picture.convert("RGBA"),
        tmp_path / "grey.png", str(tmp_path / "colour.bmp"), prepared, prepared[0],
        prepared.astype(np.float64),
    ]  # fmt: skip
    assert len({session.predict(form)[:4] for form in forms}) == 1
    assert len({one[:2] for one in session.predict_batch(forms)}) == 1


def test_no_images_get_no_answers(exported: Path) -> None:
    assert EarlyExitSession(exported).predict_batch([]) == []


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((8, 8), np.int64), "must be uint8 of shape"),
        (np.zeros((8, 8, 5), np.uint8), "must be uint8 of shape"),
        (np.zeros((0, 8), np.uint8), "must be uint8 of shape"),
        (
            np.zeros((1, 8, 8), np.float32),
            r"prepared inputs must have shape \(1, 1, 12, 12\).*pixels must be uint8",
        ),
        (np.full((1, 12, 12), np.nan, np.float32), "NaN or infinite"),
        (None, "but got NoneType"),
        ("nowhere.png", "nowhere.png"),
    ],
)
def test_what_is_no_image_is_refused(exported: Path, image: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        EarlyExitSession(exported).predict(image)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(3, 9, 8, 1), (3, 8, 8, 3)])
def test_a_batch_of_pixels_of_another_shape_is_refused(exported: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="images must be uint8 of shape"):
        EarlyExitSession(exported).predict_batch(np.zeros(shape, np.uint8))


def test_a_session_needs_neither_torch_nor_scipy(exported: Path) -> None:
    code = (
        "import sys, numpy; from aebnas.deploy import EarlyExitSession\n"
        f"print(EarlyExitSession({str(exported)!r}).predict(numpy.zeros((8, 8), numpy.uint8)).exit)\n"
        f"print('LOADED', [name for name in {HEAVY} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "LOADED []"
