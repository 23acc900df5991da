"""The environment variables that the stack's processes get.

They inherit the user's environment, so that proxies and certificates work as set up, except for
what would reach the real AWS, change the emulator, or put other code in front of the artifact's.
"""

import os
from collections.abc import Mapping

REGION = "us-east-1"

# Every process of a stack carries this variable, which holds the stack's directory: whatever else
# goes wrong, `down` finds them by it.
MARKER = "THREADRUNNER_STACK"

_DROPPED_PREFIXES = (
    "AWS_",
    "LAMBDA_",
    "LOCALSTACK_",
    "MINISTACK_",
    "OPENAI_",
    "POWERTOOLS_",
    "PYTEST_",
    "PYTHON",
    "SAM_CLI_",
    "SFN_",
    "THREADRUNNER_",
    "UVICORN_",
    "VIRTUAL_ENV",
)
_DROPPED = frozenset(
    {
        "AUTH",
        "BIND_HOST",
        "DOCKER_NETWORK",
        "EDGE_PORT",
        "GATEWAY_PORT",
        "LOG_LEVEL",
        "MODEL",
        "PERSIST_STATE",
        "S3_PERSIST",
        "SERVICES",
        "USE_SSL",
        "WEB_CONCURRENCY",
    }
)
# Credentials that only the emulator accepts; no file and no metadata service may bring others.
_EMULATED_ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def process_environment(inherited: Mapping[str, str], marker: str) -> dict[str, str]:
    """Derive the environment of the stack's processes from the user's.

    Args:
        inherited: The environment of this process.
        marker: The stack's directory.
    """
    environment = {
        name: value
        for name, value in inherited.items()
        if name not in _DROPPED and not name.startswith(_DROPPED_PREFIXES)
    }
    for name in ("NO_PROXY", "no_proxy"):
        known = inherited.get(name, "")
        environment[name] = ",".join(filter(None, (known, "127.0.0.1", "localhost")))
    return environment | _EMULATED_ACCOUNT | {MARKER: marker}
