"""Sealed secrets: AES-256-GCM envelopes under a key ring.

Each secret has a data key of its own; the data key is sealed by the ring's current master key. Both layers bind the
tenant, table and row as associated data, so a ciphertext moved elsewhere does not open. Rotation re-seals the data
key only. Format: `v1:<key id>:<sealed data key>:<sealed secret>`, each sealed part base64(nonce || ciphertext || tag).
"""

from __future__ import annotations

import base64
import binascii
import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class SecretError(Exception):
    """A key ring that cannot be read, or a secret that does not open. Never carries the secret."""


class KeyRing:
    """`k2:<base64>,k1:<base64>`: 32-byte master keys by id; the first seals, all open."""

    def __init__(self, keys: str) -> None:
        self._keys: dict[str, bytes] = {}
        for entry in filter(None, (part.strip() for part in keys.split(","))):
            key_id, _, encoded = entry.partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                key = b""
            if not key_id.isalnum() or len(key) != 32:
                raise SecretError("POSTROOM_MASTER_KEYS must be ID:BASE64[,ID:BASE64…], each key 32 bytes.")
            self._keys[key_id] = key
        if not self._keys:
            raise SecretError("POSTROOM_MASTER_KEYS holds no key.")
        self.current = next(iter(self._keys))

    def seal(self, secret: bytes, *, tenant_id: UUID, table: str, row: str) -> str:
        context = _context(tenant_id, table, row)
        data_key = AESGCM.generate_key(256)
        return self._envelope(data_key, _seal(data_key, secret, context), context)

    def open(self, sealed: str, *, tenant_id: UUID, table: str, row: str) -> bytes:
        """Raises SecretError when the key is unknown, or the text was altered or belongs to another row."""
        context = _context(tenant_id, table, row)
        data_key, body = self._unwrap(sealed, context)
        return _open(data_key, body, context)

    def rotate(self, sealed: str, *, tenant_id: UUID, table: str, row: str) -> str:
        """The same secret under the current master key."""
        context = _context(tenant_id, table, row)
        data_key, body = self._unwrap(sealed, context)
        return self._envelope(data_key, body, context)

    def derive(self, purpose: str) -> dict[str, bytes]:
        """A 32-byte key for one purpose from each master key, by id, the current one first (HKDF, RFC 5869)."""
        return {
            key_id: HKDF(hashes.SHA256(), 32, salt=None, info=f"postroom {purpose}".encode()).derive(key)
            for key_id, key in self._keys.items()
        }

    def _envelope(self, data_key: bytes, body: str, context: bytes) -> str:
        return f"v1:{self.current}:{_seal(self._keys[self.current], data_key, context)}:{body}"

    def _unwrap(self, sealed: str, context: bytes) -> tuple[bytes, str]:
        version, _, rest = sealed.partition(":")
        key_id, _, rest = rest.partition(":")
        wrapped, _, body = rest.partition(":")
        if version != "v1" or key_id not in self._keys:
            raise SecretError(f"No master key {key_id!r} in POSTROOM_MASTER_KEYS.")
        return _open(self._keys[key_id], wrapped, context), body


def _context(tenant_id: UUID, table: str, row: str) -> bytes:
    return f"{tenant_id}|{table}|{row}".encode()


def _seal(key: bytes, plain: bytes, context: bytes) -> str:
    nonce = os.urandom(12)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, plain, context)).decode()


def _open(key: bytes, text: str, context: bytes) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
        return AESGCM(key).decrypt(data[:12], data[12:], context)
    except (InvalidTag, binascii.Error, ValueError) as error:
        raise SecretError("A sealed secret does not open: it was altered or moved.") from error
