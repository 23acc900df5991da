"""What all wire shapes share: base models, metadata, lists."""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

MAX_METADATA_PAIRS = 16
MAX_METADATA_KEY = 64
MAX_METADATA_VALUE = 512


class WireModel(BaseModel):
    """A shape that we send or store: immutable, and complete (a null field is present)."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RequestModel(BaseModel):
    """A shape that a client sends: unknown fields and wrong types are refused, not guessed at."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


def _check_metadata(metadata: dict[str, str]) -> dict[str, str]:
    if len(metadata) > MAX_METADATA_PAIRS:
        raise ValueError(
            f"metadata may have at most {MAX_METADATA_PAIRS} pairs, but got {len(metadata)}."
        )
    for key, value in metadata.items():
        if len(key) > MAX_METADATA_KEY:
            raise ValueError(f"a metadata key may have at most {MAX_METADATA_KEY} characters.")
        if len(value) > MAX_METADATA_VALUE:
            raise ValueError(
                f"the metadata value of {key!r} may have at most {MAX_METADATA_VALUE} characters."
            )
    return metadata


Metadata = Annotated[dict[str, str], AfterValidator(_check_metadata)]

T = TypeVar("T")


class DeletedObject(WireModel):
    """The answer to a deletion; `object` says of what."""

    id: str
    object: str
    deleted: Literal[True] = True


class ModifyMetadata(RequestModel):
    """The body of a request that changes an object's metadata, and nothing else.

    Null clears it; a body without it changes nothing.
    """

    metadata: Metadata | None = None


class ListPage(WireModel, Generic[T]):
    """A page of a list, newest first unless asked otherwise."""

    object: Literal["list"] = "list"
    data: list[T]
    first_id: str | None
    last_id: str | None
    has_more: bool
