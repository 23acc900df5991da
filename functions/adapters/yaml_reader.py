"""YAML as JSON would say it (YAML 1.2, chapter 10): no types but JSON's, and nothing that runs.

The text comes from a user. It is read event by event, because whole trees are what attacks on YAML
readers are made of: aliases of aliases unfold to gigabytes, and nesting exhausts the stack. What
YAML 1.1 takes for dates, sexagesimal numbers or truth (`on`, `no`) stays text.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from core.strict_json import MAX_DEPTH

if TYPE_CHECKING:
    from yaml import Event, ScalarEvent

# Values that a text may stand for, each alias counted as a copy.
MOST_VALUES: Final = 500_000
# So many characters of text count as one more value.
_TEXT_UNIT = 64
_STANDARD = "tag:yaml.org,2002:"
_MERGE = "<<"
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,400}")
_BASED = re.compile(r"0o[0-7]{1,400}|0x[0-9a-fA-F]{1,400}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_TAG_DIRECTIVE = re.compile(r"^%TAG\b", re.MULTILINE)
_NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class BadYaml(ValueError):
    """The text is not YAML that can be read.

    Args:
        problem: completes the sentence "the text …"; it repeats nothing of the text.
        mark: where; as PyYAML tells it.
    """

    def __init__(self, problem: str, mark: Any = None) -> None:
        place = "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"
        super().__init__(problem + place)


def read_yaml(text: str) -> object:
    """Return the value of a text of one YAML document.

    Raises:
        BadYaml: it is none, it holds what JSON has no word for, or it is too large or too deep.
    """
    if _TAG_DIRECTIVE.search(text):
        # What tags could mean is not read anyway, and readers take long over many of these.
        raise BadYaml("has tag directives, for which JSON has no word")
    builder = _Builder()
    for event in _events(text):
        builder.take(event)
    return builder.value


def _events(text: str) -> "Iterator[Event]":
    # Imported here: most processes never read YAML.
    import yaml

    try:
        yield from yaml.parse(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        raise BadYaml(f"is not YAML: {error.problem}", error.problem_mark) from None
    except yaml.YAMLError:
        raise BadYaml("is not YAML: it holds characters that YAML does not allow") from None


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has yet to come.

    Attributes:
        anchor: its name for aliases.
        size: the values in it so far.
        key: of the next value; None in a list, or if the key comes next.
        merges: what `<<` brings into a mapping.
    """

    value: list[object] | dict[str, object]
    anchor: str | None
    size: int = 1
    key: str | None = None
    merges: list[dict[str, object]] = field(default_factory=list)


