"""`/v1/models`."""

from api.dependencies import Context
from api.routes.routers import project_router
from api.services import models
from core.schema.models import Model, ModelList

router = project_router("Models")


@router.get("/v1/models")
def list_models(context: Context) -> ModelList:
    """List the models that the backend offers."""
    return models.list_models(context)


# A model's id may have slashes: `meta/llama-3:8b`.
@router.get("/v1/models/{model:path}")
def get_model(context: Context, model: str) -> Model:
    """Return a model."""
    return models.get_model(context, model)
