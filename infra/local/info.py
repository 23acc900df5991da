"""What is known of a running stack: the file that clients, examples and tests read."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The model backend of a stack.

    Attributes:
        base_url: Its base URL.
        name: The model to name in examples and tests.
        scripted: Whether it is the scripted model server, which runs as a part of the stack.
    """

    base_url: str
    name: str
    scripted: bool


@dataclass(frozen=True, slots=True)
class StackInfo:
    """A running stack.

    Attributes:
        base_url: The API, ending in /v1: uvicorn beside the emulator, which streams.
        gateway_base_url: The API through the emulated API Gateway and Lambda, ending in /v1.
        websocket_url: Where to subscribe to events.
        api_key: A key of the project.
        admin_key: A key for the organization API.
        project_id: The project's id.
        model: The model backend.
        emulator_url: The emulator, for AWS_ENDPOINT_URL.
        region: The AWS region that the emulator plays.
        auth: Whether the emulator enforces the functions' IAM policies.
        outputs: The outputs of template.yaml: tables, queues, functions.
        pids: The process id of each of the stack's servers, by name.
        deployment: What was deployed (a digest of the artifact and its parameters).
    """

    base_url: str
    gateway_base_url: str
    websocket_url: str
    api_key: str = field(repr=False)
    admin_key: str = field(repr=False)
    project_id: str
    model: ModelInfo
    emulator_url: str
    region: str
    auth: bool
    outputs: dict[str, str] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)
    deployment: str = ""


def read_info(path: Path) -> StackInfo | None:
    """Read the file that `write_info` wrote; None if there is none, or none that makes sense."""
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return StackInfo(**fields | {"model": ModelInfo(**fields["model"])})
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def write_info(path: Path, info: StackInfo) -> None:
    """Write the file, in one go and for its owner's eyes only, since it holds keys."""
    replacement = path.with_suffix(".new")
    replacement.unlink(missing_ok=True)
    descriptor = os.open(replacement, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(info), file, indent=2)
        file.write("\n")
    replacement.replace(path)
