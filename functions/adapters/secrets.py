"""Keys of the deployment: from SSM (SecureString) or Secrets Manager, read once a while."""

import time
from collections.abc import Callable

from adapters import aws

# A changed key is used after this long at the latest.
CACHE_SECONDS = 300


class SecretValue:
    """A secret that is read when it is first needed, and again when it is old.

    Args:
        read: reads the secret.
        monotonic: gives seconds.
    """

    def __init__(
        self, read: Callable[[], str], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._monotonic = monotonic
        self._value: str | None = None
        self._until = 0.0

    def get(self) -> str:
        """Return the secret."""
        if self._value is None or self._monotonic() >= self._until:
            self._value = self._read()
            self._until = self._monotonic() + CACHE_SECONDS
        return self._value

    def __repr__(self) -> str:
        return "SecretValue(…)"


def model_key(parameter: str, secret_arn: str) -> SecretValue:
    """Return the model's key from where the deployment keeps it.

    Args:
        parameter: the name of an SSM parameter of type SecureString.
        secret_arn: the ARN of a secret in Secrets Manager; used instead if it is not empty.

    With neither the model wants no key; the `openai` package sends something all the same.
    """

    def read_secret() -> str:
        client = aws.secretsmanager_client()
        return client.get_secret_value(SecretId=secret_arn)["SecretString"]

    if secret_arn:
        return SecretValue(read_secret)
    return parameter_value(parameter) if parameter else SecretValue(lambda: "none")


def parameter_value(name: str) -> SecretValue:
    """Return the value of an SSM parameter of type SecureString."""

    def read() -> str:
        answer = aws.ssm_client().get_parameter(Name=name, WithDecryption=True)
        return answer["Parameter"]["Value"]

    return SecretValue(read)
