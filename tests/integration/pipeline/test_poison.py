"""Poison mails: each is salvaged into a ticket or a question, and none delays the next one."""

from __future__ import annotations

import time

from tests.house import House
from tests.letters import letter


def _head(subject: str) -> bytes:
    return f"From: poison@example.com\r\nSubject: {subject}\r\nMessage-ID: <{subject}@poison.example>\r\n".encode()


def _nested(depth: int) -> bytes:
    body = b""
    for level in range(depth):
        body += b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level)
    return _head("nested") + b"MIME-Version: 1.0\r\n" + body


def _nested_messages(depth: int) -> bytes:
    return _head("rfc822") + b"Content-Type: message/rfc822\r\n\r\n" * depth + b"Subject: innermost\r\n\r\ntext"


POISON: dict[str, bytes] = {
    "empty": b"",
    "only line ends": b"\r\n\r\n",
    "only NULs": b"\0" * 1000,
    "NULs in it": _head("nul\0byte") + b"\r\na\0b\0c",
    "no header at all": b"just some text\r\nand more",
    "headers only": _head("headers-only"),
    "2,000 nested multiparts": _nested(2000),
    "3,000 nested messages": _nested_messages(3000),
    "unknown charset": _head("charset") + b"Content-Type: text/plain; charset=x-klingon\r\n\r\nqapla\xff",
    "charset with NUL": _head("charset-nul") + b'Content-Type: text/plain; charset="ut\0f"\r\n\r\ntext',
    "boundary never used": _head("unused") + b'Content-Type: multipart/mixed; boundary="x"\r\n\r\ntext',
    "boundary missing": _head("missing") + b"Content-Type: multipart/mixed\r\n\r\n--?\r\n\r\ntext",
    "boundary never closed": _head("open") + b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n\r\ntext',
    "10 MB header": _head("huge") + b"X-Huge: " + b"x" * (10 << 20) + b"\r\n\r\ntext",
    "20,000 parameters": _head("parameters") + b"Content-Type: text/plain" + b"; a=b" * 20_000 + b"\r\n\r\ntext",
    "20,000 quotes in To": _head("quotes") + b"To: " + b'"' * 20_000 + b"\r\n\r\ntext",
    "5,000 brackets in To": _head("brackets") + b"To: " + b"(" * 5_000 + b"\r\n\r\ntext",
    "1 MB of References": _head("references") + b"References: " + b"<a@b> " * 170_000 + b"\r\n\r\ntext",
    "100,000 nested divs": _head("divs") + b"Content-Type: text/html\r\n\r\n" + b"<div>" * 100_000,
    "broken base64": _head("base64") + b"Content-Transfer-Encoding: base64\r\n\r\n!!!not=base64===\xff",
}


async def test_twenty_poison_mails_ahead_of_a_good_one(house: House) -> None:
    assert len(POISON) == 20
    await house.send(*POISON.values())
    sent = time.monotonic()
    await house.send(letter("good@example.com", "The good one", message_id="good@example.com"))

    async def good_one_is_a_ticket() -> bool:
        return any(t["subject"] == "The good one" for t in await house.tickets())

    await house.until(good_one_is_a_ticket, "ticket of the good mail", timeout=30)
    waited = time.monotonic() - sent

    async def all_decided() -> bool:
        return len(await house.emails()) == 21 and all(e["state"] in ("done", "waiting") for e in await house.emails())

    await house.until(all_decided, "outcome of every poison mail", timeout=120)
    asking = {t["email_id"]: t["kind"] for t in await house.open_tasks()}
    for email in await house.emails():
        assert email["outcome"] == "ticket" or asking[email["email_id"]] == "repair_message"
    assert waited < 30
    subjects = {t["subject"] for t in await house.tickets()}
    assert {"headers-only", "charset", "unused", "open", "huge", "parameters", "references", "divs"} <= subjects
