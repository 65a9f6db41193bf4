"""Keys, and architectures as plain dictionaries."""

import json

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tiny_spaces import any_space, genomes, space

from aebnas.space.architecture import StagedArchitecture
from aebnas.space.search_space import StagedSpace

MIXED = space(
    resolution=16,
    stages=[
        {"depth": [1, 2], "width": [4, 8], "block": {"type": ["conv", "mbconv"], "expansion": [2, 4]}},
        {"width": 8},
    ],
    exits={"after": ["stage1"], "branch": {"modules": [0, 1], "module": {"type": ["conv", "pool"]}}},
    final={"features": 8},
)


@given(any_space, st.integers(0, 2**32))
def test_an_architecture_survives_its_dictionary(some: StagedSpace, seed: int) -> None:
    architecture = some.decode(some.sample(np.random.default_rng(seed)))
    assert StagedArchitecture.from_dict(architecture.to_dict()) == architecture


def test_an_architecture_survives_json_and_yaml() -> None:
    for genome in genomes(MIXED):
        plain = MIXED.decode(genome).to_dict()
        assert json.loads(json.dumps(plain)) == plain
        assert StagedArchitecture.from_dict(yaml.safe_load(yaml.safe_dump(plain))) == MIXED.decode(genome)


def test_whole_numbers_for_expansions_make_the_same_key() -> None:
    architecture = space(stages=[{"width": 8, "block": {"type": "mbconv", "expansion": 4}}]).decode(())
    plain = architecture.to_dict()
    block = plain["stages"][0]["blocks"][0]
    block["expansion"] = int(block["expansion"])
    assert json.dumps(plain) != json.dumps(architecture.to_dict())
    assert StagedArchitecture.from_dict(plain).key() == architecture.key()


def test_keys_are_equal_exactly_where_architectures_are() -> None:
    architectures = {MIXED.decode(genome) for genome in genomes(MIXED)}
    assert len({architecture.key() for architecture in architectures}) == len(architectures) > 50


def test_a_key_is_the_same_in_every_process() -> None:
    # written down once: results are filed under it for good
    assert space().decode(()).key() == "7b36618856c047bb"


def test_an_unknown_field_of_a_description_is_refused() -> None:
    plain = space().decode(()).to_dict()
    plain["stages"][0]["blocks"][0]["kernell"] = 3
    with pytest.raises(TypeError, match="kernell"):
        StagedArchitecture.from_dict(plain)


def test_an_incomplete_description_is_refused() -> None:
    plain = space().decode(()).to_dict()
    del plain["stem"]
    with pytest.raises(KeyError, match="stem"):
        StagedArchitecture.from_dict(plain)
