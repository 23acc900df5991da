"""What is read from an OpenAPI document."""

import json
import re
from typing import Any
from urllib.parse import parse_qsl

import pytest

from core.openapi import (
    InvalidArguments,
    Operation,
    RequestBody,
    build_request,
    parse_document,
)
from tests.support.openapi import PETS, by_name, mistake, one_operation, pets


def test_each_method_of_each_path_is_an_operation() -> None:
    found = parse_document(PETS).operations
    assert [(one.name, one.method, one.path) for one in found] == [
        ("get_pet", "GET", "/pets/{petId}"),
        ("put_pets_petId", "PUT", "/pets/{petId}"),
        ("listPets", "GET", "/pets"),
    ]


def test_the_nearest_servers_count_and_end_without_a_slash() -> None:
    found = by_name(PETS)
    assert found["get_pet"].server_url == "https://pets.example/v1"
    assert found["put_pets_petId"].server_url == "https://write.pets.example"


def test_the_description_is_the_summary_and_the_description() -> None:
    assert by_name(PETS)["get_pet"].description == "One pet\n\nReturns what is known of it."


def test_a_long_description_is_cut_to_1024_characters() -> None:
    description = by_name(one_operation(description="é" * 5_000))["post_things"].description
    assert len(description) == 1_024
    assert description.endswith("é…")


def test_parameters_of_the_path_come_before_those_of_the_operation() -> None:
    operation = by_name(PETS)["put_pets_petId"]
    assert operation.json_schema() == {
        "type": "object",
        "properties": {
            "petId": {"type": "string", "minLength": 1},
            "name": {"type": "string"},
            "owner": {"type": "string", "minLength": 1},
        },
        "required": ["petId", "name"],
        "additionalProperties": False,
    }


def test_an_operation_overrides_a_parameter_of_its_path() -> None:
    document = pets()
    document["paths"]["/pets/{petId}"]["get"]["parameters"] = [
        {"name": "petId", "in": "path", "required": True, "schema": {"type": "integer"}}
    ]
    properties = by_name(document)["get_pet"].json_schema()["properties"]
    assert properties == {"petId": {"type": "integer"}}


def test_the_description_of_a_parameter_reaches_the_model() -> None:
    properties: Any = by_name(PETS)["listPets"].json_schema()["properties"]
    assert properties["limit"] == {"type": "integer", "maximum": 100, "description": "How many"}


def test_an_operation_survives_storage_as_json() -> None:
    for operation in parse_document(PETS).operations:
        text = operation.to_json()
        assert json.loads(text)["v"] == 1
        assert Operation.from_json(text) == operation


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"name": "secret-name"}'])
def test_text_that_is_no_operation_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^The text is not a stored operation\.$"):
        Operation.from_json(text)


def test_names_are_made_of_allowed_characters_and_unique() -> None:
    document = pets()
    document["paths"] = {
        f"/{number}": {"get": {"operationId": identifier}}
        for number, identifier in enumerate(
            ["list.users", "list/users", "list users", "x" * 80, "x" * 90, "日本", "--"]
        )
    }
    names = [operation.name for operation in parse_document(document).operations]
    assert names == [
        "list_users",
        "list_users_2",
        "list_users_3",
        "x" * 64,
        "x" * 62 + "_2",
        "get_5",
        "--",
    ]
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in names)


def test_parameters_that_share_a_name_become_two_arguments() -> None:
    document = pets()
    document["paths"]["/pets/{petId}"]["get"]["parameters"] = [
        {"name": "petId", "in": "query", "schema": {"type": "string"}}
    ]
    operation = by_name(document)["get_pet"]
    assert list(operation.json_schema()["properties"]) == ["path_petId", "query_petId"]  # type: ignore[call-overload]


def test_a_body_whose_property_is_called_like_a_parameter_is_one_argument() -> None:
    document = pets()
    document["components"]["schemas"]["Pet"]["properties"]["petId"] = {"type": "string"}
    schema = by_name(document)["put_pets_petId"].json_schema()
    assert schema["required"] == ["petId", "body"]


