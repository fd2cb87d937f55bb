"""A key file in any form people have it becomes a stored key, or one sentence that says what is wrong with it."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from tests.people import Person, person, pgp_key
from workers.mail_keys import read


@pytest.fixture(scope="module")
def desk() -> Person:
    return person("help@example.org")


def test_pem_with_certificate_and_key(desk: Person) -> None:
    named = read(desk.opening().content.encode())
    assert (named.key.kind, named.label) == ("smime_key", "help@example.org")


def test_pkcs12_with_its_passphrase(desk: Person) -> None:
    content = pkcs12.serialize_key_and_certificates(
        b"x", desk.key, desk.certificate, None, BestAvailableEncryption(b"let me in")
    )
    assert read(content, b"let me in").key == read(desk.opening().content.encode()).key
    with pytest.raises(ValueError, match="password"):
        read(content, b"wrong")


def test_a_certificate_alone_verifies(desk: Person) -> None:
    assert read(desk.pem().encode()).key.kind == "smime_certificate"


def test_openpgp_keys() -> None:
    key = pgp_key("Help <help@example.org>")
    secret, public = read(key.to_armored().encode()), read(key.to_public_key().to_armored().encode())
    assert [secret.key.kind, public.key.kind] == ["openpgp_key", "openpgp_certificate"]
    assert {secret.label, public.label} == {"Help <help@example.org>"}


def test_a_locked_openpgp_key_is_refused() -> None:
    with pytest.raises(ValueError, match="passphrase"):
        read(pgp_key("Help <help@example.org>", passphrase="sesame").to_armored().encode())


def test_a_key_that_opens_no_mail_is_refused() -> None:
    with pytest.raises(ValueError, match="RSA"):
        read(person("help@example.org", elliptic=True).opening().content.encode())


def test_somebody_elses_certificate_is_refused(desk: Person) -> None:
    other = person("other@example.org")
    mixed = other.pem() + desk.opening().content.removeprefix(desk.pem())
    with pytest.raises(ValueError, match="not the private key's"):
        read(mixed.encode())


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nx\n", b"\x30\x82\x01"])
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read(content)
