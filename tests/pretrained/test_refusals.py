"""Networks that cannot be cut as they are, and those that are brought into a form that can."""

import logging

import pytest
import torch
import torch.nn.functional as F
from cut_once import SHAPE, cut_module
from torch import Tensor, nn

from aebnas.errors import NetworkError
from aebnas.pretrained.network import PretrainedNetwork, SavedProgram


class Plain(nn.Module):
    """What the networks below vary."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8)
        self.body, self.head = nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, classes)

    def features(self, x: Tensor) -> Tensor:
        return F.relu(self.body(F.relu(self.norm(self.stem(x))))).mean((2, 3))

    def forward(self, x: Tensor):
        return self.head(self.features(x))


class FloatOfData(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * float(x.max())


class ImageByImage(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([super(ImageByImage, self).forward(one[None]) for one in x])


class OneImage(Plain):
    def forward(self, x: Tensor) -> Tensor:
        if x.shape[0] != 1:
            raise ValueError("one image, please")
        return super().forward(x)


class WithMask(Plain):
    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return super().forward(x * mask)


class LogitsAndFeatures(Plain):
    def forward(self, x: Tensor):
        features = self.features(x)
        return {"scores": self.head(features), "features": features}


class FixedSize(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8 * 24 * 24, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stem(x).flatten(1))


class PerPixel(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return self.stem(x)


class AlwaysDropping(Plain):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.dropout(self.features(x), 0.5))


class OwnSoftmax(Plain):
    def forward(self, x: Tensor) -> Tensor:
        exponentials = super().forward(x).exp()
        return exponentials / exponentials.sum(1, keepdim=True)


class Everywhere(Plain):
    """The image goes into the last sum."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + x.mean((1, 2, 3))[:, None]


class UnderAutocast(Plain):
    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return super().forward(x).float()


class Broken(Plain):
    def forward(self, x: Tensor) -> Tensor:
        raise KeyError("no settings")


REFUSED = {
    FloatOfData: r"decides by the values of a tensor.*\(return super.*float\(x\.max\(\)\)\).*torch\.where",
    ImageByImage: r"batches of one size only: .*test_refusals\.py:\d+ .*not image by image",
    OneImage: r"takes one image at a time.*one image, please.*Let its first axis be the batch",
    WithMask: r"forward needs 2 inputs \(x, mask\).*Give the others defaults",
    LogitsAndFeatures: r"answers with scores \[3, 5\], features \[3, 8\]: say which part",
    FixedSize: r"does not take images of 32 x 32 pixels: .*It takes 48 x 48: name one of these",
    PerPixel: r"answers 3 images with a tensor \[3, 8, 16, 16\], but exits need logits \[3, classes\]",
    AlwaysDropping: r"draws random numbers in evaluation mode too.*let its random parts ask self\.training",
    OwnSoftmax: r"answers with probabilities.*let its forward return the logits",
    Everywhere: r"cannot be cut: everywhere .* several tensors are needed \(where they are fewest, 2",
    UnderAutocast: r"cannot be cut.*torch\.autocast or torch\.no_grad is one operation here",
    Broken: r"fails on images \(3, 32, 32\): .*test_refusals\.py:\d+ .*no settings",
}


@pytest.mark.parametrize("module", REFUSED, ids=lambda module: module.__name__)
def test_it_is_refused_with_place_reason_and_cure(module: type[nn.Module]) -> None:
    with pytest.raises(NetworkError, match=REFUSED[module]):
        cut_module(module())


def test_a_network_of_one_output_is_told_how_to_get_two() -> None:
    with pytest.raises(NetworkError, match="exits need one per class: turn the last layer into two outputs"):
        cut_module(Plain(classes=1))


def test_weights_without_a_shape_or_values_are_refused() -> None:
    lazy = Plain()
    lazy.head = nn.LazyLinear(5)
    with pytest.raises(NetworkError, match=r"'head\.weight' has no shape yet.*call the network on one batch"):
        cut_module(lazy)
    with pytest.raises(NetworkError, match=r"has no weights .*meta"):
        cut_module(Plain().to("meta"))


def test_torchscript_is_refused_with_what_to_bring_instead() -> None:
    with pytest.warns(DeprecationWarning, match="torch.jit"):
        scripted = torch.jit.trace(Plain().eval(), torch.zeros(1, *SHAPE))
    with pytest.raises(NetworkError, match=r"TorchScript.*bring the nn\.Module it was made of"):
        cut_module(scripted)


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(NetworkError, match=r"is a dict, but has to be a torch\.nn\.Module"):
        PretrainedNetwork({"weight": torch.zeros(3)}, "net")


