"""The command line of the local stack: up, down, status, logs, demo."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infra.local.errors import StackError
from infra.local.info import StackInfo, read_info
from infra.local.interrupts import interrupt_on_signals
from infra.local.logs import show_logs
from infra.local.model import choose_model
from infra.local.options import StackOptions, read_port
from infra.local.stack import LocalStack

_DIRECTORY = Path(__file__).resolve().parents[2] / ".local"
_INTERRUPTED = 130


def main(words: Sequence[str] | None = None) -> int:
    """Run the command given on the command line; return its exit code."""
    arguments = parse_arguments(words)
    interrupt_on_signals()
    try:
        # A mistake in the environment must not keep a stack from being taken down.
        starts = arguments.command in ("up", "demo")
        options = read_options(arguments, os.environ) if starts else None
        stack = LocalStack(arguments.directory, options, say=_narrator())
        command: Callable[[LocalStack, argparse.Namespace], int] = _COMMANDS[arguments.command]
        return command(stack, arguments)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; what was started has been ended.", file=sys.stderr)
        return _INTERRUPTED


def parse_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; `words` are its arguments, by default this process's own."""
    parser = argparse.ArgumentParser(prog="python -m infra.local", description=__doc__)
    parser.add_argument("command", choices=sorted(_COMMANDS))
    parser.add_argument(
        "--directory",
        type=Path,
        default=_DIRECTORY,
        help="where the stack keeps its state (default: .local)",
    )
    parser.add_argument(
        "--auth", action="store_true", help="up: let the emulator enforce the functions' policies"
    )
    parser.add_argument("--port", help="up: the API's port (default: THREADRUNNER_PORT, else any)")
    return parser.parse_args(words)


def read_options(arguments: argparse.Namespace, environ: Mapping[str, str]) -> StackOptions:
    """Put together what the user chose on the command line and in the environment.

    Raises:
        StackError: A choice is impossible.
    """
    port = arguments.port or environ.get("THREADRUNNER_PORT", "")
    return StackOptions(
        auth=arguments.auth,
        port=read_port(port) if port else None,
        model=choose_model(environ),
        usual_ports=True,
    )


def _up(stack: LocalStack, arguments: argparse.Namespace) -> int:
    info = stack.up()
    print(_describe(info, arguments.directory))
    return 0


def _down(stack: LocalStack, _arguments: argparse.Namespace) -> int:
    print("The stack is down." if stack.down() else "No stack was up.")
    return 0


def _status(stack: LocalStack, arguments: argparse.Namespace) -> int:
    health = stack.health()
    info = read_info(arguments.directory / "stack.json")
    if info is None:
        print("No stack is up: run `make up`.")
        return 1
    for name, healthy in health.items():
        print(f"{name:10} {'up' if healthy else 'DOWN':5} pid {info.pids.get(name, '?')}")
    if not all(health.values()):
        print("The stack is damaged: run `make up` to mend it.")
        return 1
    print(_describe(info, arguments.directory))
    return 0


def _demo(stack: LocalStack, arguments: argparse.Namespace) -> int:
    """Run the demonstration on the stack, starting and ending one if none was up."""
    was_up = stack.running_info() is not None
    stack.up()
    environment = os.environ | {"THREADRUNNER_STACK_FILE": str(arguments.directory / "stack.json")}
    try:
        return subprocess.run([sys.executable, "-m", "examples.demo"], env=environment).returncode
    finally:
        if not was_up:
            stack.down()


def _logs(stack: LocalStack, arguments: argparse.Namespace) -> int:
    show_logs(stack.processes, read_info(arguments.directory / "stack.json"))
    return 0


_COMMANDS: dict[str, Callable[[LocalStack, argparse.Namespace], int]] = {
    "demo": _demo,
    "down": _down,
    "logs": _logs,
    "status": _status,
    "up": _up,
}


def _describe(info: StackInfo, directory: Path) -> str:
    scripted = "scripted, not a language model" if info.model.scripted else info.model.base_url
    return "\n".join(
        (
            f"API         {info.base_url}",
            f"as Lambda   {info.gateway_base_url}",
            f"WebSocket   {info.websocket_url}",
            f"model       {info.model.name} ({scripted})",
            f"emulator    {info.emulator_url}",
            f"keys        api_key and admin_key in {directory / 'stack.json'}",
        )
    )


def _narrator() -> Callable[[str], None]:
    start = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - start:5.1f} s  {text}", file=sys.stderr, flush=True)

    return say
