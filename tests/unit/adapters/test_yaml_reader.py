"""YAML that users send: read as JSON would say it, and never more of it than can be borne."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from adapters.yaml_reader import MOST_VALUES, BadYaml, read_yaml

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=100), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON, st.booleans())
def test_what_yaml_writers_write_is_read_as_it_was_meant(value: Any, flow: bool) -> None:
    # In quotes and with tags: what is plain means other things in YAML 1.1, which PyYAML writes.
    text = yaml.safe_dump(value, default_style='"', default_flow_style=flow, allow_unicode=True)
    assert read_yaml(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing", None),
        ("a: 2024-01-31", {"a": "2024-01-31"}),
        ("a: 2024-01-31T10:00:00Z", {"a": "2024-01-31T10:00:00Z"}),
        ("a: 12:30:45", {"a": "12:30:45"}),
        ("a: [yes, no, on, off, y]", {"a": ["yes", "no", "on", "off", "y"]}),
        ("a: [true, False, NULL, ~]", {"a": [True, False, None, None]}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: [0o17, 0x1F, -7, +7]", {"a": [15, 31, -7, 7]}),
        ("a: [1.5, 1e3, .5, 1.0.0, 1.]", {"a": [1.5, 1000.0, 0.5, "1.0.0", 1.0]}),
        ("a: ['1', \"true\", !!str 2, ! 3]", {"a": ["1", "true", "2", "3"]}),
        ("a: [!!int 1, !!float 2, !!bool true, !!null ~]", {"a": [1, 2, True, None]}),
        ("200: {yes: 1}\nnull: 2", {"200": {"yes": 1}, "null": 2}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("%YAML 1.2\n---\na: 1\n...\n", {"a": 1}),
        ("\ufeffa: 1", {"a": 1}),
    ],
)
def test_values_are_those_of_json(text: str, value: object) -> None:
    assert read_yaml(text) == value


def test_aliases_stand_for_what_they_name() -> None:
    text = "base: &b {x: 1, y: [2]}\nother: *b\ntext: &t hello\nmore: [*t, *t]"
    assert read_yaml(text) == {
        "base": {"x": 1, "y": [2]},
        "other": {"x": 1, "y": [2]},
        "text": "hello",
        "more": ["hello", "hello"],
    }


def test_merged_mappings_come_after_the_mappings_own_keys() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 3}\nd: {<<: {w: 4}}"
    read: Any = read_yaml(text)
    assert (read["c"], read["d"]) == ({"x": 3, "y": 1, "z": 2}, {"w": 4})


BOMB = "a0: &a0 x\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 30)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "stands for more than"),
        ("a: &a '" + "x" * 100_000 + "'\nb: [" + "*a, " * 1_000 + "]", "stands for more than"),
        ("[" + "1," * MOST_VALUES + "]", "stands for more than"),
        ("a: &a [*a]", "alias within what it stands for"),
        ("a: &a {b: {c: *a}}", "alias within what it stands for"),
        ("a: *b", "alias without its anchor"),
        ("[" * 100_000, "nested more than 64 levels"),
        ("- " * 100_000, "nested more than 64 levels"),
        ("a: 1\nb: 2\na: 3", "same key twice in a mapping (line 3, column 1)"),
        ("{a: 1, 'a': 2}", "same key twice"),
        ("? [a]\n: 1", "key that is not a plain text"),
        ("a: &k x\n*k : 1", "key that is not a plain text"),
        ("a: !!python/object/apply:os.system [hush]", "tag, for which JSON has no word"),
        ("a: !!python/name:os.system hush", "tag, for which JSON has no word"),
        ("a: !!binary aGVsbG8=", "tag, for which JSON has no word"),
        ("a: !!set {x, y}", "tag, for which JSON has no word"),
        ("a: !!timestamp 2024-01-31", "tag, for which JSON has no word"),
        ("a: !!int hush", "tag, for which JSON has no word"),
        ("a: !custom hush", "tag, for which JSON has no word"),
        ("%TAG ! tag:x,2024:\n---\na: 1", "tag directives"),
        ("a: .inf", "number that JSON cannot write"),
        ("a: -.INF", "number that JSON cannot write"),
        ("a: .nan", "number that JSON cannot write"),
        ("a: " + "9" * 5_000, "number that JSON cannot write"),
        ("a: 1e999", "number that JSON cannot write"),
        ("a: 1\n---\nb: 2", "more than one YAML document"),
        ("a: {hush", "is not YAML"),
        ("hush: 1: 2", "is not YAML: mapping values are not allowed"),
        ("a: \x01", "characters that YAML does not allow"),
        ('a: "\\ud800"', "is not YAML"),
        ("<<: 7", "merges (<<) what is not a mapping"),
    ],
)
def test_what_is_dangerous_or_means_nothing_is_refused_without_being_repeated(
    text: str, words: str
) -> None:
    with pytest.raises(BadYaml) as caught:
        read_yaml(text)
    assert words in str(caught.value)
    assert "hush" not in str(caught.value)


def test_what_was_read_can_be_written_as_json() -> None:
    text = "a: &a {x: [1, ~, 'ü']}\nb: {<<: *a, y: 2.5}"
    assert json.loads(json.dumps(read_yaml(text))) == read_yaml(text)
