"""Signatures of direct requests, beside botocore's."""

from dataclasses import dataclass
from datetime import UTC, datetime
from unittest.mock import patch
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from adapters.direct.signing import Signer

texts = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=20)
# Ids of connections end in "=", and a local endpoint has a path of its own.
segments = st.text(st.sampled_from("aZ9-_.~=@+/ %$"), max_size=12).filter(
    lambda text: text not in (".", "..")
)
moments = st.integers(1_700_000_000, 2_200_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))


@dataclass(frozen=True)
class Request:
    """What is signed."""

    path: str
    headers: dict[str, str]
    body: bytes


requests = st.builds(
    Request,
    path=segments.map(lambda text: "/" + quote(text, safe="")),
    headers=st.dictionaries(
        st.sampled_from(["content-type", "x-amz-target", "x-of-ours"]), texts
    ).map(lambda headers: {**headers, "host": "service.example:4566"}),
    body=st.binary(max_size=200),
)
credentials = st.builds(ReadOnlyCredentials, texts, texts, st.none() | texts)


def botocores(request: Request, key: ReadOnlyCredentials, region: str, now: datetime) -> str:
    """Return the `Authorization` header that botocore gives a request."""
    signed = AWSRequest(
        "POST",
        f"https://service.example:4566{request.path}",
        headers=dict(request.headers),
        data=request.body,
    )
    with patch("botocore.auth.get_current_datetime", lambda: now.replace(tzinfo=None)):
        SigV4Auth(key, "dynamodb", region).add_auth(signed)
    authorization: str = signed.headers["Authorization"]
    return authorization


@given(st.lists(st.tuples(requests, credentials, moments), min_size=1, max_size=4), texts)
def test_a_signature_is_botocores(
    signings: list[tuple[Request, ReadOnlyCredentials, datetime]], region: str
) -> None:
    signer = Signer(region, "dynamodb")
    for request, key, now in signings:
        signed = signer.sign(key, request.path, request.headers, request.body, now)
        assert signed["authorization"] == botocores(request, key, region, now)
        assert signed.get("x-amz-security-token") == (key.token or None)
