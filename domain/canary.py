"""The delivery canary: a mail that a mailbox sends to itself, known on arrival by its subject, which nobody can forge.

The subject ends in base32 (RFC 4648 §6, lower case) of the canary's id and a 128-bit HMAC-SHA256 over tenant, mailbox
and id. Headers of our own would not do: some systems on the way drop what they do not know.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from uuid import UUID

_SUBJECT = re.compile(r"postroom delivery check ([a-z2-7]{52})")
_PADDING = "===="


def mail(keys: Mapping[str, bytes], tenant_id: UUID, mailbox_id: UUID, canary_id: UUID, address: str,
         sent_at: datetime) -> EmailMessage:  # fmt: skip
    """The mail, under the first of `keys` (key id → 32 bytes)."""
    token = base64.b32encode(canary_id.bytes + _mac(next(iter(keys.values())), tenant_id, mailbox_id, canary_id))
    message = EmailMessage()
    message["From"] = message["To"] = address
    message["Date"] = format_datetime(sent_at)
    message["Subject"] = f"postroom delivery check {token.decode().rstrip('=').lower()}"
    message["Message-ID"] = make_msgid(domain=address.rpartition("@")[2])
    # RFC 3834: nobody answers this.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(
        "postroom sent this mail to find out whether mail to this mailbox arrives, and how fast. It makes no ticket, "
        "and may be deleted.\n"
    )
    return message


def recognise(keys: Mapping[str, bytes], tenant_id: UUID, mailbox_id: UUID, subject: str) -> UUID | None:
    """The canary's id, when this is the subject of a genuine one of this mailbox."""
    match = _SUBJECT.fullmatch(subject)
    if match is None:
        return None
    token = base64.b32decode(match[1].upper() + _PADDING)
    canary_id = UUID(bytes=token[:16])
    macs = [_mac(key, tenant_id, mailbox_id, canary_id) for key in keys.values()]
    return canary_id if any(hmac.compare_digest(mac, token[16:]) for mac in macs) else None


def _mac(key: bytes, tenant_id: UUID, mailbox_id: UUID, canary_id: UUID) -> bytes:
    text = b"canary" + tenant_id.bytes + mailbox_id.bytes + canary_id.bytes
    return hmac.new(key, text, hashlib.sha256).digest()[:16]