@pytest.mark.parametrize(
    "body",
    [
        {"type": "array", "items": {"type": "string"}},
        {"type": "object"},
        {"type": ["object", "null"], "properties": {"a": {}}},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": True},
        {"type": "object", "properties": {"a": {}}, "minProperties": 1},
        {"type": "object", "properties": {"a": {}}, "required": ["b"]},
        {"anyOf": [{"type": "object", "properties": {"a": {}}}, {"type": "string"}]},
    ],
)
def test_a_body_that_its_properties_do_not_tell_whole_is_one_argument(body: Any) -> None:
    content = {"application/json": {"schema": body}}
    operation = by_name(one_operation(requestBody={"content": content}))["post_things"]
    assert operation.json_schema()["properties"] == {"body": body}


def test_a_body_argument_steps_aside_for_a_parameter_called_body() -> None:
    operation = by_name(
        one_operation(
            parameters=[{"name": "body", "in": "query", "schema": {"type": "string"}}],
            requestBody={"content": {"application/json": {"schema": {"type": "array"}}}},
        )
    )["post_things"]
    assert list(operation.json_schema()["properties"]) == ["body", "request_body"]  # type: ignore[call-overload]


def test_an_optional_body_requires_none_of_its_properties() -> None:
    document = pets()
    del document["components"]["requestBodies"]["Pet"]["required"]
    assert by_name(document)["put_pets_petId"].json_schema()["required"] == ["petId"]


def test_json_is_preferred_to_a_form() -> None:
    schema = {"schema": {"type": "object", "properties": {"a": {}}}}
    content = {
        "application/x-www-form-urlencoded": schema,
        "application/json; charset=utf-8": schema,
    }
    operation = by_name(one_operation(requestBody={"content": content}))["post_things"]
    assert operation.body is not None
    assert operation.body.media_type == "application/json"


def test_a_form_may_describe_the_encoding_that_forms_have_anyway() -> None:
    form: Any = {
        "schema": {"type": "object", "properties": {"a": {}}},
        "encoding": {"a": {"style": "form", "explode": True}, "b": {"contentType": "text/plain"}},
    }
    content = {"application/x-www-form-urlencoded": form}
    operation = by_name(one_operation(requestBody={"content": content}))["post_things"]
    assert operation.body == RequestBody(
        "application/x-www-form-urlencoded", form["schema"], required=False, argument=None
    )


def test_a_body_without_described_properties_has_none() -> None:
    body = RequestBody("application/json", {}, required=True, argument="body")
    assert (body.properties(), body.required_properties()) == ({}, [])


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("application/merge-patch+json", "application/merge-patch+json"),
        ("application/vnd.api+json; charset=utf-8", "application/vnd.api+json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
    ],
)
def test_json_under_another_name_is_json(given: str, sent: str) -> None:
    content: Any = {"text/xml": {}, given: {"schema": {"type": "object", "properties": {"a": {}}}}}
    operation = by_name(one_operation(requestBody={"content": content}))["post_things"]
    request = build_request(operation, {"a": 1})
    assert (request.headers["Content-Type"], request.body) == (sent, b'{"a":1}')


@pytest.mark.parametrize(
    "name", ["application/x\r\nX-Evil: 1+json", "application/ +json", "a+json"]
)
def test_a_media_type_that_no_header_can_name_is_not_taken_for_json(name: str) -> None:
    content: Any = {name: {"schema": {}}}
    assert "must describe" in mistake(one_operation(requestBody={"content": content})).message


def test_a_form_may_write_objects_and_lists_with_brackets() -> None:
    schema = {"type": "object", "properties": {"address": {}, "expand": {}, "plain": {}}}
    deep = {"style": "deepObject", "explode": True}
    form: Any = {"schema": schema, "encoding": {"address": deep, "expand": deep}}
    content = {"application/x-www-form-urlencoded": form}
    operation = by_name(one_operation(requestBody={"content": content}))["post_things"]
    assert Operation.from_json(operation.to_json()) == operation
    arguments: Any = {
        "address": {"city": "Köln", "lines": ["a", {"b": True}], "none": None},
        "expand": ["x", "y"],
        "plain": ["1", "2"],
    }
    assert parse_qsl((build_request(operation, arguments).body or b"").decode()) == [
        ("address[city]", "Köln"),
        ("address[lines][0]", "a"),
        ("address[lines][1][b]", "true"),
        ("expand[0]", "x"),
        ("expand[1]", "y"),
        ("plain", "1"),
        ("plain", "2"),
    ]


