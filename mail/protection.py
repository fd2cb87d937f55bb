"""Signed and encrypted parts of a mail: read through, opened and verified with the keys that are at hand.

S/MIME (RFC 8551): opaque and detached signatures, envelopes. OpenPGP: PGP/MIME (RFC 3156) and armor inside a text.
The modules that know cryptography are imported when a mail needs them: most parser processes never meet one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from domain.email import Signature
from domain.mail_keys import MailKey, MailKeyKind
from mail import leaf, pgp, smime
from mail.addresses import parse_addresses
from mail.headers import Headers
from mail.problems import Problems
from mail.tree import Node, Tree

if TYPE_CHECKING:
    from mail.openpgp import OpenPgp

_PKCS7_TYPES = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_SMIME_SIGNATURES = ("application/pkcs7-signature", "application/x-pkcs7-signature")
_MAX_SIGNATURES = 20


class Protection:
    """What was opened and verified in one mail: `signatures`, `decrypted`; what no key opens goes to `problems`."""

    def __init__(self, keys: Sequence[MailKey], problems: Problems, when: datetime | None) -> None:
        """`when` (aware): the arrival, at which certificates have to be valid; now, where it is not known."""
        self.signatures: list[Signature] = []
        self.decrypted = False
        self._keys = keys
        self._problems = problems
        self._when = when or datetime.now(UTC)
        self._senders: list[str] = []
        # Whether what is being verified is all that the mail says: a stranger can put text around a signed part.
        self._covers_all = False

    def open(self, tree: Tree) -> None:
        """Reads through everything in `tree` that is signed or that a key opens; what was inside becomes its child."""
        self._senders = _senders(tree.root.headers)
        whole: Node | None = tree.root
        pending = [tree.root]
        while pending:
            node = pending.pop()
            self._covers_all = node is whole
            try:
                self._read(node, tree)
            except Exception as error:
                if isinstance(error, MemoryError):
                    raise
                self._problems.add("protection_unread", type(error).__name__)
            if node is whole:
                whole = _content(node)
            pending.extend(node.children)

    def _read(self, node: Node, tree: Tree) -> None:
        if node.type == "multipart/signed" and len(node.children) > 1:
            self._verify_detached(node)
        elif node.type == "multipart/encrypted" and node.children:
            self._open_pgp(node, tree)
        elif node.type in _PKCS7_TYPES and not node.children:
            self._open_smime(node, tree)

    def inline(self, text: str) -> tuple[str, str | None]:
        """(`text` with its OpenPGP armor opened or taken off, the signature's armor if it was signed)."""
        if pgp.is_encrypted(text):
            return self._decrypt_inline(text), None
        signed = pgp.signed_text(text)
        if signed is None:
            return text, None
        block = pgp.signed_block(text)
        self._covers_all = text.strip() == block.strip()
        self._note(self._pgp.verify_cleartext(block, self._senders) if self._pgp else _unknown_key())
        return signed

    def _open_smime(self, node: Node, tree: Tree) -> None:
        data, _ = leaf.content(node)
        inner = smime.signed_content(data)
        if inner is not None:
            self._note(self._smime_verdict(data, [inner]))
            tree.graft(node, inner)
        elif smime.is_enveloped(data) or "enveloped" in node.parameters.get("smime-type", ""):
            opened = self._decrypt_smime(data)
            if opened is None:
                self._problems.add("encrypted", "S/MIME")
                return
            self.decrypted = True
            tree.graft(node, opened)

    def _open_pgp(self, node: Node, tree: Tree) -> None:
        payload = node.children[-1]
        data, _ = leaf.content(payload)
        opened = self._pgp.decrypt(data, self._senders) if self._pgp else None
        if opened is None:
            self._problems.add("encrypted", "OpenPGP")
            return
        self.decrypted = True
        self._note(opened.signature)
        tree.graft(payload, opened.content)

    def _verify_detached(self, node: Node) -> None:
        content, last = node.children[0], node.children[-1]
        contents = _canonical(node.source[content.head : content.end])
        signature, _ = leaf.content(last)
        if last.type in _SMIME_SIGNATURES:
            self._note(self._smime_verdict(signature, contents))
        elif last.type == "application/pgp-signature":
            verdict = self._pgp.verify_detached(signature, contents, self._senders) if self._pgp else _unknown_key()
            self._note(verdict)

    def _decrypt_inline(self, text: str) -> str:
        start, end = pgp.encrypted_block(text)
        opened = self._pgp.decrypt(text[start:end].encode(), self._senders) if self._pgp else None
        if opened is None:
            self._problems.add("encrypted", "OpenPGP")
            return text
        self.decrypted = True
        self._covers_all = not (text[:start] + text[end:]).strip()
        self._note(opened.signature)
        return text[:start] + opened.content.decode(errors="replace").replace("\r\n", "\n") + text[end:]

    def _decrypt_smime(self, envelope: bytes) -> bytes | None:
        pems = self._contents_of("smime_key")
        if not pems:
            return None
        from mail import smime_keys

        return smime_keys.decrypt(envelope, pems)

    def _smime_verdict(self, data: bytes, contents: Sequence[bytes]) -> Signature:
        from mail import smime_keys, smime_signature

        trusted = smime_keys.certificates(self._contents_of("smime_certificate"))
        return smime_signature.verify(data, contents, trusted, self._senders, self._when)

    def _note(self, signature: Signature | None) -> None:
        if signature is None or len(self.signatures) >= _MAX_SIGNATURES:
            return
        if signature.verdict == "valid" and not self._covers_all:
            signature = signature.model_copy(
                update={"verdict": "unverified", "detail": "covers only a part of the mail"}
            )
        self.signatures.append(signature)
        if signature.verdict == "invalid":
            self._problems.add("invalid_signature", signature.detail)

    @cached_property
    def _pgp(self) -> OpenPgp | None:
        secret, certificates = self._contents_of("openpgp_key"), self._contents_of("openpgp_certificate")
        if not (secret or certificates):
            return None
        from mail.openpgp import OpenPgp

        return OpenPgp(secret, certificates)

    def _contents_of(self, kind: MailKeyKind) -> list[str]:
        return [key.content for key in self._keys if key.kind == kind]


def _content(node: Node) -> Node | None:
    """What `node` wraps, where it wraps the whole of one entity."""
    if not node.children:
        return None
    if node.type == "multipart/encrypted":
        return node.children[-1]
    return None if node.type.startswith("multipart/") and node.type != "multipart/signed" else node.children[0]


def _senders(headers: Headers) -> list[str]:
    """The first address in From, which is the one that the mail counts as coming from."""
    fields = headers.all_unfolded("from")
    return [address.address.lower() for field in fields for address in parse_addresses(field, 1)[0]][:1]


def _canonical(entity: bytes) -> list[bytes]:
    """What may have been signed: the entity as it arrived, and with the line endings it was sent with."""
    lines = entity.replace(b"\r\n", b"\n")
    return [entity, lines.replace(b"\n", b"\r\n")] if b"\n" in entity else [entity]


def _unknown_key() -> Signature:
    detail = "the signer's key is not stored for this mailbox"
    return Signature(method="openpgp", verdict="unverified", detail=detail)
