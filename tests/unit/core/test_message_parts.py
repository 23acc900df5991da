"""A message's content, put together from pieces."""

import tracemalloc

from core.message_parts import MAX_PIECES, MessageParts
from core.schema.messages import RefusalContent, Text, TextContent


def test_many_pieces_add_up_to_what_was_said() -> None:
    parts = MessageParts()
    words = [f"{number} " for number in range(3 * MAX_PIECES + 1)]
    for word in words:
        parts.add("text", word)
    parts.add("refusal", "No.")
    assert parts.content() == [
        TextContent(text=Text(value="".join(words))),
        RefusalContent(refusal="No."),
    ]


def test_a_long_answer_takes_little_more_memory_than_its_characters() -> None:
    parts = MessageParts()
    count = 20 * MAX_PIECES
    tracemalloc.start()
    try:
        for number in range(count):
            parts.add("text", f"{number:5}")
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 2 * 5 * count
