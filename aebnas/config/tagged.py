"""Sections of several kinds: ``{name: KIND}`` says which one, and its options are its own.

``KIND`` alone is the short form.  ``{choices: [...]}`` in place of such a section, or of any of its
options, lists settings that a search may choose; they are written out, one model for every
combination.  Errors keep the path of the value that is wrong.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from aebnas.config.choices import SEVERAL_FIELDS, Frozen, Path, Wrong, did_you_mean, reject

Kinds = Sequence[type[Frozen]]
MAX_SETTINGS = 64
"""Of all combinations of choices."""
CHOICES = "choices"


class _Setting(NamedTuple):
    """One combination of choices."""

    kind: type[Frozen]
    options: Mapping[str, Any]
    places: Mapping[str, Path]
    """Where the value of each option stands."""
    place: Path
    """Where the section stands."""


def names_of(kind: type[BaseModel]) -> tuple[str, ...]:
    """Return the names that a kind goes by."""
    return tuple(get_args(kind.model_fields["name"].annotation))


def one_model(given: Any, kinds: Kinds) -> Any:
    """Return the section that is given, by name or in full.

    Raises:
        PydanticCustomError, ValidationError: It is wrong.
    """
    if isinstance(given, tuple(kinds)):
        return given
    return _models(_settings(given, (), kinds))[0]


def several_models(given: Any, kinds: Kinds) -> tuple[Any, ...]:
    """Return every setting that is given: one section, or all combinations of choices.

    Raises:
        PydanticCustomError, ValidationError: Something is wrong, or they are too many.
    """
    if isinstance(given, tuple(kinds)):
        return (given,)
    if isinstance(given, tuple) and given and all(isinstance(one, tuple(kinds)) for one in given):
        return given
    sections: list[tuple[Path, Any]] = [((), given)]
    if isinstance(given, Mapping) and CHOICES in given:
        sections = [((CHOICES, i), section) for i, section in enumerate(_choices(given, ()))]
    settings = [setting for place, section in sections for setting in _settings(section, place, kinds, True)]
    if len(settings) > MAX_SETTINGS:
        reject([((), f"{len(settings)} combinations of choices are more than {MAX_SETTINGS}")])
    models = _models(settings)
    twice = [i for i, model in enumerate(models) if model in models[:i]]
    reject([(settings[i].place, f"the choice {_short(models[i])!r} is listed twice") for i in twice])
    return tuple(models)


def as_written(models: tuple[Frozen, ...]) -> Any:
    """Return settings as a file holds them: one, or ``{choices: [...]}``."""
    plain = [model.model_dump(mode="json") for model in models]
    return plain[0] if len(plain) == 1 else {CHOICES: plain}


def setting_names(models: Sequence[Frozen]) -> list[str]:
    """Return a name for every setting: its kind, and the options in which it differs from others of it."""
    found = []
    for model in models:
        plain = model.model_dump(mode="json")
        alike = [other.model_dump(mode="json") for other in models]
        alike = [other for other in alike if other["name"] == plain["name"]]
        differing = [name for name in plain if any(other[name] != plain[name] for other in alike)]
        found.append(" ".join([plain["name"], *(f"{name}={_shown(plain[name])}" for name in differing)]))
    return found


def _settings(given: Any, place: Path, kinds: Kinds, is_gene: bool = False) -> list[_Setting]:
    """Return every combination of the choices of one section's options."""
    section = {"name": given} if isinstance(given, str) else given
    names = [name for kind in kinds for name in names_of(kind)]
    if not isinstance(section, Mapping):
        reject([(place, _no_section(given, is_gene, names))])
    if CHOICES in section:
        reject([((*place, CHOICES), "choices of choices: list them all in one")])
    name = section.get("name", names[0])
    at = place if isinstance(given, str) else (*place, "name")
    if not isinstance(name, str) or name not in names:
        near = did_you_mean(name, names) if isinstance(name, str) else ""
        reject([(at, f"unknown value {name!r}. {near}Choices: {', '.join(names)}.")])
    kind = next(kind for kind in kinds if name in names_of(kind))
    options = {option: value for option, value in section.items() if option != "name"}
    reject([((*place, option), _foreign(option, name, kind, kinds)) for option in options
            if option not in kind.model_fields])  # fmt: skip
    genes = {option: _choices(value, (*place, option)) for option, value in options.items()
             if is_gene and isinstance(value, Mapping) and CHOICES in value}  # fmt: skip
    order = [option for option in kind.model_fields if option in genes]
    found = []
    for picks in itertools.product(*(enumerate(genes[option]) for option in order)):
        picked = dict(zip(order, picks, strict=True))
        values = {**options, **{option: value for option, (_, value) in picked.items()}}
        places: dict[str, Path] = {option: (*place, option) for option in options}
        places |= {option: (*place, option, CHOICES, i) for option, (i, _) in picked.items()}
        found.append(_Setting(kind, {"name": name, **values}, places, place))
    return found


