"""Secrets that are encrypted with a key of the operator, on moto."""

from collections.abc import Callable

import boto3
import pytest

from adapters.sealing import CACHE_SECONDS, CannotOpen, Sealer
from tests.support.network import Clock
from tests.support.world import REGION

SECRET = "hush-hush"
Made = Callable[[], Sealer]


@pytest.fixture
def key(environment: dict[str, str]) -> str:
    return str(boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["Arn"])


@pytest.fixture
def made(key: str) -> Made:
    """Makes sealers that have nothing in memory."""
    return lambda: Sealer(lambda: boto3.client("kms", region_name=REGION), key)


@pytest.mark.parametrize("text", ["", SECRET, "ü" * 2_048, "x" * 4_097, "é€" * 20_000])
def test_what_is_sealed_can_be_opened(made: Made, text: str) -> None:
    sealed = made().seal("proj_a", text)
    assert made().open("proj_a", sealed) == text
    assert text not in sealed or not text


def test_nobody_else_can_open_it(made: Made) -> None:
    sealed = made().seal("proj_a", SECRET)
    with pytest.raises(CannotOpen):
        made().open("proj_b", sealed)
    opener = made()
    assert opener.open("proj_a", sealed) == SECRET
    with pytest.raises(CannotOpen):
        opener.open("proj_b", sealed)


def test_parts_of_one_secret_do_not_fit_into_another(made: Made) -> None:
    first, second = (made().seal("proj_a", text * 4_096) for text in "ab")
    mixed = first[: first.index('"parts"')] + second[second.index('"parts"') :]
    with pytest.raises(CannotOpen):
        made().open("proj_a", mixed)


def test_a_text_of_another_form_cannot_be_opened(made: Made) -> None:
    with pytest.raises(CannotOpen):
        made().open("proj_a", "kms:2:{}")


def test_without_its_key_nothing_can_be_opened(made: Made, key: str) -> None:
    sealed = made().seal("proj_a", SECRET)
    keyless = Sealer(lambda: boto3.client("kms", region_name="eu-west-1"), key)
    with pytest.raises(CannotOpen) as caught:
        keyless.open("proj_a", sealed)
    assert key not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_what_was_opened_is_kept_for_some_minutes(key: str) -> None:
    clock = Clock()

    class Counted:
        """A client that counts."""

        def __init__(self) -> None:
            self.inner = boto3.client("kms", region_name=REGION)
            self.asked = 0

        def decrypt(self, **fields: object) -> object:
            self.asked += 1
            return self.inner.decrypt(**fields)  # type: ignore[arg-type]

    counted = Counted()
    sealer = Sealer(lambda: counted, key, clock)  # type: ignore[arg-type, return-value]
    sealed = Sealer(lambda: counted.inner, key).seal("proj_a", SECRET)
    for _ in range(3):
        assert sealer.open("proj_a", sealed) == SECRET
    assert counted.asked == 1
    clock.now += CACHE_SECONDS + 1
    assert sealer.open("proj_a", sealed) == SECRET
    assert counted.asked == 2


def test_a_sealer_shows_no_secret(made: Made, key: str) -> None:
    sealer = made()
    sealer.open("proj_a", sealer.seal("proj_a", SECRET))
    assert SECRET not in repr(sealer)
    assert key not in repr(sealer)
