"""Makes the keys of a new stack: an operator's, and with it a project's, over the public API."""

from typing import Any

import httpx

from adapters.dynamodb.keys import KeyStore
from infra.local.aws import EmulatedAws
from infra.local.errors import StackError

_TIMEOUT_SECONDS = 30.0


def create_admin_key(aws: EmulatedAws, table: str) -> str:
    """Create a key for the organization API in the state table, as an operator would; return it."""
    return KeyStore(aws.dynamodb(), table).create_admin_key("local")


def create_project_key(base_url: str, admin_key: str) -> tuple[str, str]:
    """Create a project and a key of it.

    Args:
        base_url: The API, ending in /v1.
        admin_key: The operator's key.

    Returns:
        The project's id, and the key.

    Raises:
        StackError: The API refused.
    """
    headers = {"Authorization": f"Bearer {admin_key}"}
    url = f"{base_url}/organization/projects"
    with httpx.Client(headers=headers, trust_env=False, timeout=_TIMEOUT_SECONDS) as client:
        project = _post(client, url, "local")["id"]
        account = _post(client, f"{url}/{project}/service_accounts", "local")
    return str(project), str(account["api_key"]["value"])


def _post(client: httpx.Client, url: str, name: str) -> Any:
    response = client.post(url, json={"name": name})
    if not response.is_success:
        raise StackError(f"The API answered {response.status_code} to POST {url}; see its log.")
    return response.json()
