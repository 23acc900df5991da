"""Assistants: made, found, changed, deleted."""

from typing import Any

from openai import NotFoundError

from tests.contract.python.registry import scenario
from tests.contract.python.session import MODEL, WEATHER, Session, expect, refused

ANSWER_FORMAT: Any = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "description": "An answer.",
        "schema": {"type": "object", "properties": {"text": {"type": "string"}}},
        "strict": True,
    },
}


@scenario
def an_assistant_is_made_with_every_field(session: Session) -> None:
    """What was asked for is what comes back, now and later."""
    assistants = session.client.beta.assistants
    made = assistants.create(
        model=MODEL,
        name="Helper",
        description="Helps.",
        instructions="Be brief.",
        tools=[WEATHER],
        metadata={"team": "blue"},
        temperature=0,
        top_p=0.5,
        response_format=ANSWER_FORMAT,
        reasoning_effort="low",
    )
    expect((made.name, made.description, made.instructions), ("Helper", "Helps.", "Be brief."))
    expect((made.temperature, made.top_p, made.metadata), (0, 0.5, {"team": "blue"}))
    (tool,) = made.tools
    assert tool.type == "function"
    expect(tool.function.name, "get_weather")
    response_format: Any = made.response_format
    expect(response_format.json_schema.schema_, ANSWER_FORMAT["json_schema"]["schema"])
    expect(assistants.retrieve(made.id), made)


@scenario
def an_assistant_needs_only_a_model(session: Session) -> None:
    """Everything else has a default."""
    made = session.assistant()
    expect((made.model, made.name, made.tools, made.metadata), (MODEL, None, [], {}))


@scenario
def assistants_are_listed_in_both_orders_and_from_a_cursor(session: Session) -> None:
    """Pages hold what was asked for."""
    assistants = session.client.beta.assistants
    ids = [session.assistant(name=f"number {number}").id for number in range(3)]
    newest = assistants.list(limit=3)
    expect([assistant.id for assistant in newest.data], ids[::-1])
    rest = assistants.list(order="asc", after=ids[0])
    expect([assistant.id for assistant in rest.data], ids[1:])
    expect(rest.has_more, False)
    earlier = assistants.list(order="desc", before=ids[1], limit=5)
    expect([assistant.id for assistant in earlier.data], [ids[2]])


@scenario
def an_assistant_is_changed(session: Session) -> None:
    """What is named changes, the rest stays."""
    made = session.assistant(name="Before", instructions="Be brief.", metadata={"a": "1"})
    changed = session.client.beta.assistants.update(
        made.id, name="After", tools=[WEATHER], temperature=1, metadata={"b": "2"}
    )
    expect((changed.id, changed.name, changed.instructions), (made.id, "After", "Be brief."))
    expect((changed.temperature, changed.metadata, len(changed.tools)), (1, {"b": "2"}, 1))
    expect(session.client.beta.assistants.retrieve(made.id), changed)


@scenario
def an_assistant_is_deleted(session: Session) -> None:
    """It is gone from then on."""
    assistants = session.client.beta.assistants
    made = session.assistant()
    gone = assistants.delete(made.id)
    expect((gone.id, gone.object, gone.deleted), (made.id, "assistant.deleted", True))
    refused(NotFoundError, lambda: assistants.retrieve(made.id))
    assert made.id not in [assistant.id for assistant in assistants.list(limit=100).data]
