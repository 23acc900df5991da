"""Events as the OpenAI SDK types them, for code that is written against its types."""

import functools
import typing
from typing import TYPE_CHECKING

from threadrunner_client.ordering import Event

if TYPE_CHECKING:
    from openai.types.beta import AssistantStreamEvent


def as_sdk_event(event: Event) -> "AssistantStreamEvent":
    """Return an event as the SDK's own stream gives it.

    Like the SDK, this checks nothing and drops nothing: fields and tool types that the SDK does not
    know are kept as they came.

    Args:
        event: an event of a subscription.

    Raises:
        ImportError: the `openai` package is not installed.
        ValueError: the installed SDK has no event of this name.
    """
    model = _models().get(event.event)
    if model is None:
        raise ValueError(f"The OpenAI SDK has no event {event.event[:80]!r}.")
    # `construct` is what the SDK itself uses for answers of a server that is newer than it.
    sdk_event: AssistantStreamEvent = model.construct(event=event.event, data=event.data)
    return sdk_event


@functools.cache
def _models() -> dict[str, typing.Any]:
    """Return the SDK's model for each name of an event."""
    # The import takes a second and the package is optional, so it waits for its first use.
    from openai.types.beta import AssistantStreamEvent

    union = typing.get_args(AssistantStreamEvent)[0]
    models = {}
    for model in typing.get_args(union):
        for name in typing.get_args(model.model_fields["event"].annotation):
            models[name] = model
    return models
