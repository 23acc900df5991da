"""A client that wants its run: the SDK repeats what fails, and then its user asks anew."""

import re
from collections.abc import Callable
from typing import Final

from adapters.dynamodb.idempotency import Repeated
from api.services.run_creation import create_run
from api.services.runs import cancel_run
from api.services.tool_outputs import submit_tool_outputs
from core.errors import InvalidRequest
from core.idempotency import Attempt
from core.schema.runs import CreateRun, Run, SubmitToolOutputs
from tests.support.deliveries import Deliveries
from tests.support.outside import Outside
from tests.support.world import TENANT, Killed
from wiring.bootstrap import ApiContext

# https://github.com/openai/openai-python#retries
SDK_RETRIES: Final = 2
SDK_PAUSE_SECONDS: Final = 1
ASKS_ANEW_SECONDS: Final = 20
_ACTIVE: Final = re.compile(r"already has an active run (\S+)\.$")


class PatientClient:
    """Asks until it has an answer.

    Args:
        context: the API's parts.
        outside: each request is a process of its own.
        deliveries: tell the time.
    """

    def __init__(self, context: ApiContext, outside: Outside, deliveries: Deliveries) -> None:
        self._context = context
        self._outside = outside
        self._deliveries = deliveries

    def create(self, thread_id: str, request: CreateRun, done: Callable[[str], None]) -> None:
        """Create a run; `done` is told its id, when there is an answer."""

        def ask(attempt: Attempt) -> str:
            once = self._context.answers.once(TENANT, attempt)
            return create_run(self._context, TENANT, thread_id, request, once).id

        def refused(error: InvalidRequest) -> str:
            # An earlier attempt was carried out, and nobody has heard of it.
            active = _ACTIVE.search(error.message)
            assert active is not None, error.message
            return active.group(1)

        self._ask(f"create {request.model_dump_json()}", ask, refused, done)

    def submit(self, run: Run, outputs: SubmitToolOutputs) -> None:
        """Submit the outputs that a run waits for."""

        def ask(attempt: Attempt) -> str:
            once = self._context.answers.once(TENANT, attempt)
            return submit_tool_outputs(
                self._context, TENANT, run.thread_id, run.id, outputs, once
            ).id

        self._ask(f"submit {run.id}", ask, lambda _: run.id, lambda _: None)

    def cancel(self, thread_id: str, run_id: str, done: Callable[[str], None]) -> None:
        """Cancel a run; `done` is told when there is an answer."""

        def ask(attempt: Attempt) -> str:
            return cancel_run(self._context, TENANT, thread_id, run_id, attempt).id

        self._ask(f"cancel {run_id}", ask, lambda _: run_id, done)

    def _ask(
        self,
        request: str,
        ask: Callable[[Attempt], str],
        refused: Callable[[InvalidRequest], str],
        done: Callable[[str], None],
        retries: int = 0,
    ) -> None:
        attempt = Attempt("user_test", request, self._context.clock(), retries)
        try:
            with self._outside.process("api"):
                answer = ask(attempt)
        except Repeated as repeated:
            answer = Run.model_validate_json(repeated.answer).id
        except InvalidRequest as error:
            answer = refused(error)
        except (Killed, Exception):
            again, pause = retries + 1, SDK_PAUSE_SECONDS
            if retries == SDK_RETRIES:
                again, pause = 0, ASKS_ANEW_SECONDS
            self._deliveries.later(pause, lambda: self._ask(request, ask, refused, done, again))
            return
        done(answer)
