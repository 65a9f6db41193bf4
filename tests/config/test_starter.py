"""The file that ``aebnas init`` writes."""

from __future__ import annotations

import re
import subprocess
import sys

import yaml

from aebnas.config import SearchFile, parse, starter_file
from aebnas.config.fields import is_tagged, section_in, sections_in


def test_the_starter_loads_and_is_the_mnist5k_example() -> None:
    config = parse(starter_file().encode(), "a.yaml")
    assert (config.data.name, config.space.exits.after) == ("mnist5k", ("stage1", "stage2"))


def test_every_field_of_every_section_appears() -> None:
    def missing(section: type, tree: object, path: str) -> list[str]:
        tree = tree[0] if isinstance(tree, list) else tree
        found = []
        for name, field in section.model_fields.items():
            inner = section_in(field.annotation)
            if name not in tree:
                found.append(f"{path}{name}")
            elif (
                inner
                and tree[name] is not None
                and name not in ("constraints", "guarantee")
                and not is_tagged(sections_in(field.annotation))
            ):
                found += missing(inner, tree[name], f"{path}{name}.")
        return found

    assert missing(SearchFile, yaml.safe_load(starter_file()), "") == []


def test_every_explained_field_has_its_documentation_as_a_comment() -> None:
    text = " ".join(starter_file().split())
    sections = [SearchFile, *(section_in(field.annotation) for field in SearchFile.model_fields.values())]
    documented = [
        f.description for s in sections if s for f in s.model_fields.values() if s.__name__ != "Bound"
    ]
    assert len(documented) > 50
    assert [doc for doc in documented if " ".join(doc.replace("``", "").split()) not in text] == []


def test_every_field_is_documented_in_the_schemas() -> None:
    def bare(section: type, path: str) -> list[str]:
        found = []
        for name, field in section.model_fields.items():
            inner = section_in(field.annotation)
            found += [path + name] if not field.description else []
            found += bare(inner, f"{path}{name}.") if inner else []
        return found

    assert bare(SearchFile, "") == []


def test_the_lines_fit_a_wide_screen() -> None:
    assert max(map(len, starter_file().splitlines())) <= 125


def test_values_of_the_starter_are_defaults_wherever_the_example_says_nothing() -> None:
    config = parse(starter_file().encode(), "a.yaml")
    fresh = SearchFile.model_construct()
    assert (config.training, config.search, config.report) == (fresh.training, fresh.search, fresh.report)


def test_reading_a_configuration_imports_neither_torch_nor_ray_nor_pymoo() -> None:
    code = "import sys, aebnas.config as c; c.starter_file(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not re.search(r"\b(torch|ray|pymoo)\b", loaded)
