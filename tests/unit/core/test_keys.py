"""API keys: long, random, told apart by their scope, and kept only as a hash."""

import hashlib
import re

from core.keys import KeyRecord, hash_key, new_key


def test_keys_of_both_scopes_are_told_apart_by_their_prefix() -> None:
    assert re.fullmatch(r"sk-tr-[\w-]{43}", new_key("project"))
    assert re.fullmatch(r"sk-admin-tr-[\w-]{43}", new_key("admin"))


def test_no_two_keys_are_the_same() -> None:
    assert len({new_key("project") for _ in range(200)}) == 200


def test_a_keys_hash_is_its_sha_256() -> None:
    assert hash_key("sk-tr-x") == hashlib.sha256(b"sk-tr-x").hexdigest()
    assert hash_key("sk-tr-x") != hash_key("sk-tr-y")


def test_a_key_that_is_not_ascii_has_a_hash_too() -> None:
    """Whatever a client sends as its key is looked up, not refused by an encoder."""
    assert re.fullmatch(r"[0-9a-f]{64}", hash_key("sk-tr-é\u2028"))


def test_what_is_known_of_a_key_does_not_hold_the_key() -> None:
    key = new_key("project")
    record = KeyRecord(id="sa_1", tenant="proj_1", scope="project", name="worker", created_at=1)
    assert key not in record.model_dump_json()
    assert set(KeyRecord.model_fields) == {"id", "tenant", "scope", "name", "created_at"}