def test_an_object_that_is_nested_beyond_measure_is_refused() -> None:
    deep: Any = "x"
    for _ in range(2_000):
        deep = {"a": deep}
    parameter = {"name": "q", "in": "query", "style": "deepObject", "schema": {"type": "object"}}
    operation = by_name(one_operation(parameters=[parameter]))["post_things"]
    with pytest.raises(InvalidArguments, match="nested too deeply"):
        build_request(operation, {"q": deep})


def test_an_operation_that_was_stored_before_forms_had_brackets_is_read() -> None:
    content = {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}}
    operation = by_name(one_operation(requestBody={"content": content}))["post_things"]
    stored = json.loads(operation.to_json())
    del stored["body"]["deep"]
    assert Operation.from_json(json.dumps(stored)) == operation


def test_get_has_no_body_whatever_the_document_says() -> None:
    document = pets()
    document["paths"]["/pets"]["get"]["requestBody"] = {"content": {"text/plain": {}}}
    assert by_name(document)["listPets"].body is None


def test_headers_that_are_set_for_every_call_are_no_arguments() -> None:
    parameters = [
        {"name": name, "in": "header", "schema": {"type": "string"}}
        for name in ("Accept", "Content-Type", "Idempotency-Key", "X-Trace")
    ]
    operation = by_name(one_operation(parameters=parameters))["post_things"]
    assert list(operation.json_schema()["properties"]) == ["X-Trace"]  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "CONNECTION",
        "Authorization",
        "Cookie",
        "Proxy-Authorization",
        "Proxy-Connection",
        "X-Forwarded-For",
        "X-HTTP-Method-Override",
        "X-Original-URL",
        "Accept-Encoding",
        "Upgrade",
    ],
)
def test_a_header_that_tools_may_not_set_is_no_argument(name: str) -> None:
    header = {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
    operation = by_name(one_operation(parameters=[header]))["post_things"]
    assert operation.parameters == ()


def test_a_cookie_that_is_not_required_is_no_argument() -> None:
    cookie = {"name": "session", "in": "cookie", "schema": {"type": "string"}}
    assert by_name(one_operation(parameters=[cookie]))["post_things"].parameters == ()


def test_a_path_parameter_is_required_whatever_the_document_says() -> None:
    document = pets()
    del document["components"]["parameters"]["PetId"]["required"]
    assert by_name(document)["get_pet"].json_schema()["required"] == ["petId"]


def test_extensions_and_the_parts_that_requests_do_not_need_are_left_alone() -> None:
    document = pets()
    document["x-anything"] = 1
    document["paths"]["x-note"] = "hello"
    document["paths"]["/pets"]["x-owner"] = ["me"]
    document["paths"]["/pets"]["get"]["responses"] = {"200": {"$ref": "https://elsewhere"}}
    document["security"] = "whatever"
    assert set(by_name(document)) == {"get_pet", "put_pets_petId", "listPets"}


def test_a_path_item_may_be_a_reference() -> None:
    document = pets()
    document["paths"]["/animals"] = {"$ref": "#/paths/~1pets"}
    assert {one.path for one in parse_document(document).operations} >= {"/pets", "/animals"}


def test_a_reference_may_lead_through_a_list() -> None:
    document = pets()
    document["paths"]["/more"] = {
        "get": {"parameters": [{"$ref": "#/paths/~1pets/get/parameters/0"}]}
    }
    properties: Any = by_name(document)["get_more"].json_schema()["properties"]
    assert list(properties) == ["limit"]


def test_literal_parts_of_a_path_are_encoded_and_placeholders_kept() -> None:
    document = pets()
    name = "größe"
    document["paths"] = {
        f"/maß/{{{name}}}/a b%20c": {
            "get": {
                "parameters": [{"name": name, "in": "path", "required": True, "schema": {}}],
            }
        }
    }
    (operation,) = parse_document(document).operations
    assert operation.path == f"/ma%C3%9F/{{{name}}}/a%20b%20c"


def test_the_document_is_not_changed() -> None:
    document = pets()
    parse_document(document)
    assert document == PETS
