"""Models: what a client may name as the `model` of an assistant or a run."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from core.schema.common import WireModel

ModelName = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class Model(WireModel):
    """A model that the backend offers."""

    id: ModelName
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class ModelList(WireModel):
    """All models at once: OpenAI's list of models has no pages and no cursors."""

    object: Literal["list"] = "list"
    data: list[Model]
