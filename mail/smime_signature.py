"""S/MIME signatures verified (RFC 8551 §2, CMS RFC 5652 §5), and their certificates up to one that is trusted."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from domain.email import Signature
from mail.smime import Element, NotBer, children, signed_data

_MAX_CERTIFICATES = 20
_MAX_SIGNERS = 4

_DIGESTS: dict[bytes, hashes.HashAlgorithm] = {
    bytes.fromhex("608648016503040201"): hashes.SHA256(),
    bytes.fromhex("608648016503040202"): hashes.SHA384(),
    bytes.fromhex("608648016503040203"): hashes.SHA512(),
    bytes.fromhex("608648016503040204"): hashes.SHA224(),
}
_PSS = bytes.fromhex("2a864886f70d01010a")
_MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")


@dataclass(frozen=True, slots=True)
class _Signer:
    """One SignerInfo: who signed (issuer and serial number, or key identifier), and what."""

    issuer_and_serial: tuple[bytes, int] | None
    key_id: bytes | None
    digest: bytes
    attributes: bytes | None
    message_digest: bytes | None
    algorithm: bytes
    value: bytes


@dataclass(slots=True)
class _SignedData:
    certificates: list[x509.Certificate] = field(default_factory=list)
    signers: list[_Signer] = field(default_factory=list)


def verify(
    data: bytes, contents: Sequence[bytes], trusted: Sequence[x509.Certificate], senders: Sequence[str], when: datetime
) -> Signature:
    """The verdict on the CMS SignedData `data` over one of `contents` (the same entity with other line endings).

    `senders`: the addresses in From, lower case; `when` (aware): when the certificates have to be valid. Never raises.
    """
    try:
        signed = _read(data)
    except (NotBer, ValueError, IndexError):
        return Signature(method="smime", verdict="unverified", detail="the signature cannot be read")
    if not signed.signers:
        return Signature(method="smime", verdict="unverified", detail="nobody signed")
    verdicts = [_verdict(signer, signed.certificates, contents, trusted, senders, when) for signer in signed.signers]
    return next((verdict for verdict in verdicts if verdict.verdict != "valid"), verdicts[0])


def _verdict(
    signer: _Signer,
    certificates: Sequence[x509.Certificate],
    contents: Sequence[bytes],
    trusted: Sequence[x509.Certificate],
    senders: Sequence[str],
    when: datetime,
) -> Signature:
    def verdict(word: str, detail: str = "", name: str = "") -> Signature:
        return Signature.model_validate({"method": "smime", "verdict": word, "signer": name, "detail": detail})

    certificate = next((known for known in (*certificates, *trusted) if _is_of(known, signer)), None)
    if certificate is None:
        return verdict("unverified", "the signer's certificate is not at hand")
    names = addresses(certificate)
    name = names[0] if names else certificate.subject.rfc4514_string()[:200]
    if signer.digest not in _DIGESTS:
        return verdict("unverified", "its digest algorithm is unknown or no longer safe", name)
    try:
        genuine = _is_genuine(signer, certificate, contents)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return verdict("unverified", "its signature algorithm is not supported", name)
    if not genuine:
        return verdict("invalid", "the mail was altered after it was signed", name)
    refusal = _distrust(certificate, certificates, trusted, when)
    if refusal:
        return verdict("unverified", f"unaltered, but {refusal}", name)
    if not set(names) & set(senders):
        return verdict("unverified", "unaltered, but the signer is not the sender", name)
    return verdict("valid", "", name)


def addresses(certificate: x509.Certificate) -> list[str]:
    """The mail addresses a certificate is made out to, lower case."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = [name.lower() for name in names.get_values_for_type(x509.RFC822Name)]
    except (x509.ExtensionNotFound, ValueError):
        found = []
    subject = certificate.subject.get_attributes_for_oid(x509.NameOID.EMAIL_ADDRESS)
    return found + [str(attribute.value).lower() for attribute in subject]


def _is_of(certificate: x509.Certificate, signer: _Signer) -> bool:
    if signer.issuer_and_serial is not None:
        return (certificate.issuer.public_bytes(), certificate.serial_number) == signer.issuer_and_serial
    try:
        identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except (x509.ExtensionNotFound, ValueError):
        return False
    return identifier == signer.key_id


