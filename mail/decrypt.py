"""S/MIME mail opened with the mailbox's own key (RFC 8551 §3.3), into a mail that `mail.parse` reads."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs7

from mail import leaf, smime
from mail.limits import DEFAULT
from mail.problems import Problems
from mail.source import prepare
from mail.tree import Tree

_REPLACED = ("content-", "mime-version")


def decrypt_smime(raw: bytes, certificate: bytes, private_key: bytes) -> bytes | None:
    """`raw` with its enveloped entity in the clear, the other headers as they were; None where the key does not fit.

    `certificate` and `private_key` are PEM. Only a mail that is enveloped as a whole is opened, by an RSA key.
    Raises ValueError for a certificate or key that is not one.
    """
    recipient = x509.load_pem_x509_certificate(certificate)
    key = load_pem_private_key(private_key, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("only RSA keys open S/MIME mail")
    tree = Tree(prepare(raw, DEFAULT, Problems()), DEFAULT)
    envelope, _ = leaf.content(tree.root)
    if tree.root.children or not smime.is_enveloped(envelope):
        return None
    try:
        entity = pkcs7.pkcs7_decrypt_der(envelope, recipient, key, [])
    except (ValueError, UnsupportedAlgorithm):
        return None
    return _kept_headers(tree) + entity


def _kept_headers(tree: Tree) -> bytes:
    root = tree.root
    block = root.source[root.head : root.start].rstrip(b"\r\n")
    kept: list[bytes] = []
    keep = True
    for line in block.split(b"\n"):
        if line[:1] not in (b" ", b"\t"):
            keep = not line.lower().startswith(tuple(name.encode() for name in _REPLACED))
        if keep:
            kept.append(line.rstrip(b"\r") + b"\r\n")
    return b"".join(kept)
