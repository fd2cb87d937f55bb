"""Keys and certificates of people in tests, and mail encrypted for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from openpgp.composed import (
    EncryptionCaps,
    KeyType,
    MessageBuilder,
    SecretKeyParamsBuilder,
    SignedSecretKey,
    SubkeyParamsBuilder,
)

from domain.mail_keys import MailKey
from tests.mails.mime.case import b64, mail

NOW = datetime.now(UTC)


@dataclass
class Person:
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def trusted(self) -> MailKey:
        return MailKey(kind="smime_certificate", content=self.pem())

    def opening(self) -> MailKey:
        plain = serialization.NoEncryption()
        key = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        return MailKey(kind="smime_key", content=self.pem() + key.decode())


def person(
    address: str,
    issuer: Person | None = None,
    *,
    authority: bool = False,
    elliptic: bool = False,
    days: int = 1,
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.EMAIL_PROTECTION,
) -> Person:
    key = ec.generate_private_key(ec.SECP256R1()) if elliptic else rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    signer = issuer.certificate.subject if issuer else name
    builder = x509.CertificateBuilder(
        signer, name, key.public_key(), x509.random_serial_number(), NOW - timedelta(days=2), NOW + timedelta(days=days)
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), critical=False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return Person(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def enveloped(entity: bytes, recipient: Person) -> bytes:
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(entity).add_recipient(recipient.certificate)
    envelope = builder.encrypt(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    return mail(
        b64(envelope),
        'Content-Type: application/pkcs7-mime; smime-type=enveloped-data;\r\n name="smime.p7m"',
        "Content-Transfer-Encoding: base64",
    )


def signature(signer: Person, content: bytes, *options: pkcs7.PKCS7Options) -> bytes:
    builder = (
        pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(signer.certificate, signer.key, hashes.SHA256())
    )
    return builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary, *options])


def detached(signature: bytes, content: bytes, kind: str = "application/pkcs7-signature") -> bytes:
    parts = content + b"\r\n--s\r\nContent-Type: " + kind.encode() + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    body = b"--s\r\n" + parts + b64(signature) + b"\r\n--s--\r\n"
    return mail(body, 'Content-Type: multipart/signed; boundary="s"')


def signed(signer: Person, content: bytes) -> bytes:
    """The entity `content` in a multipart/signed, without the header fields of a mail."""
    whole = detached(signature(signer, content, pkcs7.PKCS7Options.DetachedSignature), content)
    return whole[whole.index(b"Content-Type: multipart/signed") :]


def pgp_key(identity: str, *, passphrase: str | None = None) -> SignedSecretKey:
    subkey = SubkeyParamsBuilder().version(4).key_type(KeyType.ecdh("curve25519")).can_encrypt(EncryptionCaps.all())
    key = SecretKeyParamsBuilder().version(4).key_type(KeyType.ed25519_legacy()).can_certify(True).can_sign(True)
    key = key.passphrase(passphrase) if passphrase else key
    return key.primary_user_id(identity).subkey(subkey.build()).generate()


def encrypted_for(key: SignedSecretKey, content: bytes, signer: SignedSecretKey | None = None) -> str:
    builder = MessageBuilder.from_bytes("", content).seipd_v1("aes256").encrypt_to_key(key.to_public_key())
    return (builder.sign(signer, None, "sha256") if signer else builder).to_armored_string()
