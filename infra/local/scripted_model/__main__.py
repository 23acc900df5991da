"""`python -m infra.local.scripted_model --port N`: the scripted model server as a process.

It writes one line of JSON to its standard output, `{"base_url": "http://127.0.0.1:PORT/v1"}`, as
soon as it can be called, and serves until it is ended by SIGINT or SIGTERM.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence

from infra.local.scripted_model.server import LOOPBACK, ScriptedModelServer


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command's arguments; None for those of the process.

    Returns:
        The exit status.
    """
    parser = _make_parser()
    options = parser.parse_args(arguments)
    try:
        server = ScriptedModelServer(
            host=options.host,
            port=options.port,
            tokens_per_second=options.tokens_per_second,
            api_key=options.api_key,
        )
    except (OSError, OverflowError, ValueError) as error:
        parser.error(f"cannot serve on {options.host}, port {options.port}: {error}")
    sys.stdout.write(json.dumps({"base_url": server.base_url}) + "\n")
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        server.serve()
    return 0


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.local.scripted_model",
        description="A scripted, OpenAI-compatible model server. It is not a language model.",
    )
    parser.add_argument("--port", type=int, required=True, help="port; 0 takes a free one")
    parser.add_argument("--host", default=LOOPBACK, help="address (default: %(default)s)")
    parser.add_argument(
        "--tokens-per-second",
        type=float,
        default=40.0,
        metavar="N",
        help="how fast answers come (default: %(default)g)",
    )
    parser.add_argument("--api-key", metavar="KEY", help="the only key to accept (default: any)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
