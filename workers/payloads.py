"""Encryption of what enters Temporal, for those who want it on top: AES-256-GCM, keys derived from the master keys.

Histories hold no content in any case; with this, whoever runs the Temporal cluster does not even see ids, sizes and
decisions. Search attributes stay readable: Temporal searches them. What was written in clear before this was on is
read as it is. The first master key encrypts, all decrypt: a key may go once no run remembers it, which is the
namespace's retention after the rotation.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from storage.secrets import KeyRing, SecretError

ENCODING = b"binary/encrypted"
_KEY_ID = "encryption-key-id"


class PayloadSettings(BaseSettings):
    """`POSTROOM_ENCRYPT_PAYLOADS`, the same in every process, and the master keys."""

    model_config = SettingsConfigDict(env_prefix="POSTROOM_", extra="ignore")

    encrypt_payloads: bool = False
    master_keys: SecretStr = SecretStr("")


class EncryptedPayloads(PayloadCodec):
    """`keys` by id, 32 bytes each; the first encrypts.

    Nonces are random: one key is good for 2^32 payloads (NIST SP 800-38D section 8.3), some 200 million mails.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = next(iter(self._ciphers))

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._encrypted(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises SecretError for an unknown key, or a payload that was altered."""
        return [self._decrypted(payload) for payload in payloads]

    def _encrypted(self, payload: Payload) -> Payload:
        nonce, key_id = os.urandom(12), self._current.encode()
        data = self._ciphers[self._current].encrypt(nonce, payload.SerializeToString(), key_id)
        return Payload(metadata={"encoding": ENCODING, _KEY_ID: key_id}, data=nonce + data)

    def _decrypted(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        key_id = payload.metadata.get(_KEY_ID, b"")
        cipher = self._ciphers.get(key_id.decode("utf-8", "replace"))
        if cipher is None:
            raise SecretError("A payload of Temporal was encrypted under a master key that is no longer there.")
        try:
            return Payload.FromString(cipher.decrypt(payload.data[:12], payload.data[12:], key_id))
        except (InvalidTag, ValueError):
            raise SecretError("A payload of Temporal does not open: it was altered.") from None


def configured() -> EncryptedPayloads | None:
    """As the environment says; None where payloads stay readable. Raises SecretError for keys that cannot be read."""
    settings = PayloadSettings()
    if not settings.encrypt_payloads:
        return None
    return EncryptedPayloads(KeyRing(settings.master_keys.get_secret_value()).derive("temporal-payload"))


def converter(codec: PayloadCodec | None) -> DataConverter:
    """Failures' texts and traces are payloads, too, where these are encrypted."""
    if codec is None:
        return pydantic_data_converter
    return replace(
        pydantic_data_converter,
        payload_codec=codec,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
