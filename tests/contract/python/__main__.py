"""Runs every scenario with the SDK of this environment; prints one line of JSON a scenario.

    python -m tests.contract.python URL

The key is read from the environment variable OPENAI_API_KEY. The first line says the SDK's version,
each other one a scenario's name and its faults: none if it went well.
"""

import argparse
import json
import os
import traceback

import openai

from tests.contract.python.registry import Scenario
from tests.contract.python.scenarios import SCENARIOS
from tests.contract.python.session import Session


def main() -> None:
    """Run the scenarios against the service that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract.python", description=__doc__)
    parser.add_argument("url", help="the API's root URL, the part before /v1")
    session = Session(parser.parse_args().url, os.environ["OPENAI_API_KEY"])
    print(json.dumps({"version": openai.__version__}), flush=True)
    for name, run in SCENARIOS.items():
        print(json.dumps({"scenario": name, "faults": find_faults(run, session)}), flush=True)


def find_faults(run: Scenario, session: Session) -> list[str]:
    """Run a scenario; return what went wrong, and what was wrong with the answers it got."""
    session.faults.clear()
    try:
        run(session)
    except Exception:
        return [*session.faults, traceback.format_exc()]
    return list(session.faults)


if __name__ == "__main__":
    main()
