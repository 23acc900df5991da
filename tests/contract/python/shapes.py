"""Compares JSON with the SDK's own types, and finds every difference.

The SDK itself forgives: it keeps unknown fields, and builds its objects without validating them.
So that a program finds what it was written for, nothing may be missing, too much or of another
type. Runs in each SDK's environment: needs the standard library and pydantic only.
"""

import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Rules = Mapping[str, Iterable[str]]
_PLAIN: dict[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    bool: (bool,),
    # JSON has one kind of number: 1 stands for 1.0, but not the other way round.
    float: (float, int),
    None: (type(None),),
    type(None): (type(None),),
}


class Shapes:
    """Compares values with types.

    Args:
        extras: by the name of a type, fields that may be there although the type lacks them.
        complete: by the name of a type, fields that must be there although the type would let
            them be left out.
    """

    def __init__(self, extras: Rules | None = None, complete: Rules | None = None) -> None:
        self._extras = {name: frozenset(fields) for name, fields in (extras or {}).items()}
        self._complete = {name: frozenset(fields) for name, fields in (complete or {}).items()}

    def faults(self, wanted: Any, value: Any, place: str = "$") -> list[str]:
        """Return where a value differs from a type, one sentence a difference.

        Args:
            wanted: a type annotation.
            value: what `json.loads` returned.
            place: where the value stands, such as `$.data[0]`.

        Raises:
            TypeError: the annotation is of a kind that is not known here.
        """
        wanted = _bare(wanted)
        if wanted is Any or wanted is object:
            return []
        if wanted in _PLAIN:
            return [] if type(value) in _PLAIN[wanted] else [_not_a(place, _name(wanted), value)]
        if isinstance(wanted, type) and issubclass(wanted, BaseModel):
            return self._of_model(wanted, value, place)
        origin, arguments = get_origin(wanted), get_args(wanted)
        if origin is Literal:
            known = any(type(value) is type(each) and value == each for each in arguments)
            return [] if known else [f"{place}: {value!r} is none of {arguments!r}"]
        if origin is Union or origin is types.UnionType:
            return self._of_union(arguments, value, place)
        if origin is list:
            return self._of_list(arguments[0], value, place)
        if origin is dict:
            return self._of_dict(arguments[1], value, place)
        raise TypeError(f"{place}: there is no rule for {wanted!r}")

    def _of_model(self, model: type[BaseModel], value: Any, place: str) -> list[str]:
        if not isinstance(value, dict):
            return [_not_a(place, model.__name__, value)]
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        complete = self._complete.get(model.__name__, frozenset())
        faults = [
            f"{place}.{name}: is missing"
            for name, field in fields.items()
            if name not in value and (field.is_required() or name in complete)
        ]
        extras = self._extras.get(model.__name__, frozenset())
        for name, item in value.items():
            if name in fields:
                faults += self.faults(_annotation(fields[name]), item, f"{place}.{name}")
            elif name not in extras:
                faults.append(f"{place}.{name}: {model.__name__} has no such field")
        return faults

    def _of_union(self, members: tuple[Any, ...], value: Any, place: str) -> list[str]:
        """Return the faults of the member that fits best: of the same `type`, then with fewest."""
        found = [self.faults(member, value, place) for member in members]
        return min(found, key=lambda faults: (_is_another_kind(faults, place), len(faults)))

    def _of_list(self, wanted: Any, value: Any, place: str) -> list[str]:
        if not isinstance(value, list):
            return [_not_a(place, "list", value)]
        places = ((f"{place}[{index}]", item) for index, item in enumerate(value))
        return [fault for at, item in places for fault in self.faults(wanted, item, at)]

    def _of_dict(self, wanted: Any, value: Any, place: str) -> list[str]:
        if not isinstance(value, dict):
            return [_not_a(place, "object", value)]
        places = ((f"{place}[{key!r}]", item) for key, item in value.items())
        return [fault for at, item in places for fault in self.faults(wanted, item, at)]


def _bare(wanted: Any) -> Any:
    """Return a type without its metadata, and without a name that was given to it."""
    while True:
        if get_origin(wanted) is Annotated:
            wanted = get_args(wanted)[0]
        elif hasattr(wanted, "__value__"):
            wanted = wanted.__value__
        else:
            return wanted


def _annotation(field: FieldInfo) -> Any:
    return field.annotation


def _is_another_kind(faults: list[str], place: str) -> bool:
    """Whether these faults say that the value is no attempt at this member of a union."""
    wrong_type = any(fault.startswith(f"{place}.type: ") for fault in faults)
    return wrong_type or any(fault.startswith(f"{place}: ") for fault in faults)


def _not_a(place: str, name: str, value: Any) -> str:
    return f"{place}: {value!r} is not of type {name}"


def _name(wanted: Any) -> str:
    return "null" if wanted in (None, type(None)) else str(wanted.__name__)
