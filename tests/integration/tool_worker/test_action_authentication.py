"""Which authentication a call gets, and where its secrets do not turn up."""

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from pydantic import TypeAdapter

from adapters import aws
from adapters.action_secrets import ActionSecrets
from adapters.sealing import Sealer
from core.dispatch import step_job
from core.endings import EndTrigger
from core.event_log import Event
from core.model import ModelChunk
from core.openapi import parse_document
from core.records import RunRecord
from core.run_machine import Trigger, run_event
from core.schema.actions import Action, ActionRecord
from core.schema.authentication import Authentication
from core.schema.runs import RunError
from core.schema.tools import ActionTool
from runner.supervision import end
from tests.support.http_service import Exchange, HttpService, Received, http_service
from tests.support.model import call, stop, text
from tests.support.world import REGION, TENANT, World, run_config
from tool_worker.handler import build_registry
from wiring import telemetry
from wiring.settings import WorkerSettings

REGISTERED = {"type": "bearer", "secret": "registered-secret"}
OWN = {"type": "api_key", "name": "X-Key", "in": "header", "secret": "own-secret"}
NONE = {"type": "none"}
ADAPTER: TypeAdapter[Authentication] = TypeAdapter(Authentication)


def repeat(exchange: Exchange, request: Received) -> None:
    """A service that shows whoever calls what it was sent."""
    told = json.dumps({"target": request.target, "headers": request.headers}).encode()
    exchange.answer(200, told, Content_Type="application/json")


