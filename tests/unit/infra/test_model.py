"""Which model the environment names."""

import pytest

from infra.local.errors import StackError
from infra.local.model import SCRIPTED, ModelChoice, choose_model


def test_an_environment_that_names_no_model_gets_the_scripted_one() -> None:
    assert choose_model({"HOME": "/home/me"}) is SCRIPTED


def test_empty_variables_count_as_unset() -> None:
    assert choose_model({"OPENAI_BASE_URL": " ", "OPENAI_API_KEY": ""}) is SCRIPTED


def test_a_model_name_alone_still_means_the_scripted_model() -> None:
    assert choose_model({"MODEL": "gpt-4o"}) is SCRIPTED


def test_a_key_alone_means_openais_own_service() -> None:
    choice = choose_model({"OPENAI_API_KEY": "sk-1", "MODEL": "gpt-4o"})

    assert choice == ModelChoice("https://api.openai.com/v1", "sk-1", "gpt-4o")


def test_a_base_url_alone_means_a_server_that_wants_no_key() -> None:
    choice = choose_model({"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1"})

    assert choice == ModelChoice("http://127.0.0.1:11434/v1", "", "")


def test_the_slash_at_the_end_of_a_base_url_is_dropped_as_the_template_wants_it() -> None:
    choice = choose_model({"OPENAI_BASE_URL": "https://models.example/v1/"})

    assert choice.base_url == "https://models.example/v1"


def test_a_base_url_that_is_no_url_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(StackError, match=r"OPENAI_BASE_URL is 'localhost:8080': give .* or unset"):
        choose_model({"OPENAI_BASE_URL": "localhost:8080"})


def test_the_key_is_not_in_what_is_printed_of_a_choice() -> None:
    assert "sk-secret" not in repr(choose_model({"OPENAI_API_KEY": "sk-secret"}))
