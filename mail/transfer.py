"""Content-Transfer-Encoding undone (RFC 2045 §6), and what senders do instead."""

from __future__ import annotations

import binascii
import re

from mail import uuencode

_SOFT_BREAK_WITH_SPACE = re.compile(rb"=[ \t]+(?=\r?\n)")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
# What no line of base64 is: words with spaces between, or with signs of punctuation.
_PROSE = re.compile(rb"\s{0,200}(?:\S{0,40}[A-Za-z][ \t]+[A-Za-z]|\S{0,200}?[<>,.:;?()'\"\x80-\xff])")
_URL_SAFE_TEXT = re.compile(rb"[A-Za-z0-9_\-\s]++=*+\s*+")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
# Characters of UTF-8 in the other encoding.
_QUOTED = re.compile(rb"=[CDE][0-9A-F]=[89AB][0-9A-F]")
_FOOTER_BYTES = 4_096
_PADDING_END = re.compile(rb"=[=\s]*")


def decode_transfer(source: bytes, start: int, end: int, encoding: str) -> tuple[bytes, bool]:
    """(content of `source[start:end]`, whether it was damaged); never raises, keeps whatever decodes."""
    if encoding == "base64":
        return _base64(source, start, end)
    if encoding == "quoted-printable":
        data = source[start:end]
        if b"= " in data or b"=\t" in data:
            data = _SOFT_BREAK_WITH_SPACE.sub(b"=", data)
        return binascii.a2b_qp(data), False
    if encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        files = uuencode.find(source[start:end])
        return (files[0].content, False) if files else (source[start:end], True)
    if encoding in ("", "7bit", "8bit", "binary", "none"):
        return source[start:end], False
    return source[start:end], encoding not in ("7-bit", "8-bit", "7bits", "8bits", "utf-8", "us-ascii", "plain")


def _base64(source: bytes, start: int, end: int) -> tuple[bytes, bool]:
    """Non-alphabet bytes are skipped; padding in the middle starts a new run (concatenated encodings)."""
    if _PROSE.match(source, start, end):
        data = source[start:end]
        return (binascii.a2b_qp(data) if _QUOTED.search(data) else data), True
    end = _footer(source, start, end)
    if _is_url_safe(source, start, end):
        source = source[start:end].translate(_URL_SAFE)
        start, end = 0, len(source)
    padding = source.find(b"=", start, end)
    # A view, so that the text of a large attachment is not copied before it is decoded.
    view = memoryview(source)
    if padding < 0 or end - padding <= 4 or not _NOT_BASE64.sub(b"", source[padding : padding + 64]):
        try:
            return binascii.a2b_base64(view[start:end]), False
        except binascii.Error:
            return _run(source[start:end]), True
    out = bytearray()
    position = start
    while padding >= 0:
        out += _run(source[position:padding])
        past = _PADDING_END.match(source, padding, end)
        position = past.end() if past else padding + 1
        padding = source.find(b"=", position, end)
    out += _run(source[position:end])
    return bytes(out), True


def _is_url_safe(source: bytes, start: int, end: int) -> bool:
    """Whether the text is in the alphabet of URLs (RFC 4648 §5), which has other digits for 62 and 63."""
    if source.find(b"-", start, end) < 0 and source.find(b"_", start, end) < 0:
        return False
    # A line of dashes below the text says nothing of its alphabet.
    last = source[max(start, end - 200) : end].rstrip().rpartition(b"\n")[2]
    if not last.strip(b"-_") or not _URL_SAFE_TEXT.fullmatch(source, start, end):
        return False
    # A few strays in text that is whole without them are no digits.
    strays = source.count(b"-", start, end) + source.count(b"_", start, end)
    return strays > 3 or len(source[start:end].translate(None, b"-_ \t\r\n")) % 4 != 0


def _footer(source: bytes, start: int, end: int) -> int:
    """Where the footer begins that a mailing list has put, in plain text, under an encoded body; `end` without one."""
    first = max(start, end - _FOOTER_BYTES)
    tail = source[first:end]
    if b" " not in tail and b"\n__" not in tail:
        return end
    position, ended = 0, False
    for line in tail.splitlines(keepends=True):
        if position and (line.startswith(b"__") or (ended and (line.startswith(b"--") or _PROSE.match(line)))):
            return first + position
        ended = not line.strip() or line.rstrip().endswith(b"=")
        position += len(line)
    return end


def _run(text: bytes) -> bytes:
    digits = _NOT_BASE64.sub(b"", text)
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))