def _models(settings: Iterable[_Setting]) -> list[Frozen]:
    """Validate every setting; an error that several share is told once.

    Raises:
        ValidationError: One is wrong.
    """
    models: list[Frozen] = []
    wrong: dict[str, InitErrorDetails] = {}
    for setting in settings:
        try:
            models.append(setting.kind.model_validate(dict(setting.options)))
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                first, *rest = detail["loc"] or ("name",)
                path = (*setting.places.get(str(first), (*setting.place, first)), *rest)
                context = detail.get("ctx", {})
                kind: Any = detail["type"]
                if kind == SEVERAL_FIELDS:
                    kind = PydanticCustomError(SEVERAL_FIELDS, "{text}", context)
                wrong.setdefault(
                    f"{path}{detail['msg']}",
                    InitErrorDetails(type=kind, loc=path, input=detail["input"], ctx=context),
                )
    if wrong:
        raise ValidationError.from_exception_data("setting", list(wrong.values()))
    return models


def _choices(given: Any, place: Path) -> Sequence[Any]:
    """Return the choices of a gene.

    Raises:
        PydanticCustomError: It is not ``{choices: [...]}`` with distinct values.
    """
    values = given[CHOICES]
    beside = [str(name) for name in given if name != CHOICES]
    message = (
        "stands beside choices; write it into those that it belongs to, as in {name: NAME, OPTION: VALUE}"
    )
    reject([((*place, name), message) for name in beside])
    if not isinstance(values, list | tuple) or not values:
        reject([((*place, CHOICES), "must be a list with at least one value")])
    seen = [repr(value) for value in values]
    twice: list[Wrong] = [
        ((*place, CHOICES, i), f"the choice {shown} is listed twice")
        for i, shown in enumerate(seen) if shown in seen[:i]
    ]  # fmt: skip
    reject(twice)
    return list(values)


def _no_section(given: Any, is_gene: bool, names: Sequence[str]) -> str:
    example = names[0]
    if isinstance(given, list | tuple) and is_gene:
        words = ", ".join(map(str, given)) if all(isinstance(one, str) for one in given) else "..."
        return f"several are written as {{choices: [{words}]}}, but got a list"
    shown = (
        {None: "nothing (null)", True: "true", False: "false"}.get(given)
        if given is None or isinstance(given, bool)
        else repr(given)
    )
    return f"must be a name, or a section such as {{name: {example}}}, but got {shown:.60}"


def _foreign(option: str, name: str, kind: type[Frozen], kinds: Kinds) -> str:
    """Return what is wrong with an option that a kind does not have."""
    owners = [owner for other in kinds for owner in names_of(other) if option in other.model_fields]
    if owners:
        listed = " or ".join(filter(None, (", ".join(owners[:-1]), owners[-1])))
        return f"belongs to {listed}, but the name is {name}; remove it"
    own = [field for field in kind.model_fields if field != "name"]
    every = [CHOICES, *(field for other in kinds for field in other.model_fields)]
    near = did_you_mean(option, own) or did_you_mean(option, every)
    return f"unknown field {option!r}. {near}Fields of {name}: {', '.join(own) or 'none'}."


def _short(model: Frozen) -> Any:
    plain = model.model_dump(mode="json", exclude_defaults=True)
    return plain["name"] if set(plain) == {"name"} else plain


def _shown(value: Any) -> Any:
    """Return a section by its name alone where it has no other option."""
    return _shown_section(value) if isinstance(value, dict) else value


def _shown_section(value: Mapping[str, Any]) -> str:
    options = [f"{name}={inner}" for name, inner in value.items() if name != "name"]
    return "/".join([str(value["name"]), *options])
