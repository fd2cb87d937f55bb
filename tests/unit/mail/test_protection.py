"""Signed mail is read through and verified, encrypted mail opens with the right key and only with it."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID
from openpgp.composed import CleartextSignedMessage, DetachedSignature, SignedSecretKey

from domain.email import ParsedEmail
from domain.mail_keys import MailKey
from mail.parse import parse
from tests.mails.mime.case import PDF, b64, file, mail, mixed, text
from tests.people import Person, detached, encrypted_for, enveloped, person, pgp_key, signature

SENDER = "ada@example.com"
ENTITY = b"Content-Type: text/plain; charset=utf-8\r\n\r\nI agree.\r\n"


@pytest.fixture(scope="module")
def authority() -> Person:
    return person("ca@example.com", authority=True)


@pytest.fixture(scope="module")
def ada(authority: Person) -> Person:
    return person(SENDER, authority)


def verdict(raw: bytes, *keys: MailKey) -> tuple[str, str]:
    (found,) = parse(raw, keys=keys).email.signatures
    return found.verdict, found.detail


def smime_detached(signer: Person) -> bytes:
    return detached(signature(signer, ENTITY, pkcs7.PKCS7Options.DetachedSignature), ENTITY)


def smime_opaque(signer: Person) -> bytes:
    return mail(
        b64(signature(signer, ENTITY)),
        'Content-Type: application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"',
        "Content-Transfer-Encoding: base64",
    )


@pytest.mark.parametrize("wrap", [smime_detached, smime_opaque])
class TestSmimeSignature:
    def test_it_is_valid_up_to_an_authority_that_is_stored(self, wrap, ada, authority) -> None:
        email = parse(wrap(ada), keys=[authority.trusted()]).email
        assert [(found.method, found.verdict, found.signer) for found in email.signatures] == [
            ("smime", "valid", SENDER)
        ]
        assert email.text.strip() == "I agree."
        assert email.problems == []
        assert [attachment.content_type.rpartition("-")[2] for attachment in email.attachments] in (
            ["signature"],
            ["mime"],
        )

    def test_it_is_valid_where_the_senders_own_certificate_is_stored(self, wrap, ada) -> None:
        assert verdict(wrap(ada), ada.trusted())[0] == "valid"

    def test_of_an_elliptic_curve_key_it_is_valid_too(self, wrap, authority) -> None:
        assert verdict(wrap(person(SENDER, authority, elliptic=True)), authority.trusted())[0] == "valid"

    def test_nothing_is_said_without_a_stored_certificate(self, wrap, ada) -> None:
        assert verdict(wrap(ada)) == ("unverified", "unaltered, but no trusted certificate is stored for this mailbox")

    def test_a_strangers_authority_proves_nothing(self, wrap, ada) -> None:
        other = person("other@example.com", authority=True)
        assert verdict(wrap(ada), other.trusted())[0] == "unverified"

    def test_a_person_cannot_issue_certificates(self, wrap, ada, authority) -> None:
        assert (
            verdict(wrap(person(SENDER, person("eve@example.com", authority))), authority.trusted())[0] == "unverified"
        )

    def test_somebody_elses_signature_is_not_the_senders(self, wrap, authority) -> None:
        found = verdict(wrap(person("eve@example.com", authority)), authority.trusted())
        assert found == ("unverified", "unaltered, but the signer is not the sender")

    def test_an_expired_certificate_proves_nothing(self, wrap, authority) -> None:
        assert verdict(wrap(person(SENDER, authority, days=-1)), authority.trusted())[0] == "unverified"

    def test_a_web_servers_certificate_signs_no_mail(self, wrap, authority) -> None:
        server = person(SENDER, authority, usage=ExtendedKeyUsageOID.SERVER_AUTH)
        assert verdict(wrap(server), authority.trusted())[0] == "unverified"


def test_a_mail_altered_after_signing_is_flagged(ada: Person, authority: Person) -> None:
    raw = smime_detached(ada).replace(b"I agree.", b"I refuse")
    email = parse(raw, keys=[authority.trusted()]).email
    assert [found.verdict for found in email.signatures] == ["invalid"]
    assert [problem.code for problem in email.problems] == ["invalid_signature"]


def test_line_endings_changed_on_the_way_do_not_matter(ada: Person, authority: Person) -> None:
    raw = smime_detached(ada).replace(b"\r\n", b"\n")
    assert verdict(raw, authority.trusted())[0] == "valid"


def test_a_signed_part_does_not_vouch_for_the_text_around_it(ada: Person, authority: Person) -> None:
    signed = smime_detached(ada)
    entity = signed[signed.index(b"Content-Type: multipart/signed") :]
    raw = mixed(text("Send the money elsewhere."), entity)
    assert verdict(raw, authority.trusted()) == ("unverified", "covers only a part of the mail")


@pytest.mark.parametrize("cut", range(0, 1_200, 97))
def test_a_damaged_signature_harms_nothing(ada: Person, authority: Person, cut: int) -> None:
    raw = detached(signature(ada, ENTITY, pkcs7.PKCS7Options.DetachedSignature)[:cut], ENTITY)
    email = parse(raw, keys=[authority.trusted()]).email
    assert email.text.strip() == "I agree."
    assert all(found.verdict == "unverified" for found in email.signatures)


def problems(email: ParsedEmail) -> list[str]:
    return [problem.code for problem in email.problems]


@pytest.fixture(scope="module")
def desk() -> Person:
    return person("help@example.org")


def test_smime_opens_with_the_key_of_the_mailbox(desk: Person) -> None:
    whole = mixed(text("Secret words"), file("offer.pdf", PDF))
    raw = enveloped(whole[whole.index(b"Content-Type: multipart") :], desk)
    assert problems(parse(raw).email) == ["encrypted"]
    email = parse(raw, keys=[desk.opening()]).email
    assert (email.text.strip(), email.decrypted, email.problems) == ("Secret words", True, [])
    assert [attachment.filename for attachment in email.attachments] == ["offer.pdf", "smime.p7m"]
    assert email.subject == "Printer on floor 3"
    assert email.message_id == "case@example.com"


def test_smime_signed_then_encrypted_is_valid(desk: Person, ada: Person, authority: Person) -> None:
    signed = smime_detached(ada)
    raw = enveloped(signed[signed.index(b"Content-Type: multipart/signed") :], desk)
    email = parse(raw, keys=[desk.opening(), authority.trusted()]).email
    assert email.text.strip() == "I agree."
    assert [found.verdict for found in email.signatures] == ["valid"]


def test_another_key_opens_nothing(desk: Person, ada: Person) -> None:
    email = parse(enveloped(ENTITY, desk), keys=[ada.opening()]).email
    assert (problems(email), email.decrypted) == (["encrypted"], False)
    assert [attachment.filename for attachment in email.attachments] == ["smime.p7m"]


class _Random:
    def randbytes(self, size: int) -> bytes:
        return os.urandom(size)


@pytest.fixture(scope="module")
def alice() -> SignedSecretKey:
    return pgp_key(f"Ada <{SENDER}>")


@pytest.fixture(scope="module")
def desk_pgp() -> SignedSecretKey:
    return pgp_key("Help <help@example.org>")


def public(key: SignedSecretKey) -> MailKey:
    return MailKey(kind="openpgp_certificate", content=key.to_public_key().to_armored())


def secret(key: SignedSecretKey) -> MailKey:
    return MailKey(kind="openpgp_key", content=key.to_armored())


def pgp_mime_signed(key: SignedSecretKey) -> bytes:
    made = DetachedSignature.sign_binary_data(_Random(), key, None, "sha256", ENTITY)
    return detached(made.to_armored().encode(), ENTITY, kind="application/pgp-signature")


def pgp_inline_signed(key: SignedSecretKey) -> bytes:
    return mail(CleartextSignedMessage.sign("I agree.\n", key).to_armored())


@pytest.mark.parametrize("wrap", [pgp_mime_signed, pgp_inline_signed])
class TestPgpSignature:
    def test_it_is_valid_with_the_senders_key(self, wrap, alice) -> None:
        email = parse(wrap(alice), keys=[public(alice)]).email
        assert [(found.verdict, found.signer) for found in email.signatures] == [("valid", f"Ada <{SENDER}>")]
        assert email.text.strip() == "I agree."

    def test_nothing_is_said_without_the_key(self, wrap, alice) -> None:
        assert verdict(wrap(alice)) == ("unverified", "the signer's key is not stored for this mailbox")

    def test_an_altered_text_is_flagged(self, wrap, alice) -> None:
        assert verdict(wrap(alice).replace(b"I agree", b"I never"), public(alice))[0] == "invalid"

    def test_somebody_elses_signature_is_not_the_senders(self, wrap) -> None:
        eve = pgp_key(f"Eve <x{SENDER}>")
        assert verdict(wrap(eve), public(eve)) == ("unverified", "unaltered, but the signer is not the sender")


def test_pgp_mime_opens_with_the_key_of_the_mailbox(alice: SignedSecretKey, desk_pgp: SignedSecretKey) -> None:
    armored = encrypted_for(desk_pgp, ENTITY, alice)
    body = (
        "--e\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
        f"--e\r\nContent-Type: application/octet-stream; name=encrypted.asc\r\n\r\n{armored}\r\n--e--\r\n"
    )
    raw = mail(body, 'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="e"')
    assert problems(parse(raw).email) == ["encrypted"]
    assert problems(parse(raw, keys=[secret(alice)]).email) == ["encrypted"]
    email = parse(raw, keys=[secret(desk_pgp), public(alice)]).email
    assert (email.text.strip(), email.decrypted, email.problems) == ("I agree.", True, [])
    assert [found.verdict for found in email.signatures] == ["valid"]
    assert [attachment.filename for attachment in email.attachments][-1] == "encrypted.asc"


def test_inline_pgp_opens_in_its_place(desk_pgp: SignedSecretKey) -> None:
    raw = mail(f"Please read:\n\n{encrypted_for(desk_pgp, b'Secret words')}\nThanks\n")
    assert problems(parse(raw).email) == ["encrypted"]
    email = parse(raw, keys=[secret(desk_pgp)]).email
    assert email.text.split() == ["Please", "read:", "Secret", "words", "Thanks"]
    assert email.problems == []


def test_a_key_never_shows_itself(desk: Person) -> None:
    assert "PRIVATE" not in repr(desk.opening())
