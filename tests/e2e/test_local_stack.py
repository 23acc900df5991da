"""The local stack itself: what it offers, what it keeps, what it mends."""

import os
import signal
import stat

import httpx
import pytest
from botocore.exceptions import ClientError

from infra.local.aws import EmulatedAws
from infra.local.errors import StackError
from infra.local.info import StackInfo
from infra.local.model import ModelChoice
from infra.local.options import StackOptions
from infra.local.ports import HOST, choose_port
from infra.local.stack import LocalStack


def get(url: str, key: str = "") -> httpx.Response:
    """GET a URL of this machine, with the key if one is given."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.get(url, headers=headers, trust_env=False, timeout=30)


@pytest.fixture(params=["uvicorn", "gateway"])
def base_url(request: pytest.FixtureRequest, stack: StackInfo) -> str:
    """Each of the two ways to the API."""
    return stack.base_url if request.param == "uvicorn" else stack.gateway_base_url


def test_the_projects_key_opens_the_api(base_url: str, stack: StackInfo) -> None:
    response = get(f"{base_url}/assistants", stack.api_key)

    assert response.status_code == 200
    assert response.json()["object"] == "list"


@pytest.mark.parametrize("key", ["", "sk-wrong"])
def test_without_a_valid_key_the_api_stays_closed(base_url: str, key: str) -> None:
    assert get(f"{base_url}/assistants", key).status_code == 401


def test_the_operators_key_administers_projects(base_url: str, stack: StackInfo) -> None:
    response = get(f"{base_url}/organization/projects", stack.admin_key)

    assert [project["id"] for project in response.json()["data"]] == [stack.project_id]


def test_both_ways_lead_to_the_same_data(stack: StackInfo) -> None:
    headers = {"Authorization": f"Bearer {stack.api_key}"}
    made = httpx.post(f"{stack.base_url}/threads", json={}, headers=headers, trust_env=False)

    seen = get(f"{stack.gateway_base_url}/threads/{made.json()['id']}", stack.api_key)

    assert seen.json() == made.json()


def test_every_output_of_the_template_is_known(stack: StackInfo) -> None:
    tables = EmulatedAws(stack.emulator_url).dynamodb().list_tables()["TableNames"]

    assert {stack.outputs["StateTableName"], stack.outputs["StreamTableName"]} <= set(tables)


def test_the_scripted_model_says_that_it_is_scripted(stack: StackInfo) -> None:
    assert stack.model.scripted
    assert "scripted" in stack.model.name


def test_only_the_owner_may_read_the_stacks_keys(local_stack: LocalStack) -> None:
    assert stat.S_IMODE((local_stack.directory / "stack.json").stat().st_mode) == 0o600


def test_bringing_up_a_stack_that_is_up_changes_nothing(
    local_stack: LocalStack, stack: StackInfo
) -> None:
    assert local_stack.up() == stack


def test_an_api_that_died_is_started_again_with_the_same_address_keys_and_data(
    local_stack: LocalStack, stack: StackInfo
) -> None:
    os.kill(stack.pids["api"], signal.SIGKILL)

    again = local_stack.up()

    assert again.base_url == stack.base_url
    assert again.api_key == stack.api_key
    assert get(f"{again.base_url}/assistants", stack.api_key).status_code == 200
    assert all(local_stack.health().values())


def test_a_dead_model_server_is_reported_before_anything_is_touched(
    local_stack: LocalStack,
) -> None:
    dead = f"http://{HOST}:{choose_port(None)}/v1"
    options = StackOptions(model=ModelChoice(dead))

    with pytest.raises(StackError, match=f"The model server at {dead} does not answer"):
        LocalStack(local_stack.directory, options).up()

    assert all(local_stack.health().values())


@pytest.mark.auth
def test_with_auth_a_function_may_do_what_its_policy_says_and_nothing_else(
    stack_with_auth: StackInfo,
) -> None:
    aws = EmulatedAws(stack_with_auth.emulator_url)
    function = stack_with_auth.outputs["ApiFunctionName"]
    role = aws.functions().get_function_configuration(FunctionName=function)["Role"]
    dynamodb = aws.as_role(role).dynamodb()
    table = stack_with_auth.outputs["StateTableName"]
    key = {"pk": {"S": "x"}, "sk": {"S": "x"}}

    assert "Item" not in dynamodb.get_item(TableName=table, Key=key)
    with pytest.raises(ClientError, match="AccessDenied"):
        dynamodb.delete_table(TableName=table)


@pytest.mark.auth
def test_with_auth_the_api_answers_through_the_gateway(stack_with_auth: StackInfo) -> None:
    url = f"{stack_with_auth.gateway_base_url}/assistants"

    assert get(url, stack_with_auth.api_key).status_code == 200
