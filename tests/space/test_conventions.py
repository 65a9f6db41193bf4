"""Padding, epsilon, normalisation: settings of a space that leave no trace where they are as ever."""

from pydantic import TypeAdapter
from tiny_spaces import branch_space, space

from aebnas.blocks.block import BlockSpec
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.spaces import AnyArchitecture
from aebnas.task.input_spec import Normalisation
from aebnas.task.task import Task

STAGES = [{"depth": 2, "width": 8, "stride": 2, "block": {"type": "mbconv"}}, {"width": 8}]
LIKE_TENSORFLOW = {"padding": "same", "norm_eps": 1e-3}


def built(**section: object) -> StagedArchitecture:
    return space(stages=STAGES, stem={"stride": 2}, final={"expand": 16}, **section).decode(())


def test_a_description_without_them_is_that_of_ever() -> None:
    words = str(built().to_dict())
    assert "padding" not in words
    assert "norm_eps" not in words


def test_every_batch_norm_has_the_spaces_epsilon() -> None:
    made = built(**LIKE_TENSORFLOW)
    parts = [block for part in made.parts() for block in part.blocks]
    assert [block.norm_eps for block in parts] == [1e-3] * 5


def test_only_blocks_that_stride_say_how_they_pad() -> None:
    made = built(**LIKE_TENSORFLOW)
    first, second = made.stages[0].blocks
    assert (made.stem.padding, first.padding, second.padding) == ("same", "same", "symmetric")


def test_networks_that_pad_or_normalise_otherwise_have_keys_of_their_own() -> None:
    keys = {built(**settings).key() for settings in ({}, LIKE_TENSORFLOW, {"norm_eps": 1e-3})}
    assert len(keys) == 3


def test_a_description_with_them_is_read_again() -> None:
    made = built(**LIKE_TENSORFLOW)
    assert StagedArchitecture.from_dict(made.to_dict()) == made


def test_exit_modules_pad_as_the_space_does_and_poolings_as_ever() -> None:
    branch = branch_space(type=["conv", "pool"], stride=2).config.model_copy(update=LIKE_TENSORFLOW)
    made = space(16, **branch.model_dump(mode="json"))
    modules = {made.decode((i,)).exits[0].modules[0] for i in range(2)}
    assert modules == {
        BlockSpec("conv", 3, 8, 2, padding="same", norm_eps=1e-3),
        BlockSpec("pool", 3, 8, 2),
    }


def test_a_network_without_a_normalisation_of_its_own_takes_that_of_the_data() -> None:
    task = Task.of_samples((8, 8, 3), 10, Normalisation((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)))
    assert built().input(task).normalisation == task.normalisation
    assert "normalisation" not in built().to_dict()


def test_its_own_normalisation_holds_whatever_the_data_are() -> None:
    task = Task.of_samples((8, 8, 3), 10, Normalisation((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)))
    grey = built(normalisation={"mean": 0.5, "std": [0.25]})
    coloured = built(normalisation={"mean": [0.5, 0.4, 0.3], "std": 0.25})
    assert grey.input(task).normalisation == Normalisation((0.5,) * 3, (0.25,) * 3)
    assert coloured.input(task).normalisation == Normalisation((0.5, 0.4, 0.3), (0.25,) * 3)
    assert len({grey.key(), coloured.key(), built().key()}) == 3


def test_a_normalisation_is_read_again_from_descriptions_and_files() -> None:
    made = built(normalisation={"mean": [0.5, 0.4, 0.3], "std": 0.25}, **LIKE_TENSORFLOW)
    assert StagedArchitecture.from_dict(made.to_dict()) == made
    read = TypeAdapter(AnyArchitecture).validate_python(made.to_dict())
    assert (read, read.key()) == (made, made.key())
