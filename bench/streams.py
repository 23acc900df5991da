"""How late a stream's deltas are: from the model's chunk to the client, on a local stack.

    make bench-streams

The scripted model notes when it wrote each of its numbered tokens; the client, which is OpenAI's
SDK, when it had the delta that holds it. Between the two are the runner, which writes deltas every
50 ms at most, the log on the emulator, and the stream that reads it; all on this machine.
"""

import argparse
import statistics
import time
from typing import Any, Final

from infra.local.options import StackOptions
from tests.support.service import Service, script
from tests.support.stacks import fresh_stack, info_of

_TOKENS: Final = 300
_PACES: Final = (5, 20, 50, 100)
HEADER: Final = (
    "| tokens a second | first token | median | 95th percentile | latest |\n|---|---|---|---|---|"
)


def arrivals(service: Service, content: str) -> list[float]:
    """Stream an answer; return when each of its tokens came, in seconds since the epoch."""
    came: list[float] = []
    text = ""
    for event in service.sdk.beta.threads.runs.create(
        service.thread(content), assistant_id=service.assistant.id, stream=True
    ):
        if event.event == "thread.message.delta":
            parts: Any = event.data.delta.content
            text += parts[0].text.value
            came += [time.time()] * (len(text.split()) - len(came))
    return came


def written(service: Service, content: str) -> list[float]:
    """Return when the model wrote each of the answer's tokens."""
    for request in reversed(service.model_requests()):
        if request["body"]["messages"][-1]["content"] == content:
            # The first chunk holds the role; the reason for the end, and the usage, come last.
            times: list[float] = request["chunk_times"][1 : 1 + request["tokens"]]
            return times
    raise LookupError("The model was not asked.")


def measure(service: Service, pace: int, streams: int) -> str:
    """Return the row of a pace."""
    late: list[float] = []
    first: list[float] = []
    for _ in range(streams):
        content = script({"text": {"tokens": min(_TOKENS, pace * 10)}, "rate": pace})
        came = arrivals(service, content)
        lateness = [
            (there - made) * 1000
            for there, made in zip(came, written(service, content), strict=True)
        ]
        first.append(lateness[0])
        late += lateness
    late.sort()
    cells = (
        statistics.median(first),
        statistics.median(late),
        late[int(len(late) * 0.95)],
        late[-1],
    )
    return f"| {pace} | " + " | ".join(f"{cell:.0f} ms" for cell in cells) + " |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.streams", description=__doc__)
    parser.add_argument("--streams", type=int, default=3, help="streams of each pace")
    streams = parser.parse_args().streams
    with fresh_stack("bench-streams", StackOptions()) as stack:
        info = info_of(stack)
        service = Service(info, info.base_url)
        arrivals(service, script({"text": "Warm."}))
        print(HEADER)
        for pace in _PACES:
            print(measure(service, pace, streams), flush=True)


if __name__ == "__main__":
    main()
