"""Our own reply token: proof that a mail answers one of our tickets, which nobody else can make.

`pr` and one run of base32 (RFC 4648 §6, lower case): no mail program breaks a line in it, case does not matter, and as
plus-address (`support+TOKEN@…`) it stays under the 64 octets of a local part (RFC 5321 §4.5.3.1.1). The bytes: flags,
key hint, ticket number (5), last day of validity (2, days since 2020, 0 for none), for a bound token a keyed digest of
its recipient (5), and a 128-bit HMAC-SHA256 over tenant and all of that.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from domain.address import canonical

_EPOCH = date(2020, 1, 1)
_PLAIN, _BOUND = 0x10, 0x11
_HEAD, _RECIPIENT, _MAC = 9, 5, 16
MAX_TICKET_NUMBER = 2**40 - 1

_TOKEN = re.compile(r"(?<![a-z0-9])pr([a-z2-7]{48}|[a-z2-7]{40})(?![a-z0-9])", re.IGNORECASE)
# What quoting, wrapping and mark-up put between the letters of a token in a body.
_NOISE = re.compile(r"[\s>|*_=\u00ad\u200b-\u200d\u2060\ufeff]+")
_GAP = r"[\s>|*_=\u00ad\u200b-\u200d\u2060\ufeff]{0,8}"
# How every token begins (its first byte is the flags), and how far an interrupted one may reach.
_BEGIN = re.compile(f"[pP]{_GAP}[rR](?={_GAP}[cC]{_GAP}[a-hA-H])")
_REACH = 300
_MAX_BODY = 100_000
_MAX_CANDIDATES = 500


@dataclass(frozen=True, slots=True)
class Found:
    """A genuine token. `bound`: it was issued to one recipient; `issued_to_sender`: that is who sends it now."""

    ticket_number: int
    expired: bool = False
    bound: bool = False
    issued_to_sender: bool = False

    @property
    def rank(self) -> tuple[bool, bool, bool]:
        """The best of several tokens has the highest."""
        return (not self.expired, self.issued_to_sender or not self.bound, self.bound)


def mint(
    keys: Mapping[str, bytes],
    tenant_id: UUID,
    ticket_number: int,
    *,
    recipient: str | None = None,
    expires: date | None = None,
) -> str:
    """A token under the first of `keys` (key id → 32 bytes), valid through the day `expires`.

    With a `recipient`, only mail from that address may use it as its right to write.
    """
    if not 0 < ticket_number <= MAX_TICKET_NUMBER:
        raise ValueError("no ticket number")
    key_id, key = next(iter(keys.items()))
    days = max(1, (expires - _EPOCH).days) if expires else 0
    head = bytes([_BOUND if recipient else _PLAIN, _hint(key_id)])
    head += ticket_number.to_bytes(5) + min(days, 0xFFFF).to_bytes(2)
    if recipient:
        head += _digest(key, tenant_id, recipient)
    return "pr" + base64.b32encode(head + _mac(key, tenant_id, head)).decode().lower()


def find(
    keys: Mapping[str, bytes], tenant_id: UUID, texts: Iterable[str], *, sender: str = "", today: date | None = None
) -> Found | None:
    """The best genuine token in `texts`, such as addresses and Message-IDs; forged ones and those of other tenants are
    passed over. Without `today` nothing has expired."""
    candidates = (match[1] for text in texts for match in _TOKEN.finditer(text))
    return _best(keys, tenant_id, candidates, sender, today)


def find_in_body(
    keys: Mapping[str, bytes], tenant_id: UUID, body: str, *, sender: str = "", today: date | None = None
) -> Found | None:
    """As `find`, in the text of a mail: quoted, wrapped and with the words around it translated."""
    return _best(keys, tenant_id, _in_body(body[:_MAX_BODY]), sender, today)


def _in_body(text: str) -> Iterator[str]:
    """Whatever may be a token, however it is interrupted and whatever stands beside it."""
    for match in _BEGIN.finditer(text):
        letters = _NOISE.sub("", text[match.end() : match.end() + _REACH])
        yield letters[:40]
        yield letters[:48]


def _best(
    keys: Mapping[str, bytes], tenant_id: UUID, candidates: Iterable[str], sender: str, today: date | None
) -> Found | None:
    best: Found | None = None
    for number, candidate in enumerate(candidates):
        if number >= _MAX_CANDIDATES:
            break
        found = _read(keys, tenant_id, candidate, sender, today)
        if found is not None and (best is None or found.rank > best.rank):
            best = found
    return best


def _read(keys: Mapping[str, bytes], tenant_id: UUID, text: str, sender: str, today: date | None) -> Found | None:
    try:
        data = base64.b32decode(text.upper())
    except ValueError:
        return None
    bound = data[:1] == bytes([_BOUND])
    if len(data) != _HEAD + _MAC + (_RECIPIENT if bound else 0) or data[0] not in (_PLAIN, _BOUND):
        return None
    head, mac = data[:-_MAC], data[-_MAC:]
    for key_id, key in keys.items():
        if data[1] != _hint(key_id) or not hmac.compare_digest(mac, _mac(key, tenant_id, head)):
            continue
        days = int.from_bytes(head[7:9])
        expired = bool(days and today and today > _EPOCH + timedelta(days=days))
        issued = bound and bool(sender) and hmac.compare_digest(head[_HEAD:], _digest(key, tenant_id, sender))
        return Found(int.from_bytes(head[2:7]), expired, bound, issued)
    return None


def _hint(key_id: str) -> int:
    return hashlib.sha256(key_id.encode()).digest()[0]


def _mac(key: bytes, tenant_id: UUID, head: bytes) -> bytes:
    return hmac.digest(key, b"token" + tenant_id.bytes + head, "sha256")[:_MAC]


def _digest(key: bytes, tenant_id: UUID, recipient: str) -> bytes:
    """Nobody without the key can find another address with this digest."""
    return hmac.digest(key, b"recipient" + tenant_id.bytes + canonical(recipient).encode(), "sha256")[:_RECIPIENT]