def _is_genuine(signer: _Signer, certificate: x509.Certificate, contents: Sequence[bytes]) -> bool:
    algorithm = _DIGESTS[signer.digest]
    if signer.attributes is None:
        return any(_signed_by(certificate, signer, content, algorithm) for content in contents)
    digests = [hashlib.new(algorithm.name, content).digest() for content in contents]
    stated = signer.message_digest or b""
    if not any(hmac.compare_digest(digest, stated) for digest in digests):
        return False
    return _signed_by(certificate, signer, signer.attributes, algorithm)


def _signed_by(certificate: x509.Certificate, signer: _Signer, data: bytes, algorithm: hashes.HashAlgorithm) -> bool:
    """Raises ValueError for a kind of key that signs no mail."""
    key = certificate.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            scheme = (
                padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO)
                if signer.algorithm == _PSS
                else padding.PKCS1v15()
            )
            key.verify(signer.value, data, scheme, algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signer.value, data, ec.ECDSA(algorithm))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signer.value, data)
        else:
            raise ValueError("unsupported key")
    except InvalidSignature:
        return False
    return True


def _distrust(
    certificate: x509.Certificate,
    certificates: Sequence[x509.Certificate],
    trusted: Sequence[x509.Certificate],
    when: datetime,
) -> str | None:
    """Why `certificate` proves nothing; None where it is trusted itself, or leads to one that is."""
    if not certificate.not_valid_before_utc <= when <= certificate.not_valid_after_utc:
        return "the signer's certificate was not valid at that time"
    if certificate in trusted:
        return None
    if not trusted:
        return "no trusted certificate is stored for this mailbox"
    authorities = ExtensionPolicy.permit_all().require_present(
        x509.BasicConstraints, Criticality.AGNOSTIC, _may_issue
    )  # fmt: skip
    people = ExtensionPolicy.permit_all().may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _may_sign_mail)
    policy = PolicyBuilder().store(Store(list(trusted))).time(when)
    policy = policy.extension_policies(ca_policy=authorities, ee_policy=people)
    try:
        policy.build_client_verifier().verify(certificate, list(certificates))
    except (VerificationError, ValueError, UnsupportedAlgorithm):
        return "its certificate leads to none that is trusted"
    return None


def _may_issue(policy: Policy, certificate: x509.Certificate, extension: x509.BasicConstraints) -> None:
    if not extension.ca:
        raise ValueError("no authority")


def _may_sign_mail(policy: Policy, certificate: x509.Certificate, extension: x509.ExtendedKeyUsage | None) -> None:
    allowed = (ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    if extension is not None and not any(usage in extension for usage in allowed):
        raise ValueError("not for mail")


def _read(data: bytes) -> _SignedData:
    """Raises NotBer, ValueError or IndexError for anything but a SignedData."""
    result = _SignedData()
    for element in signed_data(data)[3:]:
        if element.tag == 0xA0:
            certificates = [each for each in children(data, element) if each.tag == 0x30]
            for each in certificates[:_MAX_CERTIFICATES]:
                result.certificates.append(x509.load_der_x509_certificate(data[each.head : each.end]))
        elif element.tag == 0x31:
            result.signers = [_signer(data, signer) for signer in children(data, element)[:_MAX_SIGNERS]]
    return result


def _signer(data: bytes, element: Element) -> _Signer:
    _, identifier, digest, *rest = children(data, element)
    issuer_and_serial = key_id = attributes = message_digest = None
    if identifier.tag == 0x30:
        issuer, serial = children(data, identifier)
        issuer_and_serial = (
            data[issuer.head : issuer.end],
            int.from_bytes(data[serial.start : serial.stop], signed=True),
        )
    else:
        key_id = data[identifier.start : identifier.stop]
    if rest[0].tag == 0xA0:
        # What is signed is the set, under its own tag (RFC 5652 §5.4).
        attributes = b"\x31" + data[rest[0].head + 1 : rest[0].end]
        message_digest = _message_digest(data, rest[0])
        rest = rest[1:]
    algorithm, value = rest[:2]
    return _Signer(
        issuer_and_serial,
        key_id,
        _oid(data, digest),
        attributes,
        message_digest,
        _oid(data, algorithm),
        data[value.start : value.stop],
    )


def _oid(data: bytes, algorithm: Element) -> bytes:
    oid = children(data, algorithm)[0]
    return data[oid.start : oid.stop]


def _message_digest(data: bytes, attributes: Element) -> bytes | None:
    for attribute in children(data, attributes):
        kind, values = children(data, attribute)
        if data[kind.start : kind.stop] == _MESSAGE_DIGEST:
            digest = children(data, values)[0]
            return data[digest.start : digest.stop]
    return None
