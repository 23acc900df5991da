"""Asking a model server for its models, tried with real servers."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.local.errors import StackError
from infra.local.model import ModelChoice, find_model_name
from infra.local.ports import HOST, choose_port


@contextmanager
def model_server(status: int, body: str, keys: list[str] | None = None) -> Iterator[str]:
    """Serve one answer to every GET; yield the base URL, and note the keys that come in."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if keys is not None:
                keys.append(self.headers.get("Authorization", ""))
            self.send_response(status if self.path == "/v1/models" else 404)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


def listing(*names: str) -> str:
    """What GET /models answers."""
    return json.dumps({"object": "list", "data": [{"id": name} for name in names]})


def ask(url: str, *, key: str = "", name: str = "") -> str:
    """Find the model's name as for a user who gave the URL, the key and the name."""
    return find_model_name(url, ModelChoice(url, key, name))


def test_the_only_model_is_taken() -> None:
    with model_server(200, listing("llama")) as url:
        assert ask(url) == "llama"


def test_the_name_that_the_user_gave_is_taken() -> None:
    with model_server(200, listing("a", "b")) as url:
        assert ask(url, name="b") == "b"


def test_several_models_and_no_name_is_an_error_that_says_what_to_do() -> None:
    with (
        model_server(200, listing("a", "b")) as url,
        pytest.raises(StackError, match=r"has 2 models \(a, b\): say with MODEL which one to use"),
    ):
        ask(url)


def test_a_dead_server_is_an_error_that_says_what_to_do() -> None:
    url = f"http://{HOST}:{choose_port(None)}/v1"

    with pytest.raises(StackError, match=f"The model server at {url} does not answer"):
        ask(url)


def test_a_refused_key_is_an_error_that_does_not_show_the_key() -> None:
    with (
        model_server(401, "{}") as url,
        pytest.raises(StackError, match="refuses the key: correct OPENAI_API_KEY") as error,
    ):
        ask(url, key="sk-secret")

    assert "sk-secret" not in str(error.value)


def test_a_wrong_base_url_is_an_error_that_says_what_to_do() -> None:
    with (
        model_server(200, listing("a")) as url,
        pytest.raises(StackError, match=r"answers 404 to GET /models: OPENAI_BASE_URL must be"),
    ):
        ask(url.removesuffix("/v1"))


def test_a_server_that_lists_nothing_readable_needs_a_name() -> None:
    with model_server(200, "<html>") as url:
        with pytest.raises(StackError, match="it lists none"):
            ask(url)

        assert ask(url, name="mine") == "mine"


def test_the_key_is_sent_if_there_is_one() -> None:
    keys: list[str] = []
    with model_server(200, listing("a"), keys) as url:
        ask(url, key="sk-1")
        ask(url)

    assert keys == ["Bearer sk-1", ""]
