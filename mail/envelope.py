"""What the header block says of a mail: people, time, identity."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain.email import Address
from mail.addresses import parse_addresses
from mail.dates import parse_date, received_date
from mail.headers import Headers
from mail.identifiers import message_id, message_ids
from mail.limits import Limits
from mail.problems import Problems

_MAX_SUBJECT = 10_000


def read_envelope(headers: Headers, received_at: datetime | None, limits: Limits, problems: Problems) -> dict[str, Any]:
    """The fields of `ParsedEmail` that come from headers, by field name."""
    senders = _senders(headers, limits, problems)
    reply_to, sender = (_addresses(headers, name, limits, problems) for name in ("reply-to", "sender"))
    if not senders:
        problems.add("missing_from", "no address in From")
        senders = (reply_to or sender)[:1]
    # Decoded, since programs that fold long fields make encoded words of them.
    references, cut = message_ids(headers.all("references"), limits.references)
    in_reply_to, cut_too = message_ids(headers.all("in-reply-to"), limits.references)
    if cut or cut_too:
        problems.add("too_many_references", f"only {limits.references} referenced ids were kept")
    return {
        "message_id": message_id(headers.get("message-id")),
        "subject": (headers.get("subject") or "")[:_MAX_SUBJECT],
        "date": read_date(headers, received_at, problems),
        "from_": senders,
        "sender": sender,
        "reply_to": reply_to,
        "to": _addresses(headers, "to", limits, problems),
        "cc": _addresses(headers, "cc", limits, problems),
        "bcc": _addresses(headers, "bcc", limits, problems),
        "in_reply_to": in_reply_to,
        "references": references,
        "return_path": _return_path(headers),
        "thread_index": headers.get("thread-index"),
        "auto_submitted": headers.get("auto-submitted"),
        "list_id": headers.get("list-id"),
        "list_unsubscribe": headers.get("list-unsubscribe"),
    }


def read_date(headers: Headers, received_at: datetime | None, problems: Problems) -> datetime | None:
    """When it was sent, in the sender's offset; where that cannot be read, when it arrived."""
    value = headers.get("date")
    date = parse_date(value) if value else None
    if date is not None:
        return date
    problems.add("bad_date" if value else "missing_date", "no date of sending; the time of arrival stands for it")
    if received_at is not None:
        return received_at
    received = headers.unfolded("received")
    return received_date(received) if received else None


def _senders(headers: Headers, limits: Limits, problems: Problems) -> list[Address]:
    """The mailboxes of the first From field that has any: RFC 5322 allows one; later ones are how senders are faked."""
    values = headers.all_unfolded("from")
    if len(values) > 1:
        problems.add("several_from", "more than one From field")
    found = (parse_addresses(value, limits.addresses) for value in values)
    return next((addresses for addresses, _ in found if addresses), [])


def _addresses(headers: Headers, name: str, limits: Limits, problems: Problems) -> list[Address]:
    found: list[Address] = []
    for value in headers.all_unfolded(name):
        addresses, more = parse_addresses(value, limits.addresses)
        found += addresses
        if more or len(found) > limits.addresses:
            problems.add("too_many_addresses", f"only {limits.addresses} addresses of {name} were kept")
            return found[: limits.addresses]
    return found


def _return_path(headers: Headers) -> str | None:
    value = headers.unfolded("return-path")
    if value is None:
        return None
    addresses, _ = parse_addresses(value, 1)
    return addresses[0].address if addresses else ""
