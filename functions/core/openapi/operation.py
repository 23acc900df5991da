"""What is known of one operation: enough to offer it to a model and to build its requests."""

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from core.openapi.nodes import JsonObject

Location = Literal["path", "query", "header"]
Style = Literal["simple", "form", "spaceDelimited", "pipeDelimited", "deepObject", "json"]
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of the request outside its body.

    Attributes:
        name: as the service knows it.
        argument: as the model knows it: the name, unless two parameters share it.
        location: where in the request it stands.
        required: whether a call must give it.
        schema: JSON Schema of its value, self-contained.
        style: how its value is written (OpenAPI, "Style Values"); `json` is a parameter that is
            described by `content` with the media type application/json.
        explode: whether each item of a list or object is written on its own.
    """

    name: str
    argument: str
    location: Location
    required: bool
    schema: JsonObject
    style: Style
    explode: bool


@dataclass(frozen=True, slots=True)
class RequestBody:
    """The request's body.

    Attributes:
        media_type: how it is written: `FORM`, or else a type whose content is JSON.
        schema: JSON Schema of its value, self-contained.
        required: whether a call must give it.
        argument: the name of the argument that holds the whole body; None if each property of the
            body is an argument of its own.
        deep: the properties of a form that are written in the style `deepObject`.
    """

    media_type: str
    schema: JsonObject
    required: bool
    argument: str | None
    deep: tuple[str, ...] = ()

    def properties(self) -> dict[str, JsonObject]:
        """Return the schemas of the body's properties by name; {} if it describes none."""
        found = self.schema.get("properties")
        if not isinstance(found, dict):
            return {}
        return {name: item for name, item in found.items() if isinstance(item, dict)}

    def required_properties(self) -> list[str]:
        """Return the names of the properties that a body must have."""
        found = self.schema.get("required")
        return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document.

    v1: the first shape.

    Attributes:
        name: the function's name for the model: 1 to 64 of `[a-zA-Z0-9_-]`, unique in its document.
        description: what it does, up to 1,024 characters.
        method: an HTTP method in capitals.
        server_url: absolute, http or https, without a slash at its end.
        path: starts with a slash; `{name}` stands for the path parameter of that name.
        parameters: in the document's order.
        body: None if the operation takes none.
    """

    name: str
    description: str
    method: str
    server_url: str
    path: str
    parameters: tuple[Parameter, ...]
    body: RequestBody | None
    v: Literal[1] = 1

    def json_schema(self) -> JsonObject:
        """Return the JSON Schema of the function's arguments, as a model is given it."""
        properties: JsonObject = {}
        required: list[str] = []
        for parameter in self.parameters:
            properties[parameter.argument] = parameter.schema
            if parameter.required:
                required.append(parameter.argument)
        if self.body is not None:
            if self.body.argument is None:
                properties.update(self.body.properties())
                required.extend(self.body.required_properties() if self.body.required else [])
            else:
                properties[self.body.argument] = self.body.schema
                required.extend([self.body.argument] if self.body.required else [])
        return {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }

    def to_json(self) -> str:
        """Return the operation as JSON text, for storage."""
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> "Operation":
        """Return the operation that `to_json` wrote.

        Raises:
            ValueError: the text is no operation; the message does not repeat it.
        """
        try:
            return _ADAPTER.validate_json(text)
        except ValidationError:
            raise ValueError("The text is not a stored operation.") from None


_ADAPTER = TypeAdapter(Operation)
