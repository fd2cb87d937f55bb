"""Encrypted mail opens with the right key, and only with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from mail.decrypt import decrypt_smime
from mail.parse import parse
from tests.mails.mime.case import PDF, b64, file, mail, mixed, text


def identity() -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "help@example.org")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256()), key


def pem(certificate: x509.Certificate, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> tuple[bytes, bytes]:
    plain = serialization.NoEncryption()
    return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain
    )


def encrypted_for(certificate: x509.Certificate) -> bytes:
    whole = mixed(text("Secret words"), file("offer.pdf", PDF))
    entity = whole[whole.index(b"Content-Type: multipart") :]
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(entity).add_recipient(certificate)
    envelope = builder.encrypt(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    return mail(
        b64(envelope),
        'Content-Type: application/pkcs7-mime; smime-type=enveloped-data;\r\n name="smime.p7m"',
        "Content-Transfer-Encoding: base64",
    )


def test_mail_opens_with_the_key_of_the_mailbox() -> None:
    certificate, key = identity()
    raw = encrypted_for(certificate)
    assert [problem.code for problem in parse(raw).email.problems] == ["encrypted"]
    opened = decrypt_smime(raw, *pem(certificate, key))
    assert opened is not None
    email = parse(opened).email
    assert email.text.strip() == "Secret words"
    assert [attachment.filename for attachment in email.attachments] == ["offer.pdf"]
    assert email.subject == "Printer on floor 3"
    assert email.message_id == "case@example.com"
    assert email.problems == []


def test_another_key_opens_nothing() -> None:
    certificate, _ = identity()
    assert decrypt_smime(encrypted_for(certificate), *pem(*identity())) is None


def test_damaged_envelope_opens_nothing() -> None:
    certificate, key = identity()
    raw = encrypted_for(certificate)
    assert decrypt_smime(raw[: len(raw) // 2], *pem(certificate, key)) is None


def test_mail_that_is_not_encrypted_is_left_alone() -> None:
    assert decrypt_smime(mail("Plain"), *pem(*identity())) is None


def test_key_that_cannot_open_mail_is_refused() -> None:
    certificate, _ = identity()
    with pytest.raises(ValueError, match="RSA"):
        decrypt_smime(mail("Plain"), *pem(certificate, ec.generate_private_key(ec.SECP256R1())))
