"""Each row of docs/reliability.md is shown by a test, and each test's marker names a row."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from tests.support.cloudformation import ROOT

_ROW = re.compile(r"^\| `([a-z-]+)` \|", re.MULTILINE)


def rows() -> list[str]:
    """Return the ids of the document's rows."""
    return _ROW.findall((ROOT / "docs" / "reliability.md").read_text(encoding="utf-8"))


@cache
def marked() -> set[str]:
    """Return the ids that the tests' markers name."""
    sources = sorted((ROOT / "tests").rglob("test_*.py"))
    return {row_id for source in sources for row_id in ids_in(ast.parse(source.read_text("utf-8")))}


def ids_in(tree: ast.AST) -> Iterator[str]:
    """Yield what the calls of `pytest.mark.fault` in a source are given: only literals count."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault":
            assert node.args, "a marker names no row"
            for argument in node.args:
                given = ast.literal_eval(argument)
                assert isinstance(given, str)
                yield given


def test_every_row_has_a_test() -> None:
    assert len(rows()) > 30
    assert set(rows()) - marked() == set()


def test_every_marker_names_a_row() -> None:
    assert marked() - set(rows()) == set()


def test_no_row_stands_twice() -> None:
    assert [row_id for row_id, count in Counter(rows()).items() if count > 1] == []
