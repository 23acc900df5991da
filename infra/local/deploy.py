"""Deploys the built template to the emulator with `sam deploy`."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.aws import EmulatedAws
from infra.local.build import Artifact
from infra.local.environment import REGION
from infra.local.errors import StackError
from infra.local.processes import Processes
from infra.local.tools import Tools

STACK_NAME = "threadrunner"
_BUCKET = "threadrunner-artifacts"


def digest_deployment(artifact: Artifact, parameters: Mapping[str, str]) -> str:
    """Digest what a deployment consists of: 16 hexadecimal digits."""
    text = repr((artifact.key, sorted(parameters.items())))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def name_model_key(key: str) -> str:
    """Name the SSM parameter of the model backend's key; "" for no key.

    The name depends on the key, so that functions which remember the old key are replaced when it
    changes.
    """
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    return f"/threadrunner/local/model-key-{digest}" if key else ""


def put_model_key(aws: EmulatedAws, key: str) -> None:
    """Store the model backend's key, if there is one, as an SSM SecureString."""
    if name := name_model_key(key):
        aws.ssm().put_parameter(Name=name, Value=key, Type="SecureString", Overwrite=True)


def deploy_stack(
    tools: Tools,
    processes: Processes,
    aws: EmulatedAws,
    endpoint: str,
    artifact: Artifact,
    parameters: Mapping[str, str],
) -> dict[str, str]:
    """Create or update the stack.

    Returns:
        The stack's outputs.

    Raises:
        StackError: `sam deploy` failed; the message holds the events that say why.
    """
    aws.s3().create_bucket(Bucket=_BUCKET)
    command: list[str | Path] = [tools.sam, "deploy", "--template-file", artifact.template]
    command += ["--stack-name", STACK_NAME, "--region", REGION, "--s3-bucket", _BUCKET]
    command += ["--capabilities", "CAPABILITY_IAM", "--no-progressbar"]
    command += ["--no-confirm-changeset", "--no-fail-on-empty-changeset"]
    command += ["--parameter-overrides", *(f"{k}={v}" for k, v in parameters.items())]
    # Its progress is polled every five seconds otherwise, the emulator is done in one.
    variables = {
        "AWS_ENDPOINT_URL": endpoint,
        "SAM_CLI_POLL_DELAY": "0.5",
        "SAM_CLI_TELEMETRY": "0",
    }
    directory = artifact.template.parent
    if processes.run("sam-deploy", command, directory=directory, variables=variables) != 0:
        tail = processes.log_tail("sam-deploy")
        reasons = _list_failures(aws) or f"`sam deploy` says:\n{tail}"
        raise StackError(f"The stack could not be deployed: correct template.yaml. {reasons}")
    stack = aws.cloudformation().describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    return {
        output["OutputKey"]: output["OutputValue"]
        for output in stack.get("Outputs", [])
        if "OutputKey" in output and "OutputValue" in output
    }


def _list_failures(aws: EmulatedAws) -> str:
    """The failed events of the stack, one a line; empty if there are none."""
    try:
        answer = aws.cloudformation().describe_stack_events(StackName=STACK_NAME)
    except (BotoCoreError, ClientError):
        return ""
    failures = [
        f"  {event.get('LogicalResourceId', '?')}: {event.get('ResourceStatusReason', '?')}"
        for event in answer["StackEvents"]
        if "FAILED" in event.get("ResourceStatus", "")
    ]
    return "The events of what failed:\n" + "\n".join(failures) if failures else ""
