"""Models: many programs ask for them first."""

from tests.contract.python.registry import scenario
from tests.contract.python.session import Session, expect


@scenario
def the_models_are_listed_and_retrieved(session: Session) -> None:
    """Each of the list can be asked for by its id."""
    models = session.client.models
    listed = list(models.list())
    assert listed, "there is no model"
    for model in listed:
        expect(models.retrieve(model.id), model)
