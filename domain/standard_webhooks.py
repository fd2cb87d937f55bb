"""Standard Webhooks signatures (standardwebhooks.com, version 1.0.0): HMAC-SHA256 over id, timestamp and body."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

TOLERANCE = 5 * 60
_PREFIX = "whsec_"


class BadSignature(Exception):
    """The request is not authentic, or too old to be accepted. The text names the header, never a secret."""


def new_secret() -> str:
    """One that nobody has yet."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of itself, before its body is read: well-formed and recent, not yet authentic."""

    webhook_id: str
    timestamp: int
    signatures: tuple[str, ...]


def claim(headers: Mapping[str, str], *, now: float | None = None) -> Claim:
    """Raises BadSignature. `webhook-signature` may hold several, for rotation."""
    webhook_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not webhook_id or len(webhook_id) > 200 or not webhook_id.isascii():
        raise BadSignature("webhook-id is missing or malformed")
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        raise BadSignature("webhook-timestamp is missing or malformed")
    if abs((time.time() if now is None else now) - int(stamp)) > TOLERANCE:
        raise BadSignature("webhook-timestamp is more than five minutes off")
    given = tuple(one for one in headers.get("webhook-signature", "")[:2000].split(" ")[:10] if one.startswith("v1,"))
    if not given:
        raise BadSignature("webhook-signature is missing or malformed")
    return Claim(webhook_id, int(stamp), given)


def verify(claimed: Claim, accepted: Iterable[str], body: bytes) -> None:
    """Raises BadSignature unless one of the `accepted` secrets (`whsec_<base64>`) made one of the signatures."""
    for secret in accepted:
        expected = sign(secret, claimed.webhook_id, claimed.timestamp, body).encode()
        if any(hmac.compare_digest(expected, signature.encode()) for signature in claimed.signatures):
            return
    raise BadSignature("webhook-signature does not match")


def sign(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature` for these three. Raises ValueError for a malformed secret."""
    if not secret.startswith(_PREFIX):
        raise ValueError("a webhook secret begins with whsec_")
    try:
        key = base64.b64decode(secret[len(_PREFIX) :], validate=True)
    except binascii.Error:
        raise ValueError("a webhook secret is whsec_ and base64") from None
    mac = hmac.new(key, f"{webhook_id}.{timestamp}.".encode(), "sha256")
    mac.update(body)
    return "v1," + base64.b64encode(mac.digest()).decode()
