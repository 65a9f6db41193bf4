"""Genes that change nothing leave no trace; those that change something do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_spaces import any_space, branch_space, genome, space

from aebnas.blocks.block import BlockSpec
from aebnas.errors import ConfigError
from aebnas.space.genes import BUDGET_FRACTION
from aebnas.space.search_space import StagedSpace


def modules(space: StagedSpace, **choices: object) -> tuple[BlockSpec, ...]:
    """The modules of the first exit."""
    return space.decode(genome(space, **choices)).exits[0].modules


def blocks(space: StagedSpace, **choices: object) -> tuple[BlockSpec, ...]:
    """The blocks of the first stage."""
    return space.decode(genome(space, **choices)).stages[0].blocks


def stage_space(**stage: object) -> StagedSpace:
    return space(stages=[{"width": 8} | stage])


# ---------------------------------------------------------------- backbone
def test_genes_of_a_block_beyond_the_depth_are_gone() -> None:
    deep = stage_space(depth=[1, 2], block={"kernel": [3, 5]})
    one = deep.decode(genome(deep, stage1__depth=1, stage1__block2__kernel=3))
    other = deep.decode(genome(deep, stage1__depth=1, stage1__block2__kernel=5))
    assert (one, one.key()) == (other, other.key())


def test_genes_of_a_block_within_the_depth_count() -> None:
    deep = stage_space(depth=[1, 2], block={"kernel": [3, 5]})
    one = deep.decode(genome(deep, stage1__depth=2, stage1__block2__kernel=3))
    other = deep.decode(genome(deep, stage1__depth=2, stage1__block2__kernel=5))
    assert one.key() != other.key()


@pytest.mark.parametrize("type_", ["conv", "dwconv", "residual"])
def test_the_expansion_of_a_block_without_a_hidden_width_is_one(type_: str) -> None:
    some = stage_space(block={"type": type_, "expansion": [2, 4]})
    assert [blocks(some, stage1__block1__expansion=e)[0].expansion for e in (2.0, 4.0)] == [1.0, 1.0]


@pytest.mark.parametrize("type_", ["fused", "mbconv"])
def test_the_expansion_of_a_block_with_a_hidden_width_counts(type_: str) -> None:
    some = stage_space(block={"type": type_, "expansion": [2, 4]})
    assert [blocks(some, stage1__block1__expansion=e)[0].expansion for e in (2.0, 4.0)] == [2.0, 4.0]


def test_the_first_block_of_a_stage_alone_has_its_stride() -> None:
    assert [block.stride for block in blocks(stage_space(depth=3, stride=2))] == [2, 1, 1]


def test_the_activation_of_an_absent_final_layer_is_gone() -> None:
    assert space(final={"activation": "silu"}).decode(()) == space().decode(())
    assert space(final={"activation": "silu", "features": 8}).decode(()).final.activation == "silu"


# ---------------------------------------------------------------- exits
def test_genes_of_an_absent_exit_are_gone() -> None:
    some = branch_space(modules=[0, 1], optional=True, kernel=[3, 5])
    keys = {
        some.decode(genome(some, exit__stage1__modules=-1, exit__stage1__module1__kernel=k)).key()
        for k in (3, 5)
    }
    assert len(keys) == 1
    assert some.decode(genome(some, exit__stage1__modules=-1)).exits == ()


def test_an_exit_without_modules_is_no_absent_exit() -> None:
    some = branch_space(modules=0, optional=True)
    absent, bare = (some.decode(genome(some, exit__stage1__modules=n)) for n in (-1, 0))
    assert (len(absent.exits), len(bare.exits)) == (0, 1)
    assert absent.key() != bare.key()


def test_a_pool_keeps_its_channels_and_has_neither_width_nor_gate_nor_activation() -> None:
    some = branch_space(type="pool", width=[0.5, 2.0], se=[False, True], stride=[1, 2], pool=["none", "max2"])
    found = {
        modules(some, exit__stage1__module1__width=w, exit__stage1__module1__se=se) for w in (0.5, 2.0)
        for se in (False, True)
    }  # fmt: skip
    assert found == {(BlockSpec("pool", 3, width=8, stride=2),)}


def test_a_pool_behind_a_module_keeps_that_modules_channels() -> None:
    some = branch_space(modules=2, type=["conv", "pool"], width=2.0)
    conv, pool = modules(some, exit__stage1__module1__type="conv", exit__stage1__module2__type="pool")
    assert (conv.width, pool.width) == (16, 16)


def test_a_pool_at_one_pixel_is_dropped() -> None:
    some = branch_space(4, modules=3, type=["conv", "pool"])
    pools = dict.fromkeys((f"exit__stage1__module{i}__type" for i in (1, 2, 3)), "pool")
    assert len(modules(some, **pools)) == 2, "4 pixels become 2, then 1"


def test_stride_and_pooling_at_one_pixel_are_gone() -> None:
    some = branch_space(4, modules=3, stride=2, pool=["none", "max2", "avg2"])
    strides = [(module.stride, module.pool) for module in modules(some, exit__stage1__module3__pool="avg2")]
    assert strides == [(2, "none"), (2, "none"), (1, "none")]


def test_pooling_behind_a_stride_that_reaches_one_pixel_is_gone() -> None:
    some = branch_space(4, stride=[1, 2], pool="max2")
    assert modules(some, exit__stage1__module1__stride=1)[0].pool == "max2"
    small = branch_space(2, stride=[1, 2], pool="max2")
    assert modules(small, exit__stage1__module1__stride=1)[0].pool == "max2"
    assert modules(small, exit__stage1__module1__stride=2)[0].pool == "none"


def test_the_expansion_of_a_module_without_a_hidden_width_is_one() -> None:
    some = branch_space(type=["conv", "mbconv"], expansion=[2, 3])
    conv = {modules(some, exit__stage1__module1__expansion=e) for e in (2.0, 3.0)}
    assert {module.expansion for (module,) in conv} == {1.0}
    (mbconv,) = modules(some, exit__stage1__module1__type="mbconv", exit__stage1__module1__expansion=3.0)
    assert mbconv.expansion == 3.0


@pytest.mark.parametrize(
    ("multiplier", "width"), [(0.1, 4), (0.5, 4), (0.75, 8), (1.0, 8), (1.2, 8), (1.25, 12), (8.0, 64)]
)
def test_the_width_of_a_module_is_the_nearest_multiple_of_four(multiplier: float, width: int) -> None:
    assert modules(branch_space(width=multiplier))[0].width == width, "times 8 channels; halves go up"


def test_multipliers_that_round_to_the_same_channels_are_one_architecture() -> None:
    some = branch_space(width=[1.0, 1.2])
    assert len({some.decode(g).key() for g in ((0,), (1,))}) == 1


# ---------------------------------------------------------------- genomes
def test_the_budget_fraction_is_no_part_of_the_architecture() -> None:
    some = space(budget_fractions=(0.5, 1.0), exits={"after": ["stage1"], "optional": False})
    assert [gene.name for gene in some.genes] == [BUDGET_FRACTION]
    assert some.decode((0,)).key() == some.decode((1,)).key()
    assert [some.budget_fraction(g) for g in ((0,), (1,))] == [0.5, 1.0]
    assert some.at_point((0,), 1.0) == (1,)


def test_a_space_without_exits_has_no_budget_fraction_to_choose() -> None:
    some = space(budget_fractions=(0.5, 1.0))
    assert some.genes == ()
    assert some.budget_fraction(()) == 1.0


@pytest.mark.parametrize("wrong", [(), (0, 0), (2,), (-1,)])
def test_a_genome_of_another_space_is_refused(wrong: tuple[int, ...]) -> None:
    some = space(stem={"width": [8, 16]})
    with pytest.raises(ConfigError, match="1 genes in range"):
        some.decode(wrong)


def test_an_architecture_of_another_space_is_refused_by_the_name_of_its_gene() -> None:
    foreign = space(stem={"width": 24}).decode(())
    with pytest.raises(ConfigError, match=r"stem\.width = 24 .*Choices: 8, 16"):
        space(stem={"width": [8, 16]}).encode(foreign)


@given(any_space, st.integers(0, 2**32))
def test_an_encoded_architecture_decodes_to_itself_in_any_space(some: StagedSpace, seed: int) -> None:
    architecture = some.decode(some.sample(np.random.default_rng(seed)))
    assert some.decode(some.encode(architecture)) == architecture


@given(any_space, st.integers(0, 2**32))
def test_encoding_is_one_genome_for_all_that_build_the_same(some: StagedSpace, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = (some.decode(some.sample(rng)) for _ in range(2))
    assert (one.key() == other.key()) == (some.encode(one) == some.encode(other))


def test_every_choice_of_every_gene_is_sampled() -> None:
    some = space(stem={"width": [8, 16, 24]}, exits={"after": ["stage1"]})
    rng = np.random.default_rng(0)
    drawn = {some.sample(rng) for _ in range(200)}
    assert [sorted({g[i] for g in drawn}) for i in range(2)] == [[0, 1, 2], [0, 1]]
