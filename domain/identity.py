"""Who a message is: its key in the ledger, its workflow's id, the ids of everything made from it.

A header value never selects another scheme: a key derived from a locator is written in angle brackets, which
no key taken from a header can hold.
"""

from __future__ import annotations

import hashlib
import re
from uuid import NAMESPACE_URL, UUID, uuid5

# Temporal keeps workflow ids in a 255-character column on SQL persistence.
MAX_WORKFLOW_ID = 255
MAX_MESSAGE_ID = 512

_NAMESPACE = uuid5(NAMESPACE_URL, "https://postroom.dev/ids")
_TOKEN = re.compile(r"[!-;=?-~]+")  # printable ASCII but the angle brackets
_HEADER = re.compile(rb"^message-id[ \t]*:((?:[^\r\n]|\r?\n[ \t])*)", re.IGNORECASE | re.MULTILINE)
HEADER_WINDOW = 256 * 1024


def message_id(value: str | None) -> str | None:
    """A Message-ID (or one id of References) without brackets, its domain lower-cased; None if it is not one token.

    RFC 5322 section 3.6.4: the domain is case-insensitive, what stands before it is not.
    """
    if value is None:
        return None
    token = value.strip()
    if token.startswith("<") and token.endswith(">"):
        token = token[1:-1].strip()
    if len(token) > MAX_MESSAGE_ID or not _TOKEN.fullmatch(token):
        return None
    local, at, domain = token.rpartition("@")
    return f"{local}@{domain.lower()}" if at else token


def message_key(header: str | None, locator: str) -> str:
    """The key by which the ledger knows a message: its Message-ID, or one derived from where it lies."""
    return message_id(header) or f"<locator-{hashlib.sha256(locator.encode()).hexdigest()}>"


def is_derived(key: str) -> bool:
    """Whether a message key was derived from where the message lies."""
    return key.startswith("<")


def header_message_id(raw: bytes) -> str | None:
    """The raw Message-ID value of a message's bytes, for sources that hand over the whole message."""
    window = raw[:HEADER_WINDOW]
    end = re.search(rb"\r?\n\r?\n", window)
    match = _HEADER.search(window[: end.start()] if end else window)
    return match[1].decode("ascii", "replace").strip() if match else None


def sighting(locator: str) -> str:
    """What tells a second sighting of the same key apart from the first."""
    return hashlib.sha256(locator.encode()).hexdigest()[:12]


def email_workflow_id(mailbox_id: UUID, key: str, second: str = "") -> str:
    """`inbound-email/<mailbox>/<key>`, with `~<sighting>` for a second sighting.

    A tilde of the key itself is doubled, so an odd run of tildes always marks a sighting; a key too long for
    Temporal's column is replaced by its digest.
    """
    escaped = key.replace("~", "~~")
    prefix = f"inbound-email/{mailbox_id}/"
    suffix = f"~{second}" if second else ""
    if len(prefix) + len(escaped) + len(suffix) > MAX_WORKFLOW_ID:
        escaped = f"<sha256-{hashlib.sha256(key.encode()).hexdigest()}>"
    return prefix + escaped + suffix


def mailbox_workflow_id(mailbox_id: UUID) -> str:
    return f"mailbox/{mailbox_id}"


def mailbox_job_workflow_id(job_id: UUID) -> str:
    return f"mailbox-job/{job_id}"


def listener_workflow_id(shard: int) -> str:
    return f"listener/{shard}"


def event_delivery_workflow_id(endpoint_id: UUID) -> str:
    return f"event-delivery/{endpoint_id}"


def shard_of(mailbox_id: UUID, shards: int) -> int:
    """Which listener shard serves a mailbox; the same on every machine and in every release."""
    return int.from_bytes(hashlib.sha256(mailbox_id.bytes).digest()[:4]) % shards


def derived_id(email_id: UUID, what: str) -> UUID:
    """The id of something made from an email (`ticket`, `comment`, `attachment/3`): the same on every attempt."""
    return uuid5(_NAMESPACE, f"{email_id}/{what}")


def short_hash(key: str) -> str:
    """A Message-ID for places where it must not stand itself (search attributes, logs)."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


# Header fields that differ between two deliveries of one message: added or rewritten on the way, never by the author.
_TRANSPORT = re.compile(
    rb"(?:received|return-path|delivered-to|x-original-to|envelope-to|delivery-date|x-received|received-spf"
    rb"|authentication-results|arc-[a-z-]+|dkim-signature|x-[a-z0-9-]+|list-[a-z-]+|status)[ \t]*:",
    re.IGNORECASE,
)
_FIELD = re.compile(rb"[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*")


def content_digest(raw: bytes) -> str:
    """sha256 of a message without its transport headers and with uniform line ends: equal for two deliveries."""
    match = re.search(rb"\r?\n\r?\n", raw)
    head, body = (raw[: match.start()], raw[match.end() :]) if match else (raw, b"")
    digest = hashlib.sha256()
    for field in _FIELD.findall(head):
        if field and not _TRANSPORT.match(field):
            digest.update(b"\n".join(field.splitlines()) + b"\n")
    digest.update(b"\n")
    digest.update(body.replace(b"\r\n", b"\n").rstrip(b"\n"))
    return digest.hexdigest()
