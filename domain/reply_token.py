"""Our own reply token: proof that a mail answers one of our tickets, which nobody else can make.

`<key id>.<ticket uuid, base32>.<128-bit HMAC-SHA256 over tenant and ticket, base32>`, in lower case: it survives as a
plus-address (`support+TOKEN@…`) and inside a Message-ID we mint (`<TOKEN.…@…>`).
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Mapping
from uuid import UUID

_TOKEN = re.compile(r"pr-([a-z0-9]{1,8})-([a-z2-7]{26})-([a-z2-7]{26})", re.IGNORECASE)


def mint(keys: Mapping[str, bytes], tenant_id: UUID, ticket_id: UUID) -> str:
    """A token under the first of `keys` (key id → 32 bytes)."""
    key_id, key = next(iter(keys.items()))
    return f"pr-{key_id.lower()}-{_b32(ticket_id.bytes)}-{_mac(key, tenant_id, ticket_id)}"


def find(keys: Mapping[str, bytes], tenant_id: UUID, texts: Iterable[str]) -> UUID | None:
    """The ticket of the first genuine token in `texts`; forged ones and those of other tenants are passed over."""
    by_id = {key_id.lower(): key for key_id, key in keys.items()}
    for text in texts:
        for match in _TOKEN.finditer(text):
            key_id, ticket, mac = (part.lower() for part in match.groups())
            key = by_id.get(key_id)
            if key is None:
                continue
            ticket_id = UUID(bytes=base64.b32decode(ticket.upper() + "======"))
            if hmac.compare_digest(mac, _mac(key, tenant_id, ticket_id)):
                return ticket_id
    return None


def _mac(key: bytes, tenant_id: UUID, ticket_id: UUID) -> str:
    return _b32(hmac.digest(key, tenant_id.bytes + ticket_id.bytes, "sha256")[:16])


def _b32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()
