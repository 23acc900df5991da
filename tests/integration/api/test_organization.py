"""Projects and their keys: made by an operator, and each key opens its own project."""

import pytest
from fastapi.testclient import TestClient
from openai.types.admin.organization import Project
from openai.types.admin.organization.projects import (
    ServiceAccountCreateResponse,
    ServiceAccountDeleteResponse,
)

from adapters.dynamodb import keys as key_store
from tests.integration.api.conftest import with_key
from tests.integration.api.support import created, make_assistant, refused
from wiring.bootstrap import ApiContext

PROJECTS = "/v1/organization/projects"


def make_project(admin: TestClient, name: str = "Shop") -> str:
    return str(created(admin.post(PROJECTS, json={"name": name}))["id"])


def test_a_project_comes_back_as_it_was_created(admin: TestClient) -> None:
    project = created(admin.post(PROJECTS, json={"name": "Shop"}))
    assert Project.model_validate(project).status == "active"
    assert project["id"].startswith("proj_")
    assert (project["name"], project["archived_at"]) == ("Shop", None)
    assert created(admin.get(f"{PROJECTS}/{project['id']}")) == project
    assert created(admin.get(PROJECTS))["data"] == [project]


def test_projects_are_listed_page_by_page(admin: TestClient) -> None:
    ids = [make_project(admin, f"Shop {number}") for number in range(3)]
    first = created(admin.get(f"{PROJECTS}?limit=2"))
    assert [project["id"] for project in first["data"]] == [ids[2], ids[1]]
    rest = created(admin.get(PROJECTS, params={"after": first["last_id"]}))
    assert [project["id"] for project in rest["data"]] == [ids[0]]


def test_a_service_accounts_key_opens_its_project_and_no_other(
    admin: TestClient, context: ApiContext
) -> None:
    clients = []
    for name in ("One", "Two"):
        path = f"{PROJECTS}/{make_project(admin, name)}/service_accounts"
        account = created(admin.post(path, json={"name": "bot"}))
        parsed = ServiceAccountCreateResponse.model_validate(account)
        assert parsed.api_key is not None
        clients.append(with_key(context, parsed.api_key.value))
    assistant = make_assistant(clients[0])
    created(clients[0].get(f"/v1/assistants/{assistant}"))
    refused(clients[1].get(f"/v1/assistants/{assistant}"), 404)
    refused(clients[0].get(PROJECTS), 403)


def test_a_key_is_stored_as_a_hash_only(admin: TestClient, context: ApiContext) -> None:
    path = f"{PROJECTS}/{make_project(admin)}/service_accounts"
    key = created(admin.post(path, json={"name": "bot"}))["api_key"]["value"]
    table = context.settings.state_table
    items = context.objects._client.scan(TableName=table)["Items"]
    assert key not in str(items)
    assert context.keys.find(key) is not None


def test_a_deleted_service_account_has_no_key_any_more(
    admin: TestClient, context: ApiContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_store, "CACHE_SECONDS", 0)
    path = f"{PROJECTS}/{make_project(admin)}/service_accounts"
    account = created(admin.post(path, json={"name": "bot"}))
    client = with_key(context, account["api_key"]["value"])
    created(client.get("/v1/assistants"))
    deleted = created(admin.delete(f"{path}/{account['id']}"))
    assert ServiceAccountDeleteResponse.model_validate(deleted).deleted
    refused(client.get("/v1/assistants"), 401)
    error = refused(admin.delete(f"{path}/{account['id']}"), 404)
    assert error["message"] == f"No service account found with id '{account['id']}'."


def test_what_is_not_there_is_a_404(admin: TestClient) -> None:
    project = make_project(admin)
    body = {"name": "bot"}
    for answer in (
        admin.get(f"{PROJECTS}/proj_none"),
        admin.post(f"{PROJECTS}/proj_none/service_accounts", json=body),
        admin.delete(f"{PROJECTS}/proj_none/service_accounts/user_1"),
    ):
        assert refused(answer, 404)["message"] == "No project found with id 'proj_none'."
    refused(admin.delete(f"{PROJECTS}/{project}/service_accounts/a%23b"), 404)


@pytest.mark.parametrize("name", ["", None, 5, "x" * 257])
def test_a_name_must_be_a_text_of_fair_length(admin: TestClient, name: object) -> None:
    assert refused(admin.post(PROJECTS, json={"name": name}))["param"] == "name"
