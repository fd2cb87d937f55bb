"""The pure parser on one core, a large mail, and what the process pool costs: `python -m bench.parser`.

Processor time, not wall-clock time, so that a shared machine measures the same; goals in DESIGN §10.
"""

from __future__ import annotations

import asyncio
import base64
import os
import time
import tracemalloc
from collections.abc import Callable
from functools import partial

from bench import results
from mail.parse import parse
from mail.pool import ParserPool

_ROUNDS = 7
_POOL_MAILS = 500
_HEAD = (
    "Return-Path: <ada@example.com>\r\n"
    "Received: from mx1.example.org (mx1.example.org [192.0.2.5]) by mail.example.org with ESMTPS id 4XyZ12\r\n"
    " for <help@example.org>; Fri, 20 Nov 2026 11:22:40 +0100 (CET)\r\n"
    "Authentication-Results: mx1.example.org; dkim=pass header.d=example.com; spf=pass smtp.mailfrom=example.com;\r\n"
    " dmarc=pass header.from=example.com\r\n"
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s1; h=from:to:subject; bh=abcabcabc=;\r\n"
    f" b={'abcdef' * 50}\r\n"
    "From: Ada Example <ada@example.com>\r\nTo: Help <help@example.org>\r\nCc: bo@example.net\r\n"
    "Subject: =?utf-8?Q?Drucker_im_dritten_Stock_l=C3=A4uft_nicht?=\r\nDate: Fri, 20 Nov 2026 11:22:33 +0100\r\n"
    "Message-ID: <bench@example.com>\r\nIn-Reply-To: <parent@example.org>\r\n"
    "References: <root@example.org> <parent@example.org>\r\nMIME-Version: 1.0\r\n"
)
_PARAGRAPH = (
    "Hello there,\r\n\r\nthe printer on the third floor does not print any more. I tried to restart it twice, but\r\n"
    "it only says paper jam. Could you please have a look at it today?\r\n\r\n"
)
_QUOTE = "On Thu, 19 Nov 2026 at 10:00, Help <help@example.org> wrote:\r\n" + "".join(
    f"> {line}\r\n" for line in (_PARAGRAPH * 4).split("\r\n")
)
_ROW = (
    '<table width="600" cellpadding="0" cellspacing="0" border="0" style="color:#333333;font-family:Arial,sans-serif;'
    'border-collapse:collapse"><tr><td style="padding:10px 20px 10px 20px;font-size:14px;line-height:20px">'
    '<p style="margin:0 0 10px 0;font-family:Arial,Helvetica,sans-serif">Row {} of the order: ten boxes of paper, '
    "white, 80 grams, to be delivered to the third floor before Monday noon &amp; paid on account</p></td></tr></table>"
)


def plain_4k() -> bytes:
    """A reply in plain text with its quote, 4 KB."""
    text = _PARAGRAPH * 11 + _QUOTE + "-- \r\nAda\r\n"
    return (_HEAD + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + text).encode()


def alternative(html: str, text: str) -> bytes:
    return (
        f'{_HEAD}Content-Type: multipart/alternative; boundary="b1"\r\n\r\n'
        f"--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        f"--b1\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n--b1--\r\n"
    ).encode()


def alternative_4k() -> bytes:
    return alternative("".join(f"<p>{line}</p>" for line in _PARAGRAPH.split("\r\n")) * 6, _PARAGRAPH * 6)


def html_100k() -> str:
    rows = "\r\n".join(_ROW.format(number) for number in range(225))
    return f"<html><body>{rows}</body></html>"


def large() -> bytes:
    """34 MB: a line of text and two attachments."""
    encoded = base64.encodebytes(os.urandom(12_400_000)).replace(b"\n", b"\r\n")
    part = (
        b"--b1\r\nContent-Type: application/octet-stream; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + encoded
    )
    head = f'{_HEAD}Content-Type: multipart/mixed; boundary="b1"\r\n\r\n--b1\r\n\r\nSee the files.\r\n'.encode()
    return head + part + part + b"--b1--\r\n"


def seconds(call: Callable[[], object], times: int) -> float:
    """Processor seconds of one call, the best of several rounds."""
    call()
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.process_time()
        for _ in range(times):
            call()
        best = min(best, (time.process_time() - started) / times)
    return best


async def pool_seconds(raw: bytes) -> float:
    """Wall-clock seconds that the pool adds to a mail."""
    pool = ParserPool(1)
    await pool.start()
    try:
        pooled = direct = float("inf")
        for _ in range(_ROUNDS):
            started = time.perf_counter()
            for _ in range(_POOL_MAILS):
                await pool.parse(raw)
            between = time.perf_counter()
            for _ in range(_POOL_MAILS):
                parse(raw)
            pooled = min(pooled, between - started)
            direct = min(direct, time.perf_counter() - between)
        return (pooled - direct) / _POOL_MAILS
    finally:
        await pool.close()


def memory_ratio(raw: bytes) -> float:
    """Peak memory of parsing, the source itself included, as a multiple of the mail's size."""
    tracemalloc.start()
    parsed = parse(raw)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(parsed.parts) == 2
    return peak / len(raw) + 1


async def main() -> None:
    html = html_100k()
    html_only = (_HEAD + "Content-Type: text/html; charset=utf-8\r\n\r\n" + html).encode()
    samples = [
        ("plain text", plain_4k(), 200),
        ("text and HTML", alternative_4k(), 200),
        ("HTML with its text alternative", alternative(html, _PARAGRAPH * 20), 20),
        ("HTML only", html_only, 20),
    ]
    rows = []
    for name, raw, times in samples:
        rate = 1 / seconds(partial(parse, raw), times)
        rows.append((f"{name}, {len(raw) / 1000:.1f} KB", f"{rate:,.0f} mails/s"))
    big = large()
    rows.append((f"two attachments, {len(big) / 1e6:.0f} MB", f"{seconds(partial(parse, big), 1):.2f} s"))
    rows.append(("the same, peak memory", f"{memory_ratio(big):.1f} times its size"))
    rows.append(("the process pool, per mail", f"{await pool_seconds(plain_4k()) * 1000:.2f} ms"))
    results.write("Parser", "The whole of `mail.parse` on one core, best of 7 rounds, processor time.", rows)


if __name__ == "__main__":
    asyncio.run(main())
