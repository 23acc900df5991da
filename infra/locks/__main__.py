"""`python -m infra.locks check`, `… update --uv UV [--upgrade]` and `… update-node [--npm NPM]`."""

import argparse
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run the command given on the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.locks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="compare the locks with pyproject.toml, without a network")
    update = commands.add_parser("update", help="make the locks anew")
    update.add_argument("--uv", required=True, help="the uv executable")
    update.add_argument("--upgrade", action="store_true", help="take the newest versions allowed")
    node = commands.add_parser("update-node", help="make the lock of the Node SDKs anew")
    node.add_argument("--npm", default="npm", help="the npm executable")
    arguments = parser.parse_args()
    if arguments.command == "check":
        return _check()
    if arguments.command == "update-node":
        return _update_node(arguments.npm)
    return _update(arguments.uv, upgrade=arguments.upgrade)


def _check() -> int:
    # Imported here: it needs the packaging library, and updating must work before any install.
    from infra.locks.check import find_problems
    from infra.locks.node import find_node_problems

    problems = find_problems(_ROOT) + find_node_problems(_ROOT)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _update(uv: str, *, upgrade: bool) -> int:
    from infra.locks.update import update_locks

    try:
        update_locks(_ROOT, uv, upgrade=upgrade)
    except subprocess.CalledProcessError as error:
        print(
            f"uv could not make a lock (exit code {error.returncode}); see above.", file=sys.stderr
        )
        return 1
    return 0


def _update_node(npm: str) -> int:
    from infra.locks.node import update_node_lock

    try:
        update_node_lock(_ROOT, npm)
    except FileNotFoundError:
        print(f"There is no {npm}: install Node with npm.", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(
            f"npm could not make the lock (exit code {error.returncode}); see above.",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
