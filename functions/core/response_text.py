"""Text of a response: what it is, and in which characters it is written."""

import codecs
import re
from dataclasses import dataclass
from typing import Self

_TEXT_TYPE = re.compile(
    r"text/.+|.+\+(json|xml|yaml)|application/(json|xml|yaml|x-yaml|javascript|ecmascript|graphql"
    r"|x-ndjson|ndjson|jsonl|json-seq|toml|sql|x-www-form-urlencoded|xhtml\+xml)"
)
_CHARSET = re.compile(r""";\s*charset\s*=\s*["']?([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE)
# Python's other codecs are no charsets of the web; some take time that grows with the square of
# the text, which a service could use against us.
_CHARSETS = re.compile(
    r"utf-8|utf-16(-[lb]e)?|utf-32(-[lb]e)?|ascii|iso8859-\d+|cp(125\d|437|850|866|874|932|949|950)"
    r"|koi8-[ru]|mac-roman|shift_jis|euc_(jp|kr)|iso2022_jp|gb2312|gbk|gb18030|big5"
)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Media:
    """A `Content-Type`.

    Attributes:
        type: in lower case, without parameters; "" if none is given or it is not plain.
        charset: as it is given; "" if none is.
    """

    type: str
    charset: str

    @classmethod
    def parse(cls, content_type: str) -> Self:
        """Return what the header's value says."""
        name = content_type.partition(";")[0].strip().lower()
        charset = _CHARSET.search(content_type)
        return cls(
            type=name
            if re.fullmatch(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}", name)
            else "",
            charset="" if charset is None else charset[1],
        )


def read_text(body: bytes, media: Media) -> str | None:
    """Return the body as text, or None if it is something else.

    Bytes that the charset does not know become replacement characters; so does the half character
    at the end of a body that was cut.
    """
    if _TEXT_TYPE.fullmatch(media.type):
        return body.decode(_codec(body, media.charset), errors="replace")
    if media.type in ("", "application/octet-stream"):
        return _text_by_its_looks(body)
    return None


def _codec(body: bytes, charset: str) -> str:
    # A byte order mark tells the truth more often than the header (WHATWG, Encoding, "decode").
    for mark, name in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return name
    try:
        known = codecs.lookup(charset).name if charset else "utf-8"
    except LookupError:
        return "utf-8"
    return known if _CHARSETS.fullmatch(known) else "utf-8"


def _text_by_its_looks(body: bytes) -> str | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        text = decoder.decode(body)
    except UnicodeDecodeError:
        return None
    return None if re.search(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]", text) else text
