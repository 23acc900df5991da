"""Use cases of models.

One model is looked up in the list of all: that costs the backend one call a minute, whatever is
asked for, puts nothing that a client wrote into a URL that is called with the backend's key, and
knows exactly what the list shows.
"""

from api.services.lookups import shown
from core.errors import NotFound
from core.schema.models import Model, ModelList
from wiring.bootstrap import ApiContext


def list_models(context: ApiContext) -> ModelList:
    """Return the models that the backend offers.

    Raises:
        BackendFailed: it does not say.
    """
    return ModelList(data=list(context.catalog.models()))


def get_model(context: ApiContext, model_id: str) -> Model:
    """Return a model.

    Raises:
        NotFound: the backend does not list it.
        BackendFailed: it does not say.
    """
    for model in context.catalog.models():
        if model.id == model_id:
            return model
    raise NotFound(
        f"The model '{shown(model_id)}' does not exist", param="model", code="model_not_found"
    )
