"""OpenPGP messages opened, and signatures verified, with the keys at hand (RFC 9580, PGP/MIME RFC 3156)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from openpgp.composed import CleartextSignedMessage, DetachedSignature, Message, SignedPublicKey, SignedSecretKey

from domain.email import Signature

T = TypeVar("T")

_ARMOR = b"-----BEGIN PGP "


@dataclass(frozen=True, slots=True)
class Opened:
    """The content of an encrypted message, and the verdict on the signature inside it, if there is one."""

    content: bytes
    signature: Signature | None


class OpenPgp:
    """Keys of one mailbox: `secret` open messages, `certificates` verify signatures; both in armor."""

    def __init__(self, secret: Sequence[str], certificates: Sequence[str]) -> None:
        """Leaves out what cannot be read or whose parts are not bound to each other."""
        self._secret = _readable(secret_key, secret)
        self._certificates = _readable(certificate, certificates)

    def decrypt(self, data: bytes, senders: Sequence[str]) -> Opened | None:
        """The message in `data` (armored or not); None where no key fits. `senders`: addresses in From, lower case."""
        message = _attempt(partial(_message, data))
        if message is None:
            return None
        for key in self._secret:
            opened = _attempt(partial(message.decrypt, None, key))
            content = _attempt(opened.as_data_vec) if opened is not None else None
            if opened is not None and content is not None:
                signed = _attempt(opened.signatures) or []
                return Opened(content, self._judged(signed[0], opened.verify_signature, senders) if signed else None)
        return None

    def verify_detached(self, signature: bytes, contents: Sequence[bytes], senders: Sequence[str]) -> Signature:
        """The verdict on a detached signature over one of `contents` (the same entity with other line endings)."""
        read = _attempt(partial(_detached, signature))
        if read is None:
            return Signature(method="openpgp", verdict="unverified", detail="the signature cannot be read")

        def check(key: SignedPublicKey) -> object:
            verified = (_attempt(partial(read.verify_signature, key, content)) for content in contents)
            return next(filter(None, verified), None)

        return self._judged(read.signature, check, senders)

    def verify_cleartext(self, armored: str, senders: Sequence[str]) -> Signature:
        """The verdict on a message under the cleartext signature framework (RFC 9580 §7)."""
        message = _attempt(partial(_cleartext, armored))
        signatures = _attempt(message.signatures) if message is not None else None
        if message is None or not signatures:
            return Signature(method="openpgp", verdict="unverified", detail="the signature cannot be read")
        return self._judged(signatures[0], message.verify_signature, senders)

    def _judged(self, signature: Any, check: Callable[[SignedPublicKey], object], senders: Sequence[str]) -> Signature:
        issuers = {text.lower() for text in (*signature.issuer_key_id(), *signature.issuer_fingerprint())}
        for key in self._certificates:
            if not issuers & _names(key):
                continue
            owner = key.user_ids[0] if key.user_ids else key.fingerprint
            if _attempt(partial(check, key)) is None:
                detail = "the mail was altered after it was signed"
                return Signature(method="openpgp", verdict="invalid", signer=owner, detail=detail)
            if not _owned_by(key, senders):
                detail = "unaltered, but the signer is not the sender"
                return Signature(method="openpgp", verdict="unverified", signer=owner, detail=detail)
            return Signature(method="openpgp", verdict="valid", signer=owner)
        detail = "the signer's key is not stored for this mailbox"
        return Signature(method="openpgp", verdict="unverified", detail=detail)


def secret_key(armored: str) -> SignedSecretKey:
    """Raises ValueError for anything but a secret key that needs no passphrase."""
    key, _ = SignedSecretKey.from_armor(armored)
    key.verify_bindings()
    return key


def is_unlocked(key: SignedSecretKey) -> bool:
    """Whether it can be used without a passphrase."""
    return all(s2k.usage_id == 0 for s2k in (key.primary_secret_s2k(), *key.secret_subkey_s2ks()))


def certificate(armored: str) -> SignedPublicKey:
    """Raises ValueError for anything but a public key."""
    key, _ = SignedPublicKey.from_armor(armored)
    key.verify_bindings()
    return key


def _owned_by(key: SignedPublicKey, senders: Sequence[str]) -> bool:
    identities = [identity.strip().lower() for identity in key.user_ids]
    return any(identity == sender or identity.endswith(f"<{sender}>") for identity in identities for sender in senders)


def _names(key: SignedPublicKey) -> set[str]:
    names = {key.key_id.lower(), key.fingerprint.lower()}
    for subkey in key.public_subkeys:
        names |= {subkey.key.key_id.lower(), subkey.key.fingerprint.lower()}
    return names


def _message(data: bytes) -> Message:
    start = data.find(_ARMOR)
    return Message.from_armor(data[start:].decode("ascii", "replace"))[0] if start >= 0 else Message.from_bytes(data)


def _detached(data: bytes) -> DetachedSignature:
    if _ARMOR in data:
        return DetachedSignature.from_armor(data[data.find(_ARMOR) :].decode("ascii", "replace"))[0]
    return DetachedSignature.from_bytes(data)


def _cleartext(armored: str) -> CleartextSignedMessage:
    return CleartextSignedMessage.from_armor(armored)[0]


def _readable(read: Callable[[str], T], texts: Sequence[str]) -> list[T]:
    return [key for key in (_attempt(partial(read, text)) for text in texts) if key is not None]


def _attempt(call: Callable[[], T]) -> T | None:
    """The result, or None where the library refuses; a panic of its native code is no Exception."""
    try:
        return call()
    except (MemoryError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        return None