class _Builder:
    """Makes a value of events."""

    def __init__(self) -> None:
        self.value: object = None
        self._documents = 0
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[object, int] | None] = {}
        self._size = 0

    def take(self, event: Any) -> None:
        """Take the next event."""
        kind = type(event).__name__
        if kind == "ScalarEvent":
            self._take_scalar(event)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._begin(event, {} if kind.startswith("Mapping") else [])
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._end(event)
        elif kind == "AliasEvent":
            self._take_alias(event)
        elif kind == "DocumentStartEvent":
            self._documents += 1
            if self._documents > 1:
                raise BadYaml("holds more than one YAML document", event.start_mark)

    def _begin(self, event: Any, value: list[object] | dict[str, object]) -> None:
        if self._wants_key():
            raise BadYaml("has a key that is not a plain text", event.start_mark)
        kind = "map" if isinstance(value, dict) else "seq"
        if event.tag not in (None, "!", _STANDARD + kind):
            raise BadYaml("has a tag, for which JSON has no word", event.start_mark)
        if len(self._open) >= MAX_DEPTH:
            raise BadYaml(f"is nested more than {MAX_DEPTH} levels deep", event.start_mark)
        if event.anchor is not None:
            # Whatever refers to it before its end would be a part of itself.
            self._anchors[event.anchor] = None
        self._open.append(_Open(value, event.anchor))
        self._spend(1, event)

    def _end(self, event: Any) -> None:
        done = self._open.pop()
        value = done.value
        if isinstance(value, dict) and done.merges:
            merged: dict[str, object] = {}
            for other in reversed(done.merges):
                merged |= other
            value = merged | value
        if done.anchor is not None:
            self._anchors[done.anchor] = (value, done.size)
        self._add(value, done.size, event)

    def _take_scalar(self, event: "ScalarEvent") -> None:
        size = 1 + len(event.value) // _TEXT_UNIT
        self._spend(size, event)
        if self._wants_key():
            self._take_key(event)
            return
        value = _scalar(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, size)
        self._add(value, size, event)

    def _take_key(self, event: "ScalarEvent") -> None:
        # As it is written, so that 200 is "200" and yes is "yes".
        key, inside = event.value, self._open[-1]
        if event.anchor is not None:
            self._anchors[event.anchor] = (key, 1)
        if key in inside.value:
            raise BadYaml("has the same key twice in a mapping", event.start_mark)
        inside.key = key

    def _take_alias(self, event: Any) -> None:
        if self._wants_key():
            raise BadYaml("has a key that is not a plain text", event.start_mark)
        if event.anchor not in self._anchors:
            raise BadYaml("has an alias without its anchor", event.start_mark)
        known = self._anchors[event.anchor]
        if known is None:
            raise BadYaml("has an alias within what it stands for", event.start_mark)
        value, size = known
        self._spend(size, event)
        self._add(value, size, event)

    def _wants_key(self) -> bool:
        inside = self._open[-1] if self._open else None
        return inside is not None and isinstance(inside.value, dict) and inside.key is None

    def _add(self, value: object, size: int, event: Any) -> None:
        if not self._open:
            self.value = value
            return
        inside = self._open[-1]
        inside.size += size
        if isinstance(inside.value, list):
            inside.value.append(value)
            return
        assert inside.key is not None
        key, inside.key = inside.key, None
        if key == _MERGE:
            inside.merges += _merged(value, event)
        else:
            inside.value[key] = value

    def _spend(self, size: int, event: Any) -> None:
        self._size += size
        if self._size > MOST_VALUES:
            raise BadYaml(
                f"stands for more than {MOST_VALUES:,} values, counting each alias as a copy",
                event.start_mark,
            )


def _merged(value: object, event: Any) -> list[dict[str, object]]:
    """Return the mappings that a `<<` brings in, the most important one first."""
    merged: list[dict[str, object]] = []
    for mapping in value if isinstance(value, list) else [value]:
        if not isinstance(mapping, dict):
            raise BadYaml("merges (<<) what is not a mapping", event.start_mark)
        merged.append(mapping)
    return merged


def _scalar(event: "ScalarEvent") -> object:
    if event.tag is not None and event.tag != "!":
        return _tagged(event, event.tag.removeprefix(_STANDARD))
    # `implicit` tells what a value without a tag is: plain, or in quotes.
    return _plain(event) if event.tag is None and event.implicit[0] else event.value


def _tagged(event: "ScalarEvent", name: str) -> object:
    if name == "str":
        return event.value
    kinds: dict[str, tuple[type, ...]] = {
        "null": (type(None),),
        "bool": (bool,),
        "int": (int,),
        "float": (float, int),
    }
    value = _plain(event)
    if name not in kinds or not isinstance(value, kinds[name]):
        raise BadYaml("has a tag, for which JSON has no word", event.start_mark)
    return value


def _plain(event: "ScalarEvent") -> object:
    """Return what a plain scalar means in YAML 1.2's core schema (10.3.2)."""
    text = event.value
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _NO_NUMBER.fullmatch(text):
        raise BadYaml("holds a number that JSON cannot write", event.start_mark)
    if _FLOAT.fullmatch(text) is None:
        return text
    number = float(text)
    if not math.isfinite(number):
        raise BadYaml("holds a number that JSON cannot write", event.start_mark)
    return number
