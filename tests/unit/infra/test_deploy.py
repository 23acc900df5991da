"""What makes a deployment another one."""

from pathlib import Path

from infra.local.build import Artifact
from infra.local.deploy import digest_deployment, name_model_key

ARTIFACT = Artifact("0123456789abcdef", Path("template.yaml"))


def test_the_order_of_parameters_does_not_matter() -> None:
    assert digest_deployment(ARTIFACT, {"a": "1", "b": "2"}) == digest_deployment(
        ARTIFACT, {"b": "2", "a": "1"}
    )


def test_another_parameter_or_artifact_is_another_deployment() -> None:
    digests = {
        digest_deployment(ARTIFACT, {"a": "1"}),
        digest_deployment(ARTIFACT, {"a": "2"}),
        digest_deployment(Artifact("fedcba9876543210", ARTIFACT.template), {"a": "1"}),
    }

    assert len(digests) == 3


def test_a_changed_model_key_changes_its_parameters_name_so_that_functions_are_replaced() -> None:
    assert name_model_key("sk-1") != name_model_key("sk-2")


def test_the_name_of_the_keys_parameter_does_not_show_the_key() -> None:
    assert "sk-secret" not in name_model_key("sk-secret")


def test_without_a_key_there_is_no_parameter() -> None:
    assert name_model_key("") == ""
