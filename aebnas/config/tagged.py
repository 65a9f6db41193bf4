"""Sections of several kinds: ``{name: KIND}`` says which one, and its options are its own.

``KIND`` alone is the short form.  ``{choices: [...]}`` in place of such a section, or of any of its
options, lists settings that a search may choose; they are written out, one model for every
combination.  Errors keep the path of the value that is wrong.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from aebnas.config.choices import SEVERAL_FIELDS, Frozen, Wrong, did_you_mean, reject
from aebnas.config.outside import OutsideSection, UnreadSection
from aebnas.errors import CodeError
from aebnas.extensions.names import HINT, is_outside
from aebnas.files.source_locations import Path

Kinds = Sequence[type[Frozen]]
Outside = Callable[[str], type[Frozen]]
"""From the name of something from outside, ``package.module:Name``, to its kind."""
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


def kind_names(kind: type[BaseModel]) -> tuple[str, ...]:
    """Return the names that a kind goes by."""
    return tuple(get_args(kind.model_fields["name"].annotation))


def one_model(given: Any, kinds: Kinds, outside: Outside | None = None) -> Any:
    """Return the section that is given, by name or in full.

    Raises:
        PydanticCustomError, ValidationError: It is wrong.
    """
    if isinstance(given, (OutsideSection, *kinds)):
        return given
    return _models(_settings(given, (), kinds, outside))[0]


def several_models(given: Any, kinds: Kinds, outside: Outside | None = None) -> tuple[Any, ...]:
    """Return every setting that is given: one section, or all combinations of choices.

    Raises:
        PydanticCustomError, ValidationError: Something is wrong, or they are too many.
    """
    valid: tuple[type[Frozen], ...] = (OutsideSection, *kinds)
    if isinstance(given, valid):
        return (given,)
    if isinstance(given, tuple) and given and all(isinstance(model, valid) for model in given):
        return given
    sections: list[tuple[Path, Any]] = [((), given)]
    if isinstance(given, Mapping) and CHOICES in given:
        sections = [((CHOICES, i), section) for i, section in enumerate(_choices(given, ()))]
    settings = [
        setting
        for place, section in sections
        for setting in _settings(section, place, kinds, outside, is_gene=True)
    ]
    _refuse_many(len(settings))
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
    everything = [model.model_dump(mode="json") for model in models]
    names = []
    for plain in everything:
        alike = [other for other in everything if other["name"] == plain["name"]]
        differing = [option for option in plain if any(other[option] != plain[option] for other in alike)]
        names.append(
            " ".join([plain["name"], *(f"{option}={_shown(plain[option])}" for option in differing)])
        )
    return names


def _settings(
    given: Any, place: Path, kinds: Kinds, outside: Outside | None, is_gene: bool = False
) -> list[_Setting]:
    """Return every combination of the choices of one section's options.

    Raises:
        PydanticCustomError: It is no section, or they are too many.
    """
    kind, name, options = _section(given, place, kinds, outside, is_gene)
    genes = {
        option: _choices(value, (*place, option))
        for option, value in options.items()
        if is_gene and isinstance(value, Mapping) and CHOICES in value
    }
    _refuse_many(math.prod(map(len, genes.values())))
    order = [option for option in kind.model_fields if option in genes]
    settings = []
    for selections in itertools.product(*(enumerate(genes[option]) for option in order)):
        selected = dict(zip(order, selections, strict=True))
        values = {**options, **{option: value for option, (_, value) in selected.items()}}
        places: dict[str, Path] = {option: (*place, option) for option in options}
        places |= {option: (*place, option, CHOICES, i) for option, (i, _) in selected.items()}
        settings.append(_Setting(kind, {"name": name, **values}, places, place))
    return settings


def _section(
    given: Any, place: Path, kinds: Kinds, outside: Outside | None, is_gene: bool
) -> tuple[type[Frozen], str, Mapping[str, Any]]:
    """Return the kind of a section, its name there, and its options.

    Raises:
        PydanticCustomError: It is no section, or names no kind, or an option belongs to another.
    """
    section = {"name": given} if isinstance(given, str) else given
    names = [name for kind in kinds for name in kind_names(kind)]
    if not isinstance(section, Mapping):
        reject([(place, _no_section(given, is_gene, names))])
    if is_gene and CHOICES in section:
        reject([((*place, CHOICES), "choices of choices: list them all in one")])
    name = section.get("name", names[0])
    at = place if isinstance(given, str) else (*place, "name")
    kind = _kind(name, at, kinds, outside)
    options = {option: value for option, value in section.items() if option != "name"}
    is_read = not issubclass(kind, UnreadSection)
    foreign = [option for option in options if is_read and option not in kind.model_fields]
    reject([((*place, option), _foreign(str(option), name, kind, kinds)) for option in foreign])
    return kind, name, options


def _kind(name: Any, at: Path, kinds: Kinds, outside: Outside | None) -> type[Frozen]:
    """Return the kind that a name stands for.

    Raises:
        PydanticCustomError: There is none, or the code behind the name is missing or wrong.
    """
    if outside is not None and is_outside(name):
        try:
            return outside(name)
        except CodeError as error:
            reject([(at, str(error))])
    names = [kind_name for kind in kinds for kind_name in kind_names(kind)]
    if not isinstance(name, str) or name not in names:
        near = did_you_mean(name, names) if isinstance(name, str) else ""
        more = "" if outside is None else f", or {HINT}"
        reject([(at, f"unknown value {name!r:.60}. {near}Choices: {', '.join(names)}{more}.")])
    return next(kind for kind in kinds if name in kind_names(kind))


def _refuse_many(count: int) -> None:
    if count > MAX_SETTINGS:
        reject([((), f"{count} combinations of choices are more than {MAX_SETTINGS}")])


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
    if isinstance(given, list | tuple) and is_gene:
        choices = ", ".join(given) if all(isinstance(word, str) for word in given) else "..."
        return f"several are written as {{choices: [{choices:.60}]}}, but got a list"
    shown = {"None": "nothing (null)", "True": "true", "False": "false"}.get(repr(given), repr(given))
    return f"must be a name, or a section such as {{name: {names[0]}}}, but got {shown:.60}"


def _foreign(option: str, name: str, kind: type[Frozen], kinds: Kinds) -> str:
    """Return what is wrong with an option that a kind does not have."""
    owners = [owner for other in kinds for owner in kind_names(other) if option in other.model_fields]
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
    """Return a section as its name and its options in one word."""
    if not isinstance(value, Mapping):
        return value
    options = [f"{option}={inner}" for option, inner in value.items() if option != "name"]
    return "/".join([str(value["name"]), *options])
