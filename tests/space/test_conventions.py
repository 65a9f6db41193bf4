"""Padding and epsilon of batch norms: settings of a space that leave no trace where they are as ever."""

from tiny_spaces import branch_space, space

from aebnas.blocks.block import BlockSpec
from aebnas.space.architecture import StagedArchitecture

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