@pytest.mark.parametrize("answer", ["scores", 0])
def test_a_named_part_of_the_answer_are_the_logits(answer: str | int) -> None:
    module = LogitsAndFeatures().eval()
    network = cut_module(TupleOf(module) if answer == 0 else module, answer)
    (piece,) = network.pieces()
    images = torch.randn(2, *SHAPE)
    assert torch.equal(piece.eval()(images), module(images)["scores"])


class TupleOf(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.inner(x).values())


def test_a_part_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(NetworkError, match=r"has no part 'logit'; it has: scores \[3, 5\], features"):
        cut_module(LogitsAndFeatures(), "logit")


class Softened(Plain):
    """Probabilities in evaluation, logits in training, as many implementations do."""

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        return logits if self.training else logits.softmax(-1)


def test_a_softmax_at_the_end_is_left_out_and_said() -> None:
    module = Softened().eval()
    network = cut_module(module)
    (piece,) = network.pieces()
    images = torch.randn(2, *SHAPE)
    assert torch.equal(piece.eval()(images).softmax(-1), module(images))
    assert torch.equal(piece(images), Plain.forward(module, images))
    assert "it ends in softmax: its logits are what comes before" in network.notes
    assert network.training is not None


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_in_another_format_are_copied_to_float32_and_said(dtype: torch.dtype) -> None:
    module = Plain().to(dtype)
    network = PretrainedNetwork(module, "net")
    assert next(network.module.parameters()).dtype is torch.float32
    assert module.stem.weight.dtype is dtype
    assert "were turned to float32" in network.notes[0]


def test_wrappers_are_taken_off_and_said() -> None:
    module = Plain()
    network = PretrainedNetwork(nn.DataParallel(module), "net")
    assert network.module is module
    assert network.notes == ("DataParallel was taken off",)


def test_the_modes_of_the_network_stay_as_they_were() -> None:
    module = Plain().train()
    module.norm.eval()
    cut_module(module)
    assert module.training
    assert not module.norm.training


def test_cutting_leaves_weights_statistics_and_the_random_state_alone() -> None:
    module = Plain()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    cut_module(module)
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


class CumulativeNorm(Plain):
    """In training torch reads a counter's value here, which a graph cannot."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(8, momentum=None)


def test_what_cannot_be_traced_in_training_can_still_be_evaluated() -> None:
    network = cut_module(CumulativeNorm())
    assert network.training is None
    assert "exits are trained alone" in network.notes[0]
    (piece,) = network.pieces()
    with pytest.raises(NetworkError, match="can only be evaluated: train the exits alone"):
        piece.train()(torch.randn(2, *SHAPE))


def test_a_refusal_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    level = logging.getLogger("torch.fx.experimental.symbolic_shapes").level
    for module in (FloatOfData(), ImageByImage(), FixedSize()):
        with pytest.raises(NetworkError):
            cut_module(module)
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("torch.fx.experimental.symbolic_shapes").level == level


def program(module: nn.Module, dynamic: bool = True) -> torch.export.ExportedProgram:
    shapes = ({0: torch.export.Dim.DYNAMIC},) if dynamic else None
    return torch.export.export(module, (torch.zeros(2, *SHAPE),), dynamic_shapes=shapes)


def test_a_saved_program_answers_in_pieces_as_it_does_whole() -> None:
    saved = program(Plain().eval())
    network = SavedProgram(saved, "saved").at(SHAPE)
    images = torch.randn(4, *SHAPE)
    x = images
    for piece in network.pieces(["stem", "body"]):
        x = piece.eval()(x)
    assert torch.equal(x, saved.module()(images))


def test_a_saved_program_of_other_images_batches_or_mode_is_refused() -> None:
    with pytest.raises(NetworkError, match=r"exported for images \(3, 32, 32\), not \(3, 64, 64\)"):
        SavedProgram(program(Plain().eval()), "saved").at((3, 64, 64))
    with pytest.raises(NetworkError, match=r"exported for batches of 2.*Dim\.DYNAMIC"):
        SavedProgram(program(Plain().eval(), dynamic=False), "saved")
    with pytest.raises(NetworkError, match=r"takes a batch's own statistics.*after network\.eval\(\)"):
        SavedProgram(program(Plain().train()), "saved")
