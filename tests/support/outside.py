"""The edge of the service: its calls of the outside are counted, and one may meet a fault."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from tests.support.clock import FakeClock
from tests.support.world import Killed

T = TypeVar("T")

# What changes nothing that outlives the process: a kill before it is one after it.
_LOOKS: Final = frozenset({"BatchGetItem", "GetItem", "GetObject", "Push", "Query"})
# What a service says when it has too much to do.
_THROTTLED: Final = {
    "dynamodb": "ProvisionedThroughputExceededException",
    "s3": "SlowDown",
    "sqs": "ThrottlingException",
    "states": "ThrottlingException",
}
# boto3 has tried again by then: a call that fails has taken a while.
_PATIENCE_SECONDS: Final = 1


@dataclass(frozen=True, slots=True)
class OutsideCall:
    """One call of the outside.

    Attributes:
        number: its place among all calls of a play, from 0.
        process: the process that makes it: what it is, and its number.
        service, operation: what is called.
    """

    number: int
    process: tuple[str, int]
    service: str
    operation: str

    @property
    def changes(self) -> bool:
        """Whether the call leaves something behind."""
        return self.operation not in _LOOKS

    def __str__(self) -> str:
        kind, number = self.process
        return f"call {self.number}: {self.service} {self.operation} by {kind} {number}"


class Fault(Protocol):
    """What befalls a play."""

    def strike(self, call: OutsideCall, make: Callable[[], T]) -> T:
        """Make a call, or do not, as the fault has it."""
        ...


class Faultless:
    """All goes well."""

    def strike(self, call: OutsideCall, make: Callable[[], T]) -> T:
        """Make the call."""
        return make()


@dataclass(slots=True)
class _Process:
    kind: str
    number: int
    dead: bool = False


class Outside:
    """Where processes meet the outside.

    Attributes:
        fault: what befalls the calls.
        calls: those that processes have made.
        changed: those of them that were carried out and changed something.
    """

    def __init__(self) -> None:
        self.reset(Faultless())

    def reset(self, fault: Fault) -> None:
        """Begin to count anew."""
        self.fault = fault
        self.calls: list[OutsideCall] = []
        self.changed: list[OutsideCall] = []
        self._processes: list[_Process] = []
        self._started = 0

    @contextmanager
    def process(self, kind: str) -> Iterator[None]:
        """Have the calls of this block count as those of a new process."""
        self._started += 1
        self._processes.append(_Process(kind, self._started))
        try:
            yield
        finally:
            self._processes.pop()

    @contextmanager
    def nobody(self) -> Iterator[None]:
        """Have the calls of this block count as nobody's: a test looks around."""
        processes, self._processes = self._processes, []
        try:
            yield
        finally:
            self._processes = processes

    def call(self, service: str, operation: str, make: Callable[[], T]) -> T:
        """Make a call, or meet the fault.

        Raises:
            Killed: the process dies here, or has died already.
        """
        if not self._processes:
            return make()
        process = self._processes[-1]
        if process.dead:
            raise Killed
        call = OutsideCall(len(self.calls), (process.kind, process.number), service, operation)
        self.calls.append(call)
        try:
            return self.fault.strike(call, lambda: self._make(call, make))
        except Killed:
            process.dead = True
            raise

    def _make(self, call: OutsideCall, make: Callable[[], T]) -> T:
        answer = make()
        if call.changes:
            self.changed.append(call)
        return answer


# ---- faults -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KilledBefore:
    """The process dies before a call."""

    number: int

    def strike(self, call: OutsideCall, make: Callable[[], T]) -> T:
        """Die instead of making the call."""
        if call.number == self.number:
            raise Killed
        return make()


@dataclass(frozen=True, slots=True)
class KilledAfter:
    """The process dies after a call, before it hears the answer."""

    number: int

    def strike(self, call: OutsideCall, make: Callable[[], T]) -> T:
        """Make the call and die."""
        answer = make()
        if call.number == self.number:
            raise Killed
        return answer


@dataclass(frozen=True, slots=True)
class Refused:
    """The service has too much to do for a call, and for its repetitions."""

    number: int
    clock: FakeClock

    def strike(self, call: OutsideCall, make: Callable[[], T]) -> T:
        """Refuse the call."""
        if call.number == self.number:
            self.clock.advance(_PATIENCE_SECONDS)
            raise throttled(call.service, call.operation)
        return make()


@dataclass(frozen=True, slots=True)
class Unheard:
    """A call is carried out, but its answer does not come."""

    number: int
    clock: FakeClock

    def strike(self, call: OutsideCall, make: Callable[[], T]) -> T:
        """Make the call and lose its answer."""
        answer = make()
        if call.number == self.number:
            self.clock.advance(_PATIENCE_SECONDS)
            raise ReadTimeoutError(endpoint_url=f"https://{call.service}.test")
        return answer


class Outage:
    """From a call on, its service cannot be reached for a while.

    Args:
        number: the first call that fails.
        clock: tells when the time is over.
        seconds: how long it lasts.
    """

    def __init__(self, number: int, clock: FakeClock, seconds: float) -> None:
        self._number = number
        self._clock = clock
        self._seconds = seconds
        self._service = ""
        self._until_ms = 0

    def strike(self, call: OutsideCall, make: Callable[[], T]) -> T:
        """Fail if the service is out."""
        if call.number == self._number:
            self._service = call.service
            self._until_ms = self._clock() + int(self._seconds * 1000)
        if call.service == self._service and self._clock() < self._until_ms:
            self._clock.advance(_PATIENCE_SECONDS)
            raise ConnectTimeoutError(endpoint_url=f"https://{call.service}.test")
        return make()


@dataclass(frozen=True, slots=True)
class Frozen:
    """The process stands still before a call, while the world goes on.

    Attributes:
        go_on: lets the world go on, as long as a process of this kind may stand still.
    """

    number: int
    go_on: Callable[[str], None]

    def strike(self, call: OutsideCall, make: Callable[[], T]) -> T:
        """Let the world go on, then make the call."""
        if call.number == self.number:
            self.go_on(call.process[0])
        return make()


def throttled(service: str, operation: str) -> ClientError:
    """Return what a service answers that has too much to do."""
    code = _THROTTLED[service]
    return ClientError({"Error": {"Code": code, "Message": "Slow down."}}, operation)


def count_api_calls(patch: pytest.MonkeyPatch, outside: Outside) -> None:
    """Have boto3's calls of AWS pass through the edge, above boto3's own repetitions."""
    make = BaseClient._make_api_call  # type: ignore[attr-defined]
    carried_out: set[str] = set()

    def make_api_call(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        token = arguments.get("ClientRequestToken") if operation == "TransactWriteItems" else None
        service = client.meta.service_model.service_name

        def carry_out() -> Any:
            # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
            # What came with this token already is not done again; moto would.
            if token in carried_out:
                return {}
            answer = make(client, operation, arguments)
            if token is not None:
                carried_out.add(token)
            return answer

        return outside.call(service, operation, carry_out)

    patch.setattr(BaseClient, "_make_api_call", make_api_call)
