"""Sealed secrets: they open where they were sealed, under a key of the ring, and nowhere else."""

from __future__ import annotations

import base64
import os
from typing import Any
from uuid import uuid4

import pytest

from storage.secrets import KeyRing, SecretError

SECRET = b'{"password": "correct horse"}'
PLACE: dict[str, Any] = {"tenant_id": uuid4(), "table": "mailboxes", "row": "7"}


def key(key_id: str) -> str:
    return f"{key_id}:{base64.b64encode(os.urandom(32)).decode()}"


OLD, NEW = key("k1"), key("k2")


def test_a_sealed_secret_opens_in_its_place() -> None:
    ring = KeyRing(OLD)
    sealed = ring.seal(SECRET, **PLACE)
    assert ring.open(sealed, **PLACE) == SECRET
    assert "correct" not in sealed


def test_the_same_secret_is_sealed_differently_each_time() -> None:
    ring = KeyRing(OLD)
    assert ring.seal(SECRET, **PLACE) != ring.seal(SECRET, **PLACE)


@pytest.mark.parametrize("moved", [{"tenant_id": uuid4()}, {"table": "users"}, {"row": "8"}], ids=lambda m: str([*m]))
def test_a_ciphertext_that_was_moved_does_not_open(moved: dict[str, Any]) -> None:
    ring = KeyRing(OLD)
    sealed = ring.seal(SECRET, **PLACE)
    with pytest.raises(SecretError):
        ring.open(sealed, **(PLACE | moved))
    with pytest.raises(SecretError):
        ring.rotate(sealed, **(PLACE | moved))


@pytest.mark.parametrize("position", [2, 3])
def test_an_altered_ciphertext_does_not_open(position: int) -> None:
    ring = KeyRing(OLD)
    parts = ring.seal(SECRET, **PLACE).split(":")
    data = bytearray(base64.b64decode(parts[position]))
    data[-1] ^= 1
    parts[position] = base64.b64encode(data).decode()
    with pytest.raises(SecretError):
        ring.open(":".join(parts), **PLACE)


def test_a_data_key_opens_only_its_own_secret() -> None:
    ring = KeyRing(OLD)
    one, other = ring.seal(SECRET, **PLACE), ring.seal(b"another", **PLACE)
    with pytest.raises(SecretError):
        ring.open(":".join([*one.split(":")[:3], other.split(":")[3]]), **PLACE)


@pytest.mark.parametrize(
    "text", ["", "v1", "v1:k1", "v1:k1:%%%:%%%", "v1:k1::", "v2:k1:AAAA:AAAA", "v1:k1:AAAA:AAAA", "plain text"]
)
def test_what_is_no_sealed_secret_does_not_open(text: str) -> None:
    with pytest.raises(SecretError):
        KeyRing(OLD).open(text, **PLACE)


# Rotation ------------------------------------------------------------------------------------------------------


def test_a_secret_of_the_old_key_opens_while_the_ring_still_has_it() -> None:
    sealed = KeyRing(OLD).seal(SECRET, **PLACE)
    assert KeyRing(f"{NEW},{OLD}").open(sealed, **PLACE) == SECRET


def test_a_rotated_secret_needs_the_old_key_no_more() -> None:
    sealed = KeyRing(OLD).seal(SECRET, **PLACE)
    rotated = KeyRing(f"{NEW}, {OLD}").rotate(sealed, **PLACE)
    assert KeyRing(NEW).open(rotated, **PLACE) == SECRET
    with pytest.raises(SecretError, match="No master key 'k2'"):
        KeyRing(OLD).open(rotated, **PLACE)


def test_the_first_key_seals() -> None:
    assert KeyRing(f"{NEW},{OLD}").current == "k2"
    assert KeyRing(f"{NEW},{OLD}").seal(SECRET, **PLACE).startswith("v1:k2:")


def test_a_key_of_the_same_name_with_another_value_does_not_open() -> None:
    sealed = KeyRing(OLD).seal(SECRET, **PLACE)
    with pytest.raises(SecretError, match="altered or moved"):
        KeyRing(key("k1")).open(sealed, **PLACE)


# The ring itself -----------------------------------------------------------------------------------------------


BARE = OLD.removeprefix("k1:")


@pytest.mark.parametrize(
    "text",
    ["", " , ", "k1", "k1:", "k1:not base64!", "k1:c2hvcnQ=", f":{BARE}", f"k 1:{BARE}"],
    ids=["empty", "commas", "no key", "empty key", "not base64", "too short", "no id", "a space in the id"],
)
def test_a_malformed_ring_is_refused_without_showing_a_key(text: str) -> None:
    with pytest.raises(SecretError, match="POSTROOM_MASTER_KEYS") as refusal:
        KeyRing(text)
    assert BARE not in str(refusal.value)


def test_derived_keys_are_stable_and_differ_by_purpose_and_master_key() -> None:
    ring = KeyRing(f"{NEW},{OLD}")
    tokens = ring.derive("reply-token")
    assert [*tokens] == ["k2", "k1"]
    assert tokens == KeyRing(f"{NEW},{OLD}").derive("reply-token")
    assert len({*tokens.values(), *ring.derive("session").values()}) == 4
    assert {len(derived) for derived in tokens.values()} == {32}
