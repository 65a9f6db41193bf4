"""Names of code from outside in a configuration: ``package.module:Name`` where a name of ours may stand.

With consent the code is loaded and its options are checked.  Without it the name is kept as it is, and its
options too, unchecked.  Must not import torch.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Strict, ValidationError, WrapValidator, create_model
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticCustomError

from aebnas.config.choices import Frozen
from aebnas.errors import CodeError
from aebnas.extensions.consent import is_allowed, made_once
from aebnas.extensions.kinds import Kind
from aebnas.extensions.loading import loaded
from aebnas.extensions.names import HINT, PATTERN, is_outside, parsed_name

S = TypeVar("S", bound=Frozen)
NAMING = ("space", "exits", "training", "objectives", "constraints")
"""Sections in which code may be named, beside the name of the data."""


class OutsideSection(Frozen):
    """What sections of something from outside have in common: unpickled, they are made again."""

    made_by: ClassVar[Callable[[str], type[Frozen]]]
    """Returns the section's class for its name."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Say what it is made again from: its class has no name that another process could import."""
        return _again, (type(self).made_by, self.model_dump(mode="json"))


class UnreadSection(OutsideSection):
    """A section of code that was not loaded: every option is kept as it was given."""

    model_config = ConfigDict(extra="allow")


def names_in(tree: Any) -> tuple[str, ...]:
    """Return every name of code from outside in the plain values of a search-space file, each once."""
    if not isinstance(tree, Mapping):
        return ()
    data = tree.get("data")
    given = [tree.get(section) for section in NAMING] + [
        data.get("name") if isinstance(data, Mapping) else None
    ]
    return tuple(dict.fromkeys(name for part in given for name in _names(part)))


def or_code(kind: Kind, wrong: Callable[[Any], str | None] = lambda _loaded: None) -> WrapValidator:
    """Return the validator that lets a name from outside stand beside the names of a ``Literal``.

    Args:
        kind: What the name must stand for.
        wrong: Says what is wrong with a thing of that kind at this place; None: nothing.
    """

    def check(value: Any, handler: Callable[[Any], Any]) -> Any:
        if is_outside(value):
            return _checked(value, kind, wrong)
        try:
            return handler(value)
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            if detail["type"] != "literal_error":
                raise
            context = {"expected": detail["ctx"]["expected"], "or": HINT}
            raise PydanticCustomError("literal_error", "{expected}", context) from None

    return WrapValidator(check)


def section_of(
    name: str,
    base: type[S],
    kind: Kind,
    made_by: Callable[[str], type[Frozen]],
    attributes: tuple[str, ...] = (),
) -> type[S]:
    """Return the section of a class from outside: its options are the fields of the dataclass.

    Args:
        name: Of the class.
        base: What sections of its kind inherit.
        kind: What it must be.
        made_by: The function that is asked for such sections.
        attributes: Class attributes of ``base`` that the class may set.

    Raises:
        CodeError: The code cannot be loaded, is of another kind, or has fields that no file can give.
    """
    parsed_name(name)
    if not is_allowed():
        unread: type[S] = _named(name, (base, UnreadSection), {}, made_by)
        return unread

    def make() -> type[S]:
        outside = loaded(name, kind)
        section: type[S] = _named(name, (base, OutsideSection), _fields(name, outside), made_by)
        for fact in attributes:
            setattr(section, fact, getattr(outside, fact, getattr(base, fact)))
        return section

    return made_once(name, "section", make)


def renamed_section(name: str, base: type[S], made_by: Callable[[str], type[Frozen]]) -> type[S]:
    """Return a section of ours under a name from outside, with the options that it has."""

    def make() -> type[S]:
        section: type[S] = _named(name, (base, OutsideSection), {}, made_by)
        return section

    return made_once(name, "section", make)


def _named(
    name: str, bases: tuple[type[Frozen], ...], fields: dict[str, Any], made_by: Callable[[str], type[Frozen]]
) -> Any:
    attribute = parsed_name(name).attribute
    try:
        make: Any = create_model  # its types are known at run time alone
        section = make(attribute, __base__=bases, name=(Literal[name], name), **fields)
    except PydanticUserError as error:
        text = " ".join(str(error).split())[:200]
        raise CodeError(f"an option of {name} is of a type that no YAML file can give: {text}") from error
    section.made_by = staticmethod(made_by)
    return section


def _fields(name: str, outside: Any) -> dict[str, Any]:
    """Return type and default of every option."""
    if not dataclasses.is_dataclass(outside):
        return {}
    try:
        types = get_type_hints(outside, include_extras=True)
    except Exception as error:
        file = inspect.getsourcefile(outside) if inspect.isclass(outside) else None
        raise CodeError(f"{file}: the types of {name}'s fields cannot be read: {error}") from error
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(outside):
        if field.name == "name":
            raise CodeError(
                f"an option of {name} is called 'name', which is taken: give the field another name"
            )
        if field.init:
            type_ = types[field.name]
            loose = Annotated[type_, Strict(False)] if get_origin(type_) is tuple else type_
            fields[field.name] = (loose, _default(field))
    return fields


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else ...


def _checked(name: str, kind: Kind, wrong: Callable[[Any], str | None]) -> str:
    """Return a name whose code, if it may be loaded, is what it must be.

    Raises:
        ValueError: It is not.
    """
    try:
        parsed_name(name)
        message = wrong(loaded(name, kind)) if is_allowed() else None
    except CodeError as error:
        raise ValueError(str(error)) from error
    if message is not None:
        raise ValueError(f"{name} {message}")
    return name


def _again(made_by: Callable[[str], type[Frozen]], plain: Mapping[str, Any]) -> BaseModel:
    return made_by(plain["name"]).model_validate(plain)


def _names(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield from [part] if PATTERN.fullmatch(part) else []
    elif isinstance(part, Mapping):
        yield from (name for pair in part.items() for value in pair for name in _names(value))
    elif isinstance(part, list | tuple):
        yield from (name for value in part for name in _names(value))
