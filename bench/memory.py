"""What memory the runner takes while a long answer streams: `make bench-runner`.

Two processes of their own stream the same answer of 100,000 tokens. One shows the peak of the
process's memory (what a function is killed for), the other what Python's objects take, and what
that is beyond the answer's own text.
"""

import argparse
import gc
import json
import resource
import subprocess
import sys
import tracemalloc
from typing import Any, Final

from bench.stub_model import TOKEN
from bench.turns import build_context, request_for, run_turn, stub
from core.model import ModelChunk
from core.turn_assembler import TurnAssembler

_TOKENS: Final = 100_000
_EVERY: Final = 10_000
_WARM_TOKENS: Final = 2_000
# Linux tells kilobytes, macOS bytes.
_PEAK_UNIT: Final = 1 if sys.platform == "darwin" else 1024
HEADER: Final = (
    "| tokens | answer's text | Python's objects beyond the text | peak of the process |\n"
    "|---|---|---|---|"
)


class Sampled(TurnAssembler):
    """Notes what memory is taken after every so many tokens.

    Attributes:
        samples: bytes.
    """

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._heard = 0
        self.samples: list[int] = []

    def push(self, chunk: ModelChunk) -> None:
        super().push(chunk)
        self._heard += bool(chunk.text)
        if chunk.text and self._heard % _EVERY == 0:
            self.samples.append(_taken())


def _taken() -> int:
    if not tracemalloc.is_tracing():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _sample(model_url: str, aws_url: str) -> list[int]:
    """Stream the answer in this process; return what was taken."""
    context = build_context(model_url, aws_url)
    run_turn(context, request_for(_WARM_TOKENS, 0))
    made: list[Sampled] = []

    def assemble(*parts: Any) -> Sampled:
        made.append(Sampled(*parts))
        return made[0]

    run_turn(context, request_for(_TOKENS, 0), assemble)
    return made[0].samples


def _sample_apart(*arguments: str) -> list[int]:
    command = [sys.executable, "-m", "bench.memory", *arguments]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()
    samples: list[int] = json.loads(lines[-1])
    return samples


def main() -> None:
    """Print the table; or, as one of the two processes, the samples."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--stubs", nargs=2, metavar="URL", help="stream from these, and sample")
    parser.add_argument("--trace", action="store_true", help="sample Python's objects")
    options = parser.parse_args()
    if options.stubs:
        if options.trace:
            tracemalloc.start()
        print(json.dumps(_sample(*options.stubs)))
        return
    with stub("bench.stub_model") as model, stub("bench.stub_aws", "--subscribers", "1") as aws:
        peaks = _sample_apart("--stubs", model, aws)
        traced = _sample_apart("--stubs", model, aws, "--trace")
    print(HEADER)
    for number, (peak, objects) in enumerate(zip(peaks, traced, strict=True), start=1):
        text = number * _EVERY * len(TOKEN)
        cells = (f"{number * _EVERY:,}", *map(_kilobytes, (text, objects - text, peak)))
        print(f"| {' | '.join(cells)} |")


def _kilobytes(size: int) -> str:
    return f"{size / 1000:,.0f} kB"


if __name__ == "__main__":
    main()
