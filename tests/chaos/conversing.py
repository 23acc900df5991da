"""A client program that holds one conversation, as its plan says."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import openai
from openai.types.beta import Thread
from openai.types.beta.threads import Message, Run

from core.records import TERMINAL
from tests.chaos.api_client import ApiClient, OutOfPatience
from tests.chaos.plan import LOOK_UP, TAG, Conversation, RunPlan
from tests.chaos.reports import RunReport
from tests.chaos.watching import Watchers

_POLL_SECONDS: Final = 0.8
_FUNCTION: Final = {
    "type": "function",
    "function": {
        "name": LOOK_UP,
        "parameters": {"type": "object", "properties": {"number": {"type": "integer"}}},
    },
}


def output_of(arguments: str) -> str:
    """Return what the client answers to a call of its function with these arguments."""
    return f"looked up {arguments}"


@dataclass(frozen=True, slots=True)
class Offer:
    """What every run is created with.

    Attributes:
        assistant_id: the assistant.
        action: the tool that the tool worker carries out.
    """

    assistant_id: str
    action: dict[str, str]


@dataclass(slots=True)
class _Open:
    """A run that has not ended yet."""

    plan: RunPlan
    report: RunReport
    run: Run
    created_at: float
    cancelled: bool = False


class ConversationClient:
    """Holds a conversation.

    Args:
        api: the API.
        conversation: the plan.
        offer: the assistant and the tools.
        watchers: those who watch what they are told to.
    """

    def __init__(
        self, api: ApiClient, conversation: Conversation, offer: Offer, watchers: Watchers
    ) -> None:
        self._api = api
        self._conversation = conversation
        self._offer = offer
        self._watchers = watchers
        self.reports = [RunReport(plan.tag) for plan in conversation.runs]

    def hold(self) -> None:
        """Hold it; what goes wrong is in the reports."""
        waiting = list(zip(self._conversation.runs, self.reports, strict=True))
        current = self.reports[0]
        try:
            thread_id = self._make_thread(self._conversation.runs[0])
            while waiting:
                together = waiting if self._conversation.in_line else waiting[:1]
                waiting = waiting[len(together) :]
                opened = []
                for plan, current in together:
                    opened.append(self._begin(thread_id, plan, current))
                self._follow(opened)
        except OutOfPatience:
            current.complaints.append("its client was not answered for too long")
        except openai.OpenAIError as error:
            current.complaints.append(f"its client met {type(error).__name__}: {error}")

    # ---- making things --------------------------------------------------------------------------

    def _make_thread(self, first: RunPlan) -> str:
        tag = self._conversation.tag
        messages: Any = [] if first.asks_with_run else [_question(first)]
        threads = self._api.sdk.beta.threads
        thread = self._api.make(
            lambda: threads.create(messages=messages, metadata={TAG: tag}),
            lambda: self._find_thread(tag),
        )
        return thread.id

    def _begin(self, thread_id: str, plan: RunPlan, report: RunReport) -> _Open:
        api, threads = self._api, self._api.sdk.beta.threads
        is_first = plan is self._conversation.runs[0]
        if not (plan.asks_with_run or is_first):
            question: Any = _question(plan)
            api.make(
                lambda: threads.messages.create(thread_id, **question),
                lambda: self._find_message(thread_id, plan),
            )
        options: Any = {
            "assistant_id": self._offer.assistant_id,
            "metadata": {TAG: plan.tag},
            "tools": [_FUNCTION, self._offer.action],
            "extra_body": {"multitask_strategy": plan.strategy},
        }
        if plan.asks_with_run:
            options["additional_messages"] = [_question(plan)]
        if plan.expires_after is not None:
            options["extra_body"]["expires_after_seconds"] = plan.expires_after
        run = api.make(
            lambda: threads.runs.create(thread_id, **options),
            lambda: self._find_run(thread_id, plan),
        )
        report.run_id = run.id
        if plan.watch_after is not None:
            self._watchers.watch(report, thread_id, run.id, plan.watch_after)
        return _Open(plan, report, run, time.monotonic())

    def _find_thread(self, tag: str) -> Thread | None:
        listed: Any = self._api.sdk.get("/threads?limit=100", cast_to=object)
        found = [each for each in listed["data"] if each["metadata"].get(TAG) == tag]
        return Thread.model_construct(**found[0]) if found else None

    def _find_message(self, thread_id: str, plan: RunPlan) -> Message | None:
        page = self._api.sdk.beta.threads.messages.list(thread_id, limit=100)
        return next((each for each in page.data if _is_tagged(each, plan)), None)

    def _find_run(self, thread_id: str, plan: RunPlan) -> Run | None:
        page = self._api.sdk.beta.threads.runs.list(thread_id, limit=100)
        return next((each for each in page.data if _is_tagged(each, plan)), None)

    # ---- following runs -------------------------------------------------------------------------

    def _follow(self, opened: Sequence[_Open]) -> None:
        """Poll runs until all have ended, and do for them what their plans say."""
        going = list(opened)
        while going:
            time.sleep(_POLL_SECONDS)
            for each in going:
                self._look(each)
            going = [each for each in going if each.run.status not in TERMINAL]

    def _look(self, each: _Open) -> None:
        plan, run = each.plan, each.run
        runs = self._api.sdk.beta.threads.runs
        overdue = (
            plan.cancel_after is not None
            and time.monotonic() >= each.created_at + plan.cancel_after
        )
        if overdue and not each.cancelled:
            self._cancel(each)
        each.run = self._api.read(lambda: runs.retrieve(run.id, thread_id=run.thread_id))
        if each.run.status == "requires_action" and plan.answered:
            self._submit(each)

    def _cancel(self, each: _Open) -> None:
        run = each.run
        runs = self._api.sdk.beta.threads.runs
        each.cancelled = True
        try:
            self._api.read(lambda: runs.cancel(run.id, thread_id=run.thread_id))
        except openai.BadRequestError as refusal:
            # It has ended: that is for the audit to judge.
            if "Cannot cancel run with status" not in refusal.message:
                each.report.complaints.append(f"its cancellation was refused: {refusal.message}")
        else:
            each.report.cancel_accepted = True

    def _submit(self, each: _Open) -> None:
        run, report = each.run, each.report
        assert run.required_action is not None
        calls = run.required_action.submit_tool_outputs.tool_calls
        outputs: Any = [
            {"tool_call_id": call.id, "output": output_of(call.function.arguments)}
            for call in calls
        ]
        ids = {call.id for call in calls}
        runs = self._api.sdk.beta.threads.runs

        def find() -> Run | None:
            found = runs.retrieve(run.id, thread_id=run.thread_id)
            return None if _waits_for(found, ids) else found

        try:
            each.run = self._api.make(
                lambda: runs.submit_tool_outputs(
                    run.id, thread_id=run.thread_id, tool_outputs=outputs
                ),
                find,
            )
        except openai.BadRequestError as refusal:
            # A run that was cancelled or has expired meanwhile takes no outputs.
            each.run = self._api.read(lambda: runs.retrieve(run.id, thread_id=run.thread_id))
            if each.run.status not in ("cancelling", "cancelled", "expired"):
                report.complaints.append(f"its tool outputs were refused: {refusal.message}")
        else:
            report.submitted += sorted(ids)


def _waits_for(run: Run, call_ids: set[str]) -> bool:
    if run.status != "requires_action" or run.required_action is None:
        return False
    return {call.id for call in run.required_action.submit_tool_outputs.tool_calls} == call_ids


def _question(plan: RunPlan) -> dict[str, Any]:
    return {"role": "user", "content": plan.question, "metadata": {TAG: plan.tag}}


def _is_tagged(found: Run | Message, plan: RunPlan) -> bool:
    return (found.metadata or {}).get(TAG) == plan.tag
