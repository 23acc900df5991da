"""The comparison of JSON with the SDK's types: every difference counts, and nothing else."""

import copy
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.beta.threads import Message, Run
from openai.types.beta.threads.runs import RunStep
from pydantic import BaseModel, Field

from core.schema.steps import RunStep as OurRunStep
from tests.contract.python.answers import SHAPES
from tests.contract.python.shapes import Shapes
from tests.support.runs import call_step as tool_step
from tests.support.runs import function_call, message_step, run_record, user_message


class Point(BaseModel):
    """A model with every kind of field."""

    type: Literal["point"]
    x: int
    weight: float = 1.0
    label: str | None = None
    tags: list[str] = []
    counts: dict[str, int] = {}
    schema_: Any = Field(default=None, alias="schema")


class Circle(BaseModel):
    """Another kind of the same union."""

    type: Literal["circle"]
    center: Point


POINT: dict[str, Any] = {"type": "point", "x": 1}
Shape = Annotated[Point | Circle, "discriminated by type"]


def run() -> dict[str, Any]:
    """Return a run as the API sends it."""
    return run_record().to_wire().model_dump(mode="json")


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        (Run, run()),
        (Message, user_message("Hello").model_dump(mode="json")),
        (RunStep, message_step().model_dump(mode="json")),
        (RunStep, tool_step(function_call("call_1")).model_dump(mode="json")),
        (Point, POINT),
        (Point, POINT | {"weight": 2, "label": None, "tags": ["a"], "counts": {"a": 1}}),
        (Point, POINT | {"schema": {"anything": [1]}}),
        (Shape, POINT),
        (Shape, {"type": "circle", "center": POINT}),
        (list[Shape], []),
        (Literal["auto"] | Point, "auto"),
        (float, 1),
        (object, object()),
    ],
)
def test_what_is_of_the_type_has_no_fault(wanted: Any, value: Any) -> None:
    assert SHAPES.faults(wanted, value) == []


@pytest.mark.parametrize(
    ("wanted", "value", "fault"),
    [
        (Point, POINT | {"y": 2}, "$.y: Point has no such field"),
        (Point, POINT | {"schema_": {}}, "$.schema_: Point has no such field"),
        (Point, {"type": "point"}, "$.x: is missing"),
        (Point, POINT | {"x": None}, "$.x: None is not of type int"),
        (Point, POINT | {"x": 1.0}, "$.x: 1.0 is not of type int"),
        (Point, POINT | {"x": True}, "$.x: True is not of type int"),
        (Point, POINT | {"x": "1"}, "$.x: '1' is not of type int"),
        (Point, POINT | {"weight": True}, "$.weight: True is not of type float"),
        (Point, POINT | {"type": "line"}, "$.type: 'line' is none of ('point',)"),
        (Point, POINT | {"label": 1}, "$.label: 1 is not of type str"),
        (Point, POINT | {"tags": {}}, "$.tags: {} is not of type list"),
        (Point, POINT | {"tags": ["a", 1]}, "$.tags[1]: 1 is not of type str"),
        (Point, POINT | {"counts": {"a": "1"}}, "$.counts['a']: '1' is not of type int"),
        (Point, POINT | {"counts": []}, "$.counts: [] is not of type object"),
        (Point, [], "$: [] is not of type Point"),
        (Shape, {"type": "circle", "center": {"type": "point"}}, "$.center.x: is missing"),
        (Literal[1], True, "$: True is none of (1,)"),
        (type(None), 0, "$: 0 is not of type null"),
    ],
)
def test_every_difference_is_a_fault_with_its_place(wanted: Any, value: Any, fault: str) -> None:
    assert Shapes().faults(wanted, value) == [fault]


def test_all_faults_are_found_at_once() -> None:
    faults = Shapes().faults(Point, {"type": "line", "y": 1})
    assert len(faults) == 3


def test_an_extra_field_is_allowed_only_where_it_is_listed() -> None:
    shapes = Shapes(extras={"Point": ("y",)})
    assert shapes.faults(Point, POINT | {"y": 2}) == []
    assert shapes.faults(Point, POINT | {"z": 2}) == ["$.z: Point has no such field"]
    assert shapes.faults(Circle, {"type": "circle", "center": POINT, "y": 2}) != []


def test_a_field_that_may_be_null_can_be_required_all_the_same() -> None:
    shapes = Shapes(complete={"Point": ("label",)})
    assert shapes.faults(Point, POINT) == ["$.label: is missing"]
    assert shapes.faults(Point, POINT | {"label": None}) == []


def test_a_kind_of_type_without_a_rule_is_an_error() -> None:
    with pytest.raises(TypeError, match="there is no rule for"):
        Shapes().faults(tuple[int, int], [1, 2])


def test_the_sdk_itself_would_not_notice() -> None:
    broken = run() | {"created_at": 1.5, "status": "sleeping", "surprise": 1}
    assert Run.construct(**broken).id
    assert len(SHAPES.faults(Run, broken)) == 3


@given(st.sampled_from(sorted(run())), st.sampled_from([["?"], {"?": ["?"]}]))
def test_no_field_of_a_run_may_be_of_another_type(name: str, other: Any) -> None:
    assert SHAPES.faults(Run, run() | {name: other}) != []


@pytest.mark.parametrize("name", sorted(run()))
def test_no_field_of_a_run_may_be_left_out(name: str) -> None:
    shortened = run()
    del shortened[name]
    optional = {"temperature", "top_p"}
    assert SHAPES.faults(Run, shortened) == ([] if name in optional else [f"$.{name}: is missing"])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda step: step["step_details"]["tool_calls"][0]["function"].pop("name"),
        lambda step: step["step_details"]["tool_calls"][0].update(type="action"),
        lambda step: step["step_details"]["tool_calls"][0].update(extra=1),
        lambda step: step.update(created_at=1.0),
        lambda step: step.pop("last_error"),
    ],
)
def test_a_spoilt_step_is_found_however_deep(spoil: Callable[[dict[str, Any]], object]) -> None:
    step = tool_step(function_call("call_1")).model_dump(mode="json")
    spoilt = copy.deepcopy(step)
    spoil(spoilt)
    assert SHAPES.faults(RunStep, step) == []
    assert SHAPES.faults(RunStep, spoilt) != []


def test_only_the_listed_extra_sets_our_step_apart_from_the_sdks() -> None:
    assert set(OurRunStep.model_fields) - set(RunStep.model_fields) == {"expires_at"}
