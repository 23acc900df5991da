"""What streaming costs the runner's processor, beside a bare loop of the `openai` package.

    make bench-runner

Both read the same stream of a stub, in turns, in one process: the bare loop does nothing with what
it reads; the runner puts the answer together, logs it, looks up who watches, and pushes. The stubs
are processes of their own. Of the processor's time per 1,000 deltas, medians are shown; their
ratios hold on any machine, more or less.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Final, cast

from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from bench.stub_model import TOKEN
from bench.turns import build_context, request_for, run_turn, stub
from core.model import ModelRequest

_PACES: Final = (20, 50, 100, 0)
_FAST_TOKENS: Final = 5_000
_WARM_TOKENS: Final = 200
HEADER: Final = (
    "| tokens a second | bare loop | runner, nobody watches | runner, one subscriber |\n"
    "|---|---|---|---|"
)

Loop = Callable[[ModelRequest], None]


def bare_loop(model_url: str) -> Loop:
    """Return a loop that reads an answer with the package, and forgets it."""
    client = OpenAI(base_url=model_url, api_key="none", max_retries=0)

    def read(request: ModelRequest) -> None:
        heard = 0
        for chunk in client.chat.completions.create(
            model=request.model,
            messages=cast("list[ChatCompletionMessageParam]", request.messages),
            stream=True,
            stream_options={"include_usage": True},
        ):
            heard += bool(chunk.choices and chunk.choices[0].delta.content == TOKEN)
        if heard != int(request.model.partition("@")[0]):
            raise RuntimeError("The bare loop did not hear every token.")

    return read


def seconds_per_thousand(loop: Loop, tokens: int, per_second: int) -> float:
    """Return the processor time, in seconds, that a loop takes for 1,000 tokens."""
    request = request_for(tokens, per_second)
    before = time.process_time()
    loop(request)
    return (time.process_time() - before) / tokens * 1000


def row(per_second: int, times: Sequence[Sequence[float]]) -> str:
    """Return a row of the table: the bare loop's milliseconds, and the others beside it."""
    bare, *others = (statistics.median(of_loop) for of_loop in times)
    pace = str(per_second) if per_second else "as fast as it goes"
    cells = [pace, f"{bare * 1000:.0f} ms"]
    cells += [f"{other * 1000:.0f} ms, {other / bare:.2f}x" for other in others]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.deltas", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6, help="how long a paced answer takes")
    options = parser.parse_args()
    with (
        stub("bench.stub_model") as model,
        stub("bench.stub_aws") as unwatched,
        stub("bench.stub_aws", "--subscribers", "1") as watched,
    ):
        alone, seen = build_context(model, unwatched), build_context(model, watched)
        loops: list[Loop] = [
            bare_loop(model),
            lambda request: run_turn(alone, request),
            lambda request: run_turn(seen, request),
        ]
        for loop in loops:
            loop(request_for(_WARM_TOKENS, 0))
        print(HEADER)
        for per_second in _PACES:
            tokens = per_second * options.seconds or _FAST_TOKENS
            times: list[list[float]] = [[] for _ in loops]
            for _ in range(options.rounds):
                for loop, taken in zip(loops, times, strict=True):
                    taken.append(seconds_per_thousand(loop, tokens, per_second))
            print(row(per_second, times), flush=True)


if __name__ == "__main__":
    main()
