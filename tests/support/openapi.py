"""A document that describes a pet shop, and ways to read variations of it."""

import copy
from typing import Any

import pytest

from core.openapi import InvalidDocument, Operation, parse_document

PETS: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Pets", "version": "1"},
    "servers": [{"url": "https://pets.example/v1/"}],
    "paths": {
        "/pets/{petId}": {
            "parameters": [{"$ref": "#/components/parameters/PetId"}],
            "get": {
                "operationId": "get pet",
                "summary": "One pet",
                "description": "Returns what is known of it.",
            },
            "put": {
                "requestBody": {"$ref": "#/components/requestBodies/Pet"},
                "servers": [{"url": "https://write.pets.example"}],
            },
        },
        "/pets": {
            "get": {
                "operationId": "listPets",
                "parameters": [
                    {
                        "name": "limit",
                        "in": "query",
                        "description": "How many",
                        "schema": {"type": "integer", "maximum": 100},
                    }
                ],
            }
        },
    },
    "components": {
        "parameters": {
            "PetId": {
                "name": "petId",
                "in": "path",
                "required": True,
                "schema": {"$ref": "#/components/schemas/Id"},
            }
        },
        "requestBodies": {
            "Pet": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}},
            }
        },
        "schemas": {
            "Id": {"type": "string", "minLength": 1},
            "Pet": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "owner": {"$ref": "#/components/schemas/Id"},
                },
            },
        },
    },
}


def pets() -> dict[str, Any]:
    return copy.deepcopy(PETS)


def by_name(document: dict[str, Any]) -> dict[str, Operation]:
    return {operation.name: operation for operation in parse_document(document).operations}


def one_operation(**operation: Any) -> dict[str, Any]:
    document = pets()
    document["paths"] = {"/things": {"post": operation}}
    return document


def mistake(document: Any) -> InvalidDocument:
    with pytest.raises(InvalidDocument) as caught:
        parse_document(document)
    return caught.value
