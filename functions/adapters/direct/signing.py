"""AWS Signature Version 4 for POST requests whose body is at hand.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import quote

from botocore.credentials import ReadOnlyCredentials

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_UNRESERVED: Final = "-_.~/"


class Signer:
    """Signs requests to one service in one region.

    Args:
        region: such as "eu-central-1".
        service: the service's name in signatures, such as "dynamodb".
    """

    def __init__(self, region: str, service: str) -> None:
        self._region = region
        self._service = service
        self._key: tuple[str, str, bytes] = ("", "", b"")

    def sign(
        self,
        credentials: ReadOnlyCredentials,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        now: datetime,
    ) -> dict[str, str]:
        """Return a POST's headers with those that make it signed.

        Args:
            credentials: whose request it is.
            path: as it is sent: percent-encoded once, and no part of it is "." or "..".
            headers: what is sent besides, `host` among them, by names in lower case.
            body: the body.
            now: the time, in UTC.
        """
        time = now.strftime("%Y%m%dT%H%M%SZ")
        signed = {**headers, "x-amz-date": time}
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        names = sorted(signed)
        listed = ";".join(names)
        canonical = "\n".join(
            (
                "POST",
                quote(path, safe=_UNRESERVED),
                "",
                *(f"{name}:{signed[name]}" for name in names),
                "",
                listed,
                hashlib.sha256(body).hexdigest(),
            )
        )
        date = time[:8]
        scope = f"{date}/{self._region}/{self._service}/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"{_ALGORITHM}\n{time}\n{scope}\n{digest}"
        key = self._signing_key(credentials.secret_key or "", date)
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        signed["authorization"] = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={listed}, Signature={signature}"
        )
        return signed

    def _signing_key(self, secret: str, date: str) -> bytes:
        """Return the key of a day, which is made once."""
        kept_secret, kept_date, kept = self._key
        if (secret, date) == (kept_secret, kept_date):
            return kept
        key = f"AWS4{secret}".encode()
        for part in (date, self._region, self._service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        self._key = (secret, date, key)
        return key
