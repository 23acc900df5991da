"""Local stacks for one session of tests: each in a directory that nobody else uses meanwhile."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from infra.local.info import StackInfo
from infra.local.options import StackOptions
from infra.local.stack import LocalStack

_LOCAL = Path(__file__).resolve().parents[2] / ".local"


@contextmanager
def fresh_stack(
    name: str, options: StackOptions, *, say: Callable[[str], None] = lambda _text: None
) -> Iterator[LocalStack]:
    """Run a stack for as long as the context lasts; its logs stay in its directory.

    Args:
        name: of its directory under `.local`; a number is added if another session has that.
        options: what makes it differ from other stacks.
        say: is told what is going on, one short line at a time.
    """
    with _claimed_directory(name) as directory:
        stack = LocalStack(directory, options, say=say)
        # What an earlier session left when it was killed is not built upon.
        stack.down()
        try:
            stack.up()
            yield stack
        finally:
            stack.down()


def info_of(stack: LocalStack) -> StackInfo:
    """Return what is known of a stack that runs: addresses, keys, resources."""
    info = stack.running_info()
    assert info is not None
    return info


@contextmanager
def _claimed_directory(name: str) -> Iterator[Path]:
    """A directory that no other session uses now; sessions may run at the same time."""
    for number in count(1):
        directory = _LOCAL / (name if number == 1 else f"{name}-{number}")
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / "session.lock").open("w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield directory
            return
