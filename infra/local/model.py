"""Which model the stack talks to: the one that the environment names, else the scripted one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from infra.local.errors import StackError

_OPENAI = "https://api.openai.com/v1"
_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model backend.

    Attributes:
        base_url: Its base URL, without a slash at the end; None for the scripted model server,
            whose address is known once it runs.
        key: Its API key; empty if it wants none.
        name: The model to use in examples and tests; empty for the only one that it offers.
    """

    base_url: str | None
    key: str = field(default="", repr=False)
    name: str = ""


SCRIPTED = ModelChoice(base_url=None, key="scripted")


def choose_model(environ: Mapping[str, str]) -> ModelChoice:
    """Read OPENAI_BASE_URL, OPENAI_API_KEY and MODEL; a key alone means OpenAI's own service.

    Raises:
        StackError: The base URL is none.
    """
    base_url = environ.get("OPENAI_BASE_URL", "").strip().rstrip("/")
    key = environ.get("OPENAI_API_KEY", "").strip()
    if not base_url and not key:
        return SCRIPTED
    if base_url and not base_url.startswith(("http://", "https://")):
        raise StackError(
            f"OPENAI_BASE_URL is {base_url!r}: give the model server's URL, such as "
            "http://127.0.0.1:8080/v1, or unset it to use the scripted model."
        )
    return ModelChoice(base_url or _OPENAI, key, environ.get("MODEL", "").strip())


def find_model_name(base_url: str, choice: ModelChoice) -> str:
    """Ask the model server which models it has, which also shows that it is there.

    Args:
        base_url: The server's base URL.
        choice: The key to use, and the model's name if it was given.

    Returns:
        The name that was given, else that of the only model.

    Raises:
        StackError: The server does not answer, refuses the key, or has several models.
    """
    names = _list_models(base_url, choice)
    if choice.name:
        return choice.name
    if len(names) == 1 or (names and choice.base_url is None):
        return names[0]
    some = ", ".join(names[:5])
    raise StackError(
        f"The model server at {base_url} has {len(names)} models ({some or 'it lists none'}): "
        "say with MODEL which one to use."
    )


def _list_models(base_url: str, choice: ModelChoice) -> list[str]:
    headers = {"Authorization": f"Bearer {choice.key}"} if choice.key else {}
    # A proxy of the environment is for the outside; the scripted server is on this machine.
    trust = choice.base_url is not None
    try:
        with httpx.Client(timeout=_TIMEOUT_SECONDS, trust_env=trust) as client:
            response = client.get(f"{base_url}/models", headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise StackError(
            f"The model server at {base_url} does not answer ({type(error).__name__}): start it, "
            "correct OPENAI_BASE_URL, or unset OPENAI_BASE_URL and OPENAI_API_KEY to use the "
            "scripted model."
        ) from None
    if response.status_code in (401, 403):
        raise StackError(f"The model server at {base_url} refuses the key: correct OPENAI_API_KEY.")
    if not response.is_success:
        raise StackError(
            f"The model server at {base_url} answers {response.status_code} to GET /models: "
            "OPENAI_BASE_URL must be the URL below which /models is, usually ending in /v1."
        )
    return _read_names(response)


def _read_names(response: httpx.Response) -> list[str]:
    try:
        listing: Any = response.json()
        return [str(model["id"]) for model in listing["data"]]
    except (ValueError, KeyError, TypeError):
        return []
