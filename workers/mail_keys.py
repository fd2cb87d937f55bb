"""Key files as people have them, made into keys that are stored for a mailbox."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from domain.mail_keys import MailKey
from mail import openpgp
from mail.smime_keys import smime_key
from mail.smime_signature import addresses


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A key, and whose it is: an address, a user id or a subject; nothing of it is secret."""

    key: MailKey
    label: str


def read(content: bytes, passphrase: bytes | None = None) -> NamedKey:
    """The key or certificate in a file: PKCS#12, PEM or OpenPGP armor. Raises ValueError, which says what is wrong."""
    text = content.decode("ascii", "replace")
    if "-----BEGIN PGP PRIVATE KEY BLOCK-----" in text:
        return _openpgp_key(text)
    if "-----BEGIN PGP PUBLIC KEY BLOCK-----" in text:
        public = openpgp.certificate(text)
        return NamedKey(MailKey(kind="openpgp_certificate", content=text), _user(public.user_ids, public.fingerprint))
    if "-----BEGIN CERTIFICATE-----" in text:
        if "PRIVATE KEY-----" not in text:
            certificates = x509.load_pem_x509_certificates(content)
            return NamedKey(MailKey(kind="smime_certificate", content=text), _subject(certificates[0]))
        return _smime_key(x509.load_pem_x509_certificate(content), load_pem_private_key(content, passphrase))
    if "-----BEGIN " in text:
        raise ValueError("an S/MIME key needs its certificate in the same file")
    key, certificate, _ = pkcs12.load_key_and_certificates(content, passphrase)
    if key is None or certificate is None:
        raise ValueError("the file holds no private key with its certificate")
    return _smime_key(certificate, key)


def _openpgp_key(text: str) -> NamedKey:
    secret = openpgp.secret_key(text)
    if not openpgp.is_unlocked(secret):
        raise ValueError("the OpenPGP key has a passphrase: store a copy without one")
    return NamedKey(MailKey(kind="openpgp_key", content=text), _user(secret.user_ids, secret.fingerprint))


def _smime_key(certificate: x509.Certificate, key: object) -> NamedKey:
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("only RSA keys open S/MIME mail")
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem = (certificate.public_bytes(Encoding.PEM) + plain).decode()
    smime_key(pem)
    return NamedKey(MailKey(kind="smime_key", content=pem), _subject(certificate))


def _subject(certificate: x509.Certificate) -> str:
    return next(iter(addresses(certificate)), certificate.subject.rfc4514_string())[:200]


def _user(user_ids: list[str], fingerprint: str) -> str:
    return (user_ids[0] if user_ids else fingerprint)[:200]
