"""`python -m infra.locks check` and `python -m infra.locks update --uv UV [--upgrade]`."""

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
    arguments = parser.parse_args()
    if arguments.command == "check":
        return _check()
    return _update(arguments.uv, upgrade=arguments.upgrade)


def _check() -> int:
    # Imported here: it needs the packaging library, and updating must work before any install.
    from infra.locks.check import find_problems

    problems = find_problems(_ROOT)
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


if __name__ == "__main__":
    sys.exit(main())
