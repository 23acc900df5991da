"""What the stack's processes inherit, and what they must not."""

import os

import pytest

from infra.local.environment import MARKER, process_environment


@pytest.mark.parametrize(
    "name",
    [
        "AWS_PROFILE",
        "AWS_ENDPOINT_URL_DYNAMODB",
        "AWS_SESSION_TOKEN",
        "OPENAI_API_KEY",
        "PYTHONPATH",
        "VIRTUAL_ENV",
        "PERSIST_STATE",
        "AUTH",
        "MODEL",
    ],
)
def test_what_would_change_the_emulator_or_its_functions_is_dropped(name: str) -> None:
    assert name not in process_environment({name: "x"}, "/stack")


@pytest.mark.parametrize(
    "name", ["HTTPS_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_INDEX_URL", "HOME", "PATH"]
)
def test_what_the_users_network_and_tools_need_is_inherited(name: str) -> None:
    assert process_environment({name: "x"}, "/stack")[name] == "x"


def test_real_credentials_are_replaced_by_ones_that_only_the_emulator_accepts() -> None:
    environment = process_environment({"AWS_ACCESS_KEY_ID": "AKIAREAL"}, "/stack")

    assert environment["AWS_ACCESS_KEY_ID"] == "test"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert environment["AWS_CONFIG_FILE"] == os.devnull
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"


def test_a_proxy_is_not_asked_for_this_machine() -> None:
    environment = process_environment({"NO_PROXY": "intra.example"}, "/stack")

    assert environment["NO_PROXY"] == "intra.example,127.0.0.1,localhost"
    assert environment["no_proxy"] == "127.0.0.1,localhost"


def test_every_process_carries_the_stacks_marker() -> None:
    assert process_environment({MARKER: "/other"}, "/stack")[MARKER] == "/stack"
