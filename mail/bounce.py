"""Delivery reports: which recipient was not reached, how lastingly, and which mail it was about.

First the standard form (RFC 3464 in a multipart/report, RFC 6522), then what mail servers wrote before it and still do.
A report proves nothing: anybody can send one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from domain.email import Bounce
from mail import bounce_text
from mail.bounce_text import ADDRESS
from mail.headers import Headers

_MAX_STATUS_TEXT = 200_000
_MAX_BLOCKS = 200
_MAX_TEXT = 20_000

_FIELD = re.compile(r"^([A-Za-z][A-Za-z0-9-]{1,60})[ \t]*:[ \t]*(.*(?:\n[ \t]+\S.*)*)", re.M)
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
# Servers put it in words, too: "The message identifier was: <...>".
_MESSAGE_ID = re.compile(
    r"^[ \t>]*(?:X-Original-|The )?Message[- ]?ID(?:entifier)?(?: was| is)?[ \t]*:"
    r"(?:\s*<([^<>\s]{1,500})>|[ \t]*([^<>\s@]{1,250}@[^<>\s@]{1,250}))",
    re.I | re.M,
)
_ID = re.compile(r"<([^<>\s]{3,500})>")
_RECIPIENT_LINE = re.compile(r"^(?:To|Apparently-To|Envelope-To|X-Original-To)[ \t]*:(.*(?:\n[ \t].*)*)", re.I | re.M)
_INTERNATIONAL = re.compile(r"[^\s<>@;,\"]{1,128}@[^\s<>@;,\"]{1,253}")
# What must be coded in an address: "+" and "=" in any (xtext, RFC 3461), the rest in one of the type utf-8 (RFC 6533).
_XTEXT = re.compile(r"\+(2B|3D)")
_CODE_POINT = re.compile(r"\\x\{([0-9A-F]{2,3}|[0-9A-CEF][0-9A-F]{3}|D[0-7][0-9A-F]{2}|(?:[1-9A-F]|10)[0-9A-F]{4})\}")
_VERP = re.compile(r"[+-]([\w.%+-]{1,64})=([\w.-]{3,255})@")

_ACTIONS = frozenset({"failed", "delayed", "delivered", "relayed", "expanded"})
_FAILURES = ("failed", "delayed")


def read_bounce(
    headers: Headers,
    *,
    delivery_status: list[str],
    returned_headers: str | None,
    text: str,
    is_dsn_multipart: bool,
    disposition: list[str] | None = None,
) -> Bounce | None:
    """The report that this mail is, or None for any other mail.

    `delivery_status`: the decoded message/delivery-status parts; `returned_headers`: the header of the returned mail
    (message/rfc822 or text/rfc822-headers); `text`: the mail's text; `is_dsn_multipart`: multipart/report with
    report-type=delivery-status; `disposition`: the message/disposition-notification parts, since Sieve rejects with
    those (RFC 5429). A report of successful delivery or relaying (RFC 3464 §2.3.3) is not a bounce.
    """
    if delivery_status and not is_dsn_multipart:
        # Mail programs forward a report's parts as attachments.
        delivery_status = [] if bounce_text.is_personal(headers) else delivery_status
        is_dsn_multipart = bool(delivery_status)
    blocks = _blocks(delivery_status)
    report = next((block for action in _FAILURES for block in blocks if _action(block) == action), None)
    if report is None and any(_action(block) for block in blocks):
        return None
    if report is None and not is_dsn_multipart and not bounce_text.is_bounce(headers, text, returned_headers):
        return None
    report = report or next(iter(_blocks(disposition or [])), {})
    return _described(report, headers, returned_headers, text[:_MAX_TEXT])


def severity(bounce: Bounce) -> Literal["hard", "soft"]:
    """Hard: this address will not take mail; soft: it may later. By action and enhanced status (RFC 3463)."""
    if bounce.action == "delayed" or (bounce.status or "").startswith("4"):
        return "soft"
    # Full mailbox, message too big, and policy refusals are permanent for this mail, not for the address.
    return "soft" if (bounce.status or "").startswith(("5.2.2", "5.2.3", "5.3.4", "5.7.")) else "hard"


def _described(report: Mapping[str, str], headers: Headers, returned: str | None, text: str) -> Bounce:
    body, original = bounce_text.split_returned(text)
    original = returned or original
    status = _status(report.get("status", "")) or _status(report.get("diagnostic-code", ""))
    action = _action(report)
    status = status or bounce_text.status(body)
    return Bounce(
        recipient=_recipient(report, headers, body, original),
        status=status,
        action=action or ("delayed" if bounce_text.is_delay(headers, body) else "failed"),
        original_message_id=_original_message_id(report, headers, original, body),
    )


def _blocks(parts: list[str]) -> list[dict[str, str]]:
    """The field groups of the report (RFC 3464 §2.1), names lower-cased; the first group is about the message."""
    blocks: list[dict[str, str]] = []
    for part in parts:
        for group in re.split(r"\n[ \t]*\n", part[:_MAX_STATUS_TEXT].replace("\r\n", "\n")):
            fields: dict[str, str] = {}
            for name, value in _FIELD.findall(group):
                fields.setdefault(name.lower(), " ".join(value.split()))
            if fields and len(blocks) < _MAX_BLOCKS:
                # A group split by a stray blank line continues the one before.
                if blocks and "final-recipient" in blocks[-1] and not _action(blocks[-1]) and "action" in fields:
                    blocks[-1] |= fields
                else:
                    blocks.append(fields)
    return blocks


def _action(block: Mapping[str, str]) -> str | None:
    word = re.match(r"\s*([A-Za-z]+)", block.get("action", ""))
    if word and word[1].lower() in _ACTIONS:
        return word[1].lower()
    status = block.get("status", "").strip()
    if "final-recipient" not in block and "original-recipient" not in block:
        return None
    return {"2": "delivered", "4": "delayed", "5": "failed"}.get(status[:1])


def _status(value: str) -> str | None:
    match = _STATUS.search(value[:2_000])
    return ".".join(match.groups()) if match else None


def _recipient(report: Mapping[str, str], headers: Headers, body: str, original: str | None) -> str | None:
    return next(filter(None, _recipients(report, headers, body, original)), None)


def _recipients(report: Mapping[str, str], headers: Headers, body: str, original: str | None) -> Iterator[str | None]:
    """Candidates, best first. The address the sender used beats the one it was forwarded to."""
    for name in ("original-recipient", "final-recipient", "x-actual-recipient"):
        yield _report_address(report.get(name, ""))
    failed = ADDRESS.search(headers.get("X-Failed-Recipients") or "")
    yield failed[0] if failed else None
    yield bounce_text.recipient(headers, body)
    failed = ADDRESS.search(report.get("diagnostic-code", "")[:2_000])
    yield failed[0] if failed else None
    if original:
        line = _RECIPIENT_LINE.search(original[:_MAX_TEXT])
        address = ADDRESS.search(line[1]) if line else None
        yield address[0] if address else None
    verp = _VERP.search(headers.get("To") or "")
    yield f"{verp[1]}@{verp[2]}" if verp else None


def _report_address(value: str) -> str | None:
    """The address of `rfc822; user@example.org`, in angle brackets or not."""
    kind, _, address = value[:2_000].partition(";")
    address = address or kind
    if kind.strip().lower() == "utf-8":
        address = _CODE_POINT.sub(lambda point: chr(int(point[1], 16)), address)
    match = (ADDRESS if address.isascii() else _INTERNATIONAL).search(address)
    return _XTEXT.sub(lambda code: chr(int(code[1], 16)), match[0]) if match else None


def _original_message_id(report: Mapping[str, str], headers: Headers, original: str | None, body: str) -> str | None:
    for source in (original, body):
        match = _MESSAGE_ID.search(source[:100_000]) if source else None
        if match:
            return match[1] or match[2]
    named = _ID.search(report.get("original-message-id", ""))
    if named:
        return named[1]
    for name in ("X-MS-Exchange-Parent-Message-Id", "X-Riferimento-Message-ID", "In-Reply-To", "References"):
        ids = _ID.findall(headers.get(name) or "")
        if ids:
            return str(ids[-1])
    return None
