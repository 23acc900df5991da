"""Where the examples find the service: environment variables, or the local stack's file.

THREADRUNNER_BASE_URL, THREADRUNNER_WEBSOCKET_URL, THREADRUNNER_API_KEY and MODEL name a deployment;
without them, `.local/stack.json` of `make up` is read. THREADRUNNER_STACK_FILE names another such
file, and comes first.
"""

import json
import os
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from openai import OpenAI

# The SDK says so of OpenAI's own service, which is gone; this one stays.
warnings.filterwarnings("ignore", message=".*deprecated.*", category=DeprecationWarning)


@dataclass(frozen=True)
class Connection:
    """A service, a project's key, and a model to name."""

    base_url: str
    websocket_url: str
    api_key: str = field(repr=False)
    model: str

    def sdk(self) -> OpenAI:
        """The official SDK, pointed at the service."""
        return OpenAI(base_url=self.base_url, api_key=self.api_key)


def connect(stack_file: str | None = None) -> Connection:
    """Find the service; end the program with one sentence if there is none.

    Args:
        stack_file: a stack's file, which then decides alone.
    """
    stack_file = stack_file or os.environ.get("THREADRUNNER_STACK_FILE")
    names = ("THREADRUNNER_BASE_URL", "THREADRUNNER_WEBSOCKET_URL", "THREADRUNNER_API_KEY", "MODEL")
    if not stack_file and os.environ.get(names[0]):
        missing = [name for name in names if not os.environ.get(name)]
        if missing:
            sys.exit(f"Set {', '.join(missing)} as well.")
        return Connection(*(os.environ[name] for name in names))
    path = Path(stack_file or ".local/stack.json")
    try:
        stack = json.loads(path.read_text(encoding="utf-8"))
        return Connection(
            stack["base_url"], stack["websocket_url"], stack["api_key"], stack["model"]["name"]
        )
    except FileNotFoundError:
        sys.exit(
            f"No stack is up (there is no {path}): run `make up` first, or set "
            "THREADRUNNER_BASE_URL and the like."
        )
    except (OSError, ValueError, KeyError, TypeError):
        sys.exit(f"{path} cannot be read as the file of a stack: run `make up` to write it anew.")
