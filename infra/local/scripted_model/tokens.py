"""What a token is to the scripted model: a short piece of text, about four characters long."""

import re

CHARACTERS_PER_TOKEN = 4

# Every character is either white space or not, so the pieces of a text always join to the text.
_PIECE = re.compile(r"\s?\S{1,6}|\s{1,6}")


def split_text(text: str) -> tuple[str, ...]:
    """Cut a text into the pieces in which it is streamed; joined, they are the text again."""
    return tuple(_PIECE.findall(text))


def number_tokens(count: int) -> tuple[str, ...]:
    """Make distinct tokens ("1", " 2", " 3", …): a lost, doubled or moved one shows at once."""
    return tuple(str(number) if number == 1 else f" {number}" for number in range(1, count + 1))


def estimate_tokens(characters: int) -> int:
    """Estimate how many tokens so many characters are, rounded up."""
    return -(-characters // CHARACTERS_PER_TOKEN)
