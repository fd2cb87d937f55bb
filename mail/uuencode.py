"""Files that senders put into text bodies: uuencode (POSIX `uuencode`) and yEnc (draft 1.3)."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

_UU_BEGIN = re.compile(rb"^begin[ \t]+[0-7]{3,4}[ \t]+([^\r\n]+?)[ \t]*\r?\n", re.M)
_UU_BASE64_BEGIN = re.compile(rb"^begin-base64[ \t]+[0-7]{3,4}[ \t]+([^\r\n]+?)[ \t]*\r?\n", re.M)
_Y_BEGIN = re.compile(rb"^=ybegin [^\r\n]*?name=([^\r\n]+?)[ \t]*\r?\n(?:=ypart [^\r\n]*\r?\n)?", re.M)
_Y_ESCAPE = re.compile(rb"=(.)", re.S)
_Y_SHIFT = bytes((byte - 42) & 0xFF for byte in range(256))
_UU_LINE = re.compile(rb"[\x20-\x60]*[ \t]*\r?$")


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    """One embedded file; `start` and `end` delimit its encoded form in the text."""

    name: bytes
    content: bytes
    start: int
    end: int


def find(text: bytes) -> list[EmbeddedFile]:
    """The files embedded in `text`, in their order; text that only looks like one is left alone."""
    if b"begin" not in text:
        return []
    files: list[EmbeddedFile] = []
    position = 0
    while (found := _next(text, position)) is not None:
        files.append(found)
        position = found.end
    return files


def _next(text: bytes, position: int) -> EmbeddedFile | None:
    for begin, terminator, read in _FORMATS:
        # Looked for once: a thousand beginnings without an end must not each search the whole text.
        limit = max(position, text.rfind(terminator)) if terminator else len(text)
        for match in begin.finditer(text, position, limit):
            decoded = read(text, match.end())
            if decoded is not None:
                content, end = decoded
                return EmbeddedFile(match[1], content, match.start(), end)
    return None


def _uu(text: bytes, position: int) -> tuple[bytes, int] | None:
    out = bytearray()
    lines = 0
    while position < len(text):
        stop = text.find(b"\n", position)
        stop = len(text) if stop < 0 else stop
        line = text[position:stop].rstrip(b"\r")
        position = stop + 1
        if line.rstrip() == b"end":
            # Even an empty file has the line of length zero.
            return (bytes(out), min(position, len(text))) if lines else None
        lines += 1
        if not line.strip(b" `"):
            continue
        if not _UU_LINE.match(line):
            return None
        try:
            out += binascii.a2b_uu(line)
        except binascii.Error:
            # Encoders that pad lines wrongly: the length byte says how many digits count.
            digits = ((line[0] - 32) & 63) * 4 + 5
            try:
                out += binascii.a2b_uu(line[: digits // 3])
            except binascii.Error:
                return None
    return (bytes(out), len(text)) if len(out) > 45 else None


def _uu_base64(text: bytes, position: int) -> tuple[bytes, int] | None:
    stop = text.find(b"\n====", position)
    if stop < 0:
        return None
    line_end = text.find(b"\n", stop + 1)
    try:
        return binascii.a2b_base64(text[position:stop]), len(text) if line_end < 0 else line_end + 1
    except binascii.Error:
        return None


def _yenc(text: bytes, position: int) -> tuple[bytes, int] | None:
    stop = text.find(b"\n=yend", position - 1)
    if stop < 0:
        return None
    line_end = text.find(b"\n", stop + 1)
    body = text[position:stop].replace(b"\r", b"").replace(b"\n", b"")
    body = _Y_ESCAPE.sub(lambda match: bytes(((match[1][0] - 64) & 0xFF,)), body)
    return body.translate(_Y_SHIFT), len(text) if line_end < 0 else line_end + 1


_FORMATS = (
    (_UU_BEGIN, b"", _uu),
    (_UU_BASE64_BEGIN, b"\n====", _uu_base64),
    (_Y_BEGIN, b"\n=yend", _yenc),
)
