"""`python -m tests.chaos`: runs on a stack of their own while its workers are killed; an audit."""

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from infra.local.errors import StackError
from infra.local.interrupts import interrupt_on_signals
from infra.local.options import StackOptions
from tests.chaos.audit import audit
from tests.chaos.keeping import keep_violated
from tests.chaos.session import Options, run_session
from tests.chaos.summary import summary
from tests.chaos.workers import FUNCTIONS
from tests.support.stacks import fresh_stack, info_of

_INTERRUPTED: Final = 130
# A message whose runner was killed comes again within a session, and a silent model counts as
# broken soon.
_PARAMETERS: Final = {
    "RunnerTimeoutSeconds": "120",
    "StepsVisibilitySeconds": "130",
    "ModelIdleSeconds": "8",
}
_QUIET_SECONDS: Final = 200
_RUNS: Final = 300
_AT_ONCE: Final = 8
_MEAN_SECONDS: Final = 4.0


def main(words: Sequence[str] | None = None) -> int:
    """Hold a session; return the exit code: 1 if the audit found a violation."""
    options = _read_options(words)
    repeat = f"make chaos RUNS={options.runs} SEED={options.seed} EVERY={options.mean_seconds:g}"
    print(f"seed {options.seed}; `{repeat}` repeats it", flush=True)
    interrupt_on_signals()
    say = _narrator()
    try:
        with fresh_stack("chaos", StackOptions(parameters=_PARAMETERS), say=say) as stack:
            session = run_session(info_of(stack), str(stack.directory), options, say)
            directory = stack.directory / "violations"
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; what was started has been ended.", file=sys.stderr)
        return _INTERRUPTED
    verdict = audit(session.evidence)
    for line in summary(session, verdict):
        print(line)
    for path in keep_violated(session.evidence, verdict, directory):
        print(f"what is known of it is in {path}")
    print(f"seed {options.seed}; `{repeat}` repeats it")
    return 1 if verdict.violations else 0


def _read_options(words: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=_RUNS, help=f"how many (default: {_RUNS})")
    parser.add_argument("--seed", type=int, help="what all is drawn from (default: a new one)")
    parser.add_argument(
        "--every",
        type=float,
        default=_MEAN_SECONDS,
        help=f"seconds between two kills, in the mean (default: {_MEAN_SECONDS:g})",
    )
    parser.add_argument(
        "--at-once",
        type=int,
        default=_AT_ONCE,
        help=f"conversations at the same time (default: {_AT_ONCE})",
    )
    parser.add_argument(
        "--functions",
        nargs="+",
        choices=FUNCTIONS,
        default=FUNCTIONS,
        help="whose workers are killed (default: all)",
    )
    given = parser.parse_args(words)
    if given.runs < 1 or given.at_once < 1 or given.every <= 0:
        parser.error("there must be runs, somebody to hold them, and time between kills")
    return Options(
        seed=random.randrange(1_000_000) if given.seed is None else given.seed,
        runs=given.runs,
        at_once=given.at_once,
        mean_seconds=given.every,
        functions=given.functions,
        quiet_seconds=_QUIET_SECONDS,
    )


def _narrator() -> Callable[[str], None]:
    start = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - start:6.1f} s  {text}", file=sys.stderr, flush=True)

    return say


if __name__ == "__main__":
    sys.exit(main())
