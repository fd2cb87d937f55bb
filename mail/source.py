"""Raw bytes as they arrive, made into a message source with headers at its start."""

from __future__ import annotations

import codecs
import re

from mail.limits import Limits
from mail.problems import Problems

_ENVELOPE_LINE = re.compile(rb">?From [^\r\n]*\r?\n(?=[!-9;-~]+[ \t]*:)")
_BLANK_START = re.compile(rb"\s*?\n(?=[!-9;-~]+[ \t]*:)")
# The first header line ends in LF CR.
_REVERSED_BREAK = re.compile(rb"[^\r\n]+\n\r[^\r\n]")
_LOOK = 65_536
_LOOK_DOUBLED = 2_048

OLE_SIGNATURE = bytes.fromhex("d0cf11e0a1b11ae1")


def prepare(raw: bytes, limits: Limits, problems: Problems) -> bytes:
    """`raw` without what other programs put before the first header, and with line feeds where it has none.

    Returns `raw` itself where nothing had to change, so that a large mail is not copied.
    """
    if len(raw) > limits.raw_bytes:
        problems.add("mail_too_large", f"only the first {limits.raw_bytes} bytes were read")
        raw = raw[: limits.raw_bytes]
    if raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raw = raw.decode("utf-16", "replace").encode("utf-8", "replace")
    if raw.startswith(codecs.BOM_UTF8):
        raw = raw[3:]
    if raw.find(b"\n", 0, _LOOK) < 0 and raw.find(b"\r", 0, _LOOK) >= 0:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    elif raw.find(b"\r\r\n", 0, _LOOK_DOUBLED) >= 0:
        raw = raw.replace(b"\r\r\n", b"\r\n")
    elif _REVERSED_BREAK.match(raw, 0, _LOOK_DOUBLED):
        raw = raw.replace(b"\n\r", b"\n")
    if raw[:1] in b" \t\r\n":
        blank = _BLANK_START.match(raw, 0, _LOOK)
        raw = raw[blank.end() :] if blank else raw
    envelope = _ENVELOPE_LINE.match(raw, 0, _LOOK)
    return raw[envelope.end() :] if envelope else raw
