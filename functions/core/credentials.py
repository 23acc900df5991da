"""Credentials of an action: put into requests that a model shaped, out of the model's reach.

The model's arguments come first and the credentials last: where both would set a header or a
parameter of the query, the credential stands and the argument is dropped.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote_plus, unquote_plus

from core.openapi import Operation, PreparedRequest
from core.openapi.nodes import JsonObject
from core.openapi.operation import Parameter
from core.openapi.styles import percent_encoded
from core.schema.authentication import (
    ApiKeyAuthentication,
    Authentication,
    BasicAuthentication,
    BearerAuthentication,
    CustomAuthentication,
    OAuth2ClientCredentials,
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is added to each request of an action.

    Attributes:
        headers, query: by name.
        secrets: what must not show in a response; `masking.Mask` hides it.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def owns(self, parameter: Parameter) -> bool:
        """Return whether the credentials give what a parameter of an operation would."""
        if parameter.location == "header":
            return self.owns_header(parameter.name)
        return parameter.location == "query" and self.owns_query(parameter.name)

    def owns_header(self, name: str) -> bool:
        """Return whether a server could take a header for one of these.

        Servers that turn headers into variables (RFC 3875, section 4.1.18) write `_` for `-`.
        """
        return _alike(name) in map(_alike, self.headers)

    def owns_query(self, name: str) -> bool:
        """Return whether a server could take a parameter of the query for one of these."""
        return name.lower() in map(str.lower, self.query)


def credentials_of(authentication: Authentication | None) -> Credentials:
    """Return the credentials that an authentication describes; None needs none.

    Those of OAuth2 have to be got first: `credentials_of_token`.
    """
    match authentication:
        case BearerAuthentication(secret=secret):
            return Credentials({"Authorization": f"Bearer {secret}"}, secrets=(secret,))
        case BasicAuthentication():
            value = f"Basic {authentication.token}"
            return Credentials({"Authorization": value}, secrets=_secrets_of(value))
        case ApiKeyAuthentication(name=name, in_="query", secret=secret):
            return Credentials(query={name: secret}, secrets=(secret,))
        case ApiKeyAuthentication(name=name, secret=secret):
            return Credentials({name: secret}, secrets=_secrets_of(secret))
        case CustomAuthentication(content=content):
            secrets = [part for value in content.values() for part in _secrets_of(value)]
            return Credentials(content, secrets=tuple(secrets))
        case _:
            return Credentials()


def credentials_of_token(given: OAuth2ClientCredentials, token: str) -> Credentials:
    """Return the credentials that a token is, which was got for those of a client."""
    client = (given.client_secret, client_pair(given), basic_token(given))
    return Credentials({"Authorization": f"Bearer {token}"}, secrets=(token, *client))


def client_pair(given: OAuth2ClientCredentials) -> str:
    """Return a client's id and secret as they are joined for a header (RFC 6749, 2.3.1)."""
    return f"{quote_plus(given.client_id)}:{quote_plus(given.client_secret)}"


def basic_token(given: OAuth2ClientCredentials) -> str:
    """Return what stands for a client's id and secret in a header."""
    return base64.b64encode(client_pair(given).encode()).decode()


def without_owned(
    operation: Operation, arguments: JsonObject, credentials: Credentials
) -> tuple[Operation, JsonObject]:
    """Return an operation and a call's arguments without what the credentials give.

    A document may describe the key as a parameter: then it need not come from the model.
    """
    owned = {one.argument for one in operation.parameters if credentials.owns(one)}
    left = tuple(one for one in operation.parameters if one.argument not in owned)
    given = {name: value for name, value in arguments.items() if name not in owned}
    return replace(operation, parameters=left), given


def with_credentials(request: PreparedRequest, credentials: Credentials) -> PreparedRequest:
    """Return a request with the credentials, and without what poses as one of them."""
    headers = {
        name: value for name, value in request.headers.items() if not credentials.owns_header(name)
    }
    url, _, query = request.url.partition("?")
    pairs = [pair for pair in query.split("&") if pair and not _is_owned(pair, credentials)]
    pairs += [
        f"{percent_encoded(name)}={percent_encoded(value)}"
        for name, value in credentials.query.items()
    ]
    return replace(
        request,
        url=f"{url}?{'&'.join(pairs)}" if pairs else url,
        headers={**headers, **credentials.headers},
        withheld=credentials.secrets,
    )


def _is_owned(pair: str, credentials: Credentials) -> bool:
    return credentials.owns_query(unquote_plus(pair.partition("=")[0]))


def _alike(name: str) -> str:
    return name.lower().replace("_", "-")


def _secrets_of(value: str) -> tuple[str, ...]:
    """Return the value of a header, and what a service may read out of it and repeat."""
    scheme, _, token = value.partition(" ")
    if not token:
        return (value,)
    pair = _pair(token) if scheme.lower() == "basic" else ""
    return tuple(filter(None, (value, token.strip(), pair, pair.partition(":")[2])))


def _pair(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