@pytest.fixture
def service() -> Iterator[HttpService]:
    with http_service(repeat) as running:
        yield running


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the functions log."""
    written = io.StringIO()
    for handler in telemetry.logger.handlers:
        monkeypatch.setattr(handler, "stream", written)
    return written


def offer(world: World, service: HttpService, authentication: dict[str, Any] | None) -> ActionTool:
    """Register an operation of the service."""
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "servers": [{"url": f"http://127.0.0.1:{service.port}"}],
        "paths": {"/look": {"get": {"operationId": "look_up"}}},
    }
    (operation,) = parse_document(document).operations
    wire = Action(
        id=world.runner.ids.new("action"),
        created_at=1,
        name=operation.name,
        description=operation.description,
        method=operation.method,
        server_url=operation.server_url,
        path=operation.path,
        parameters=operation.json_schema(),
        metadata={},
    )
    given = None if authentication is None else ADAPTER.validate_python(authentication)
    record = ActionRecord(wire=wire, operation=operation.to_json(), authentication=given)
    world.runner.objects.create_actions(TENANT, [record])
    settings = world.worker.settings.model_dump() | {"egress_allow": "127.0.0.1"}
    world.tools = build_registry(WorkerSettings.model_validate(settings))
    return ActionTool(type="action", id=wire.id)


def create(world: World, tool: ActionTool, own: dict[str, Any] | None) -> RunRecord:
    """Create a run that has the action, with authentication of its own or without."""
    now = world.clock() // 1000
    run = RunRecord(
        id=world.runner.ids.new("run"),
        tenant=TENANT,
        thread_id=world.thread("Look it up"),
        config=run_config(tools=[tool]),
        created_at=now,
        expires_at=now + 600,
    )
    given = {} if own is None else {tool.id: ADAPTER.validate_python(own)}
    created = Event("thread.run.created", run.to_wire().model_dump(mode="json"))
    run, _ = world.runner.runs.create(run, [created, run_event(run)], [], authentications=given)
    return run


def look_up() -> Iterator[ModelChunk]:
    yield from call("look_up", "{}", "call_0")
    yield from stop("tool_calls")


def stored() -> str:
    """Return all that is stored of runs, as text: all but the actions themselves."""
    client = boto3.client("dynamodb", region_name=REGION)
    return json.dumps(
        [
            item
            for table in ("state", "stream")
            for item in client.scan(TableName=table)["Items"]
            if not item["sk"]["S"].startswith("action_")
        ]
    )


def carry_out(world: World, run: RunRecord) -> None:
    """Carry the run out to its end."""
    world.model.turn(*look_up()).turn(*text("Done."), *stop())
    world.deliver(step_job(run))
    assert world.execute_next() == ["answered"]
    world.deliver_next()
    assert world.get(run).status == "completed"


@pytest.mark.parametrize(
    ("registered", "own", "sent"),
    [
        (None, None, {}),
        (NONE, None, {}),
        (REGISTERED, None, {"authorization": "Bearer registered-secret"}),
        (REGISTERED, OWN, {"x-key": "own-secret"}),
        (None, OWN, {"x-key": "own-secret"}),
        (REGISTERED, NONE, {}),
    ],
)
def test_what_the_run_gives_comes_before_what_was_registered(
    world: World,
    service: HttpService,
    log: io.StringIO,
    registered: dict[str, Any] | None,
    own: dict[str, Any] | None,
    sent: dict[str, str],
) -> None:
    run = create(world, offer(world, service, registered), own)
    carry_out(world, run)
    (received,) = service.received
    found = {k: v for k, v in received.headers.items() if k in ("authorization", "x-key")}
    assert found == sent
    # It repeated everything, so the secret had every chance to get anywhere.
    told = json.dumps([request.messages for request in world.model.requests])
    pushed = repr(world.pusher.batches)
    for secret in ("registered-secret", "own-secret"):
        for place in (told, pushed, log.getvalue(), stored()):
            assert secret not in place


def test_a_run_that_fails_expires_or_is_cancelled_forgets_its_authentication(
    world: World, service: HttpService
) -> None:
    tool = offer(world, service, None)
    broken = RunError(code="server_error", message="Broken.")
    endings: list[tuple[EndTrigger, RunError | None]] = [
        (Trigger.EXPIRE, None),
        (Trigger.CANCELLED, None),
        (Trigger.FAIL, broken),
    ]
    for trigger, error in endings:
        run = create(world, tool, OWN)
        assert "own-secret" in stored()
        assert end(world.runner, run, trigger, error) is not None
        assert "own-secret" not in stored()
        assert world.runner.runs.authentications(run) == {}


def test_a_run_keeps_its_authentication_until_it_ends(world: World, service: HttpService) -> None:
    run = create(world, offer(world, service, None), OWN)
    world.model.turn(*look_up()).turn(*look_up()).turn(*text("Done."), *stop())
    world.deliver(step_job(run))
    for _ in range(2):
        assert world.execute_next() == ["answered"]
        world.deliver_next()
    assert [one.headers["x-key"] for one in service.received] == ["own-secret"] * 2
    assert "own-secret" not in stored()


@pytest.mark.parametrize("own", [None, OWN])
def test_a_call_of_an_action_that_was_deleted_meanwhile_is_not_made(
    world: World, service: HttpService, own: dict[str, Any] | None
) -> None:
    tool = offer(world, service, REGISTERED)
    run = create(world, tool, own)
    world.model.turn(*look_up()).turn(*text("Then not."), *stop())
    world.deliver(step_job(run))
    assert world.runner.objects.delete_action(TENANT, tool.id)
    assert world.execute_next() == ["answered"]
    world.deliver_next()
    assert service.received == []
    assert world.get(run).status == "completed"
    assert "This action was deleted" in json.dumps(world.model.requests[-1].messages)


def seal(world: World, key: str, tool: ActionTool) -> None:
    """Have the worker's deployment have a key, and seal the action's authentication with it."""
    secrets = ActionSecrets(Sealer(aws.kms_client, key))
    object.__setattr__(world.worker, "action_secrets", secrets)

    def decide(record: ActionRecord) -> ActionRecord:
        sealed = secrets.stored(TENANT, record.authentication)
        return record.model_copy(update={"authentication": None, "sealed": sealed.sealed})

    world.runner.objects.change_action(TENANT, tool.id, decide)


def test_what_is_sealed_is_opened_for_the_call_and_for_nothing_else(
    world: World, service: HttpService, log: io.StringIO
) -> None:
    key = boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["Arn"]
    tool = offer(world, service, REGISTERED)
    seal(world, key, tool)
    carry_out(world, create(world, tool, None))
    (received,) = service.received
    assert received.headers["authorization"] == "Bearer registered-secret"
    state = str(boto3.client("dynamodb", region_name=REGION).scan(TableName="state")["Items"])
    for place in (state, log.getvalue(), repr(world.pusher.batches)):
        assert "registered-secret" not in place


def test_what_a_run_brings_is_sealed_until_the_run_ends(world: World, service: HttpService) -> None:
    key = boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["Arn"]
    tool = offer(world, service, None)
    from_before = create(world, tool, OWN)
    secrets = ActionSecrets(Sealer(aws.kms_client, key))
    for store in (world.runner.runs, world.worker.runs):
        store._secrets = store._writes._secrets = secrets
    sealed = create(world, tool, OWN)
    assert stored().count("own-secret") == 1
    for run in (from_before, sealed):
        assert world.worker.runs.authentications(run) == {tool.id: ADAPTER.validate_python(OWN)}
        carry_out(world, run)
    assert [one.headers["x-key"] for one in service.received] == ["own-secret"] * 2
    assert world.worker.runs.authentications(sealed) == {}


def test_what_cannot_be_opened_is_told_and_the_call_is_not_made(
    world: World, service: HttpService, log: io.StringIO
) -> None:
    key = boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["Arn"]
    tool = offer(world, service, REGISTERED)
    seal(world, key, tool)
    far = boto3.client("kms", region_name="eu-west-1")
    object.__setattr__(world.worker, "action_secrets", ActionSecrets(Sealer(lambda: far, key)))
    carry_out(world, create(world, tool, None))
    assert service.received == []
    assert "credentials cannot be read" in json.dumps(world.model.requests[-1].messages)
    assert tool.id in log.getvalue()


def test_a_call_from_before_calls_named_their_action_is_made_without_authentication(
    world: World, service: HttpService
) -> None:
    run = create(world, offer(world, service, REGISTERED), None)
    world.model.turn(*look_up())
    world.deliver(step_job(run))
    client = boto3.client("dynamodb", region_name=REGION)
    (item,) = [
        item
        for item in client.scan(TableName="state")["Items"]
        if item["sk"]["S"].startswith("call#")
    ]
    del item["tool_id"]
    client.put_item(TableName="state", Item=item)
    assert world.execute_next() == ["answered"]
    assert "authorization" not in service.received[0].headers
