"""How the service behind an action is told who calls: shapes that clients send, and nobody is sent.

What is secret in them stays out of every text form of these objects.
"""

import base64
import binascii
import re
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    model_validator,
)

from core.http_headers import is_header_name, may_carry_credentials
from core.schema.common import RequestModel

MAX_SECRET: Final = 8_192
# The longest URL of a request leaves no more room, with three characters for each.
MAX_QUERY_SECRET: Final = 2_048
MAX_CLIENT_SECRET: Final = 4_096
MAX_CUSTOM_HEADERS: Final = 16
MAX_CUSTOM_CHARACTERS: Final = 16_384
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _check_value(text: str) -> str:
    if not text.isascii() or not text.isprintable() or text != text.strip():
        raise ValueError("it may hold only printable ASCII characters, and no spaces at its ends.")
    return text


def _check_name(text: str) -> str:
    if not may_carry_credentials(text):
        problem = (
            "requests set this header themselves."
            if is_header_name(text)
            else "it is not the name of a header."
        )
        raise ValueError(problem)
    return text


def _check_credential(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("it may not hold control characters.")
    return text


# What a header can hold as it is (RFC 9110, section 5.5).
Secret = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_SECRET), AfterValidator(_check_value)
]
HeaderName = Annotated[
    str, StringConstraints(min_length=1, max_length=256), AfterValidator(_check_name)
]
ParameterName = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,128}$")]
# RFC 7617, section 2.
Credential = Annotated[str, StringConstraints(max_length=1_024), AfterValidator(_check_credential)]
# Egress looks at it more closely when it is asked.
TokenUrl = Annotated[
    str, StringConstraints(pattern=r"^https?://[^\s@?#]+(\?[!-~]*)?$", max_length=2_048)
]
ClientSecret = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_CLIENT_SECRET),
    AfterValidator(_check_credential),
]
# RFC 6749, section 3.3.
Scope = Annotated[str, StringConstraints(pattern=r"^[!#-\[\]-~ ]{1,2048}$")]
Audience = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,2048}$")]


class _Authentication(RequestModel):
    model_config = ConfigDict(serialize_by_alias=True)


class NoAuthentication(_Authentication):
    """The service asks for no credentials."""

    type: Literal["none"]


class BearerAuthentication(_Authentication):
    """`Authorization: Bearer {secret}` (RFC 6750)."""

    type: Literal["bearer"]
    secret: Secret = Field(repr=False)


class BasicAuthentication(_Authentication):
    """`Authorization: Basic …` (RFC 7617): the user and password, or both as the header has them.

    Attributes:
        secret: base64 of `user:password`.
    """

    type: Literal["basic"]
    secret: Secret | None = Field(default=None, repr=False)
    username: Credential | None = Field(default=None, repr=False)
    password: Credential | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        pair = self.username is not None and self.password is not None
        neither = self.username is None and self.password is None
        if pair == (self.secret is not None) or not (pair or neither):
            raise ValueError("give either 'secret', or 'username' and 'password'.")
        if ":" in (self.username or ""):
            raise ValueError("a 'username' may not hold a colon.")
        if self.secret is not None and ":" not in _decoded(self.secret):
            raise ValueError("'secret' must be the base64 text of 'user:password'.")
        return self

    @property
    def token(self) -> str:
        """What stands in the header."""
        if self.secret is not None:
            return self.secret
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


class ApiKeyAuthentication(_Authentication):
    """A key in a header or a parameter of the query that the service names."""

    type: Literal["api_key"]
    name: ParameterName
    in_: Literal["header", "query"] = Field(alias="in")
    secret: Secret = Field(repr=False)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.in_ == "header":
            try:
                _check_name(self.name)
            except ValueError as mistake:
                raise ValueError(f"'name' cannot be used: {mistake}") from None
        elif len(self.secret) > MAX_QUERY_SECRET:
            raise ValueError(
                f"a 'secret' in the query may have at most {MAX_QUERY_SECRET:,} characters."
            )
        return self


class CustomAuthentication(_Authentication):
    """Headers with their values, all of which count as secret."""

    type: Literal["custom"]
    content: Annotated[
        dict[HeaderName, Secret], Field(min_length=1, max_length=MAX_CUSTOM_HEADERS, repr=False)
    ]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len({name.lower() for name in self.content}) < len(self.content):
            raise ValueError("'content' names a header twice.")
        if sum(len(name) + len(value) for name, value in self.content.items()) > (
            MAX_CUSTOM_CHARACTERS
        ):
            raise ValueError(f"'content' may have {MAX_CUSTOM_CHARACTERS:,} characters in all.")
        return self


class OAuth2ClientCredentials(_Authentication):
    """A token that the service's authorization server gives for credentials of the client.

    RFC 6749, section 4.4; the token goes into requests as `Authorization: Bearer` (RFC 6750).

    Attributes:
        token_url: where the token is asked for.
        scope: what for; servers without it give what they think right.
        audience: for which service, at authorization servers that ask (Auth0 and others).
        auth_style: whether the credentials go into a header or into the form (section 2.3.1).
    """

    type: Literal["oauth2_client_credentials"]
    token_url: TokenUrl = Field(repr=False)
    client_id: Annotated[Credential, Field(min_length=1)] = Field(repr=False)
    client_secret: ClientSecret = Field(repr=False)
    scope: Scope | None = None
    audience: Audience | None = None
    auth_style: Literal["basic", "body"] = "basic"


Authentication = Annotated[
    NoAuthentication
    | BearerAuthentication
    | BasicAuthentication
    | ApiKeyAuthentication
    | CustomAuthentication
    | OAuth2ClientCredentials,
    Field(discriminator="type"),
]
_BY_ACTION: Final[TypeAdapter[dict[str, Authentication]]] = TypeAdapter(
    dict[str, Authentication], config=ConfigDict(hide_input_in_errors=True)
)


_ONE: Final[TypeAdapter[Authentication]] = TypeAdapter(
    Authentication, config=ConfigDict(hide_input_in_errors=True)
)


def dump_authentication(authentication: Authentication) -> str:
    """Return an authentication as JSON text, secrets and all: for the store alone."""
    return _ONE.dump_json(authentication, exclude_none=True).decode()


def read_authentication(text: str) -> Authentication:
    """Return the authentication that a text of `dump_authentication` holds."""
    return _ONE.validate_json(text)


def dump_authentications(authentications: dict[str, Authentication]) -> str:
    """Return authentications by action as JSON text, secrets and all: for the store alone."""
    return _BY_ACTION.dump_json(authentications, exclude_none=True).decode()


def read_authentications(text: str) -> dict[str, Authentication]:
    """Return the authentications by action that a text of `dump_authentications` holds."""
    return _BY_ACTION.validate_json(text)


def _decoded(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode("latin-1")
    except binascii.Error:
        return ""
