"""Which operations of a document are read, and what becomes of those that cannot be tools."""

from typing import Any

import pytest

from core.openapi import Choice, InvalidDocument, UnknownChoice, parse_document
from tests.support.openapi import pets

UPLOAD = {"requestBody": {"content": {"multipart/form-data": {"schema": {}}}}, "tags": ["write"]}


def shop() -> dict[str, Any]:
    """Return the pet shop with tags, and with an upload, which no tool can make."""
    document = pets()
    document["paths"]["/pets/{petId}"]["get"]["tags"] = ["read", "one"]
    document["paths"]["/pets/{petId}"]["put"]["tags"] = ["write"]
    document["paths"]["/pets"]["get"]["tags"] = ["read"]
    document["paths"]["/photos"] = {"post": UPLOAD}
    return document


def chosen(**choice: Any) -> list[str]:
    return [one.name for one in parse_document(shop(), Choice(**choice)).operations]


def test_an_operation_that_cannot_be_a_tool_keeps_out_none_of_the_others() -> None:
    document = parse_document(shop())
    assert [one.name for one in document.operations] == ["get_pet", "put_pets_petId", "listPets"]
    (skipped,) = document.skipped
    assert skipped.endpoint == "POST /photos"
    assert skipped.mistake.param == "paths['/photos'].post.requestBody.content"
    assert "must describe application/json" in skipped.mistake.message


def test_paths_and_methods_that_cannot_be_read_are_skipped_as_well() -> None:
    document = pets()
    document["paths"] |= {
        "/a?b=1": {"get": {}},
        "/trace": {"trace": {}, "get": {}},
        "/half": {"get": 7, "post": {"tags": [7]}},
        "/gone": {"$ref": "#/no"},
        "/long" + "g" * 3_000: {"get": {}},
        "/\ud800": {"get": {}},
    }
    found = parse_document(document)
    assert [one.name for one in found.operations][-1] == "get_trace"
    assert [one.endpoint for one in found.skipped] == [
        "/a?b=1",
        "TRACE /trace",
        "GET /half",
        "POST /half",
        "/gone",
        "/long" + "g" * 195,
        "/?",
    ]


def test_a_document_of_nothing_but_what_cannot_be_a_tool_is_refused_with_the_first_mistake() -> (
    None
):
    document = shop()
    document["paths"] = {"/a?b=1": {"get": {}}, "/photos": {"post": UPLOAD}}
    with pytest.raises(InvalidDocument) as caught:
        parse_document(document)
    assert caught.value.param == "paths['/a?b=1']"


@pytest.mark.parametrize("name", ["get_pet", "get pet", "GET /pets/{petId}"])
def test_an_operation_is_chosen_by_its_name_its_id_or_its_method_and_path(name: str) -> None:
    assert chosen(operations=(name,)) == ["get_pet"]


def test_operations_are_chosen_by_their_tags_and_names_together() -> None:
    assert chosen(tags=("read",)) == ["get_pet", "listPets"]
    assert chosen(tags=("one",), operations=("put_pets_petId",)) == ["get_pet", "put_pets_petId"]


def test_what_is_not_wanted_is_not_told_of() -> None:
    document = shop()
    document["paths"]["/a?b=1"] = {"get": {}}
    assert parse_document(document, Choice(tags=("read",))).skipped == ()
    by_tag = parse_document(document, Choice(tags=("write",)))
    assert [one.endpoint for one in by_tag.skipped] == ["POST /photos"]


def test_an_operation_that_is_named_must_be_possible() -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse_document(shop(), Choice(operations=("get_pet", "POST /photos")))
    assert caught.value.param == "paths['/photos'].post.requestBody.content"


def test_a_choice_of_what_is_not_there_is_refused_with_what_is_similar() -> None:
    with pytest.raises(UnknownChoice) as caught:
        chosen(operations=("get_pet", "listPet"))
    assert caught.value.param == "operations[1]"
    assert "Similar: listPets" in caught.value.message
    with pytest.raises(UnknownChoice) as caught:
        chosen(tags=("reed", "x" * 10_000))
    assert (caught.value.param, "Similar: read." in caught.value.message) == ("tags[0]", True)


def test_a_name_does_not_depend_on_the_choice() -> None:
    document = pets()
    document["paths"] = {f"/{n}": {"get": {"operationId": "same", "tags": [str(n)]}} for n in "abc"}
    (only,) = parse_document(document, Choice(tags=("c",))).operations
    assert (only.name, only.path) == ("same_3", "/c")


def test_a_few_operations_can_be_chosen_from_thousands() -> None:
    document = pets()
    document["paths"] = {f"/{n}": {"get": {"operationId": f"get_{n}"}} for n in range(3_000)}
    found = parse_document(document, Choice(operations=("get_7", "get_2999"))).operations
    assert [one.name for one in found] == ["get_7", "get_2999"]
