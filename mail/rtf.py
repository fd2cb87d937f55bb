"""The compressed RTF body of Outlook (MS-OXRTFCP) and the HTML or text it carries (MS-OXRTFEX)."""

from __future__ import annotations

import re
import struct

from mail.charsets import decode
from mail.html import to_text
from mail.text import clean

_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_COMPRESSED, _UNCOMPRESSED = b"LZFu", b"MELA"
_WINDOW = 4096
_MAX_RTF = 20_000_000

_TOKEN = re.compile(rb"\\'([0-9a-fA-F]{2})|\\([a-zA-Z]+)(-?\d{1,10})? ?|\\([^a-zA-Z'])|([{}])|([^\\{}\r\n]+)|[\r\n]+")
_IGNORED = frozenset(
    {b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict", b"object"}
    | {b"header", b"footer", b"generator", b"xmlnstbl", b"listtable"}
)
_BREAKS = {b"par": "\n", b"line": "\n", b"tab": "\t", b"lquote": "\u2018", b"rquote": "\u2019", b"ldblquote": "\u201c",
           b"rdblquote": "\u201d", b"bullet": "\u2022", b"endash": "\u2013", b"emdash": "\u2014", b"row": "\n",
           b"cell": "\t"}  # fmt: skip


def read_compressed(data: bytes) -> tuple[str, str]:
    """(HTML, text) of a PR_RTF_COMPRESSED value; HTML only where the RTF encapsulates it. Never raises."""
    source = decompress(data)
    if not source:
        return "", ""
    html = b"\\fromhtml1" in source[:2_000]
    content = _read(source, html=html)
    return (content, to_text(content)) if html else ("", content.strip())


def decompress(data: bytes) -> bytes:
    """The RTF inside `data`, up to 20 MB; empty where it is not compressed RTF."""
    if len(data) < 16:
        return b""
    _, raw_size, magic, _ = struct.unpack_from("<II4sI", data)
    if magic == _UNCOMPRESSED:
        return data[16 : 16 + raw_size]
    if magic != _COMPRESSED:
        return b""
    window = bytearray(_DICTIONARY.ljust(_WINDOW, b"\0"))
    write = len(_DICTIONARY)
    out = bytearray()
    position, end, limit = 16, len(data), min(raw_size, _MAX_RTF)
    while position < end and len(out) < limit:
        control = data[position]
        position += 1
        for bit in range(8):
            if position >= end:
                break
            if not control >> bit & 1:
                out.append(data[position])
                window[write] = data[position]
                write = (write + 1) % _WINDOW
                position += 1
                continue
            reference = int.from_bytes(data[position : position + 2], "big")
            position += 2
            offset, length = reference >> 4, (reference & 0xF) + 2
            if offset == write:
                return bytes(out)
            for step in range(length):
                byte = window[(offset + step) % _WINDOW]
                out.append(byte)
                window[write] = byte
                write = (write + 1) % _WINDOW
    return bytes(out[:limit])


def _read(source: bytes, *, html: bool) -> str:
    """Text of RTF; with `html`, only what \\htmltag groups and text outside \\htmlrtf hold."""
    out: list[str] = []
    pending = bytearray()
    codepage = "cp1252"
    # (group is not shown, inside \htmlrtf, characters to skip after \u)
    hidden, suppressed, skip = False, False, 1
    stack: list[tuple[bool, bool, int]] = []
    to_skip = 0

    def flush() -> None:
        if pending:
            out.append(decode(bytes(pending), codepage))
            pending.clear()

    for match in _TOKEN.finditer(source):
        hexadecimal, word, argument, symbol, brace, text = match.groups()
        if brace == b"{":
            stack.append((hidden, suppressed, skip))
        elif brace == b"}":
            if stack:
                hidden, suppressed, skip = stack.pop()
        elif word is not None:
            if word == b"ansicpg" and argument:
                codepage = f"cp{int(argument)}"
            elif word == b"htmlrtf":
                suppressed = argument != b"0"
            elif word == b"htmltag":
                hidden = False
            elif word in _IGNORED:
                hidden = True
            elif word == b"uc" and argument:
                skip = max(0, int(argument))
            elif hidden or suppressed:
                continue
            elif word == b"u" and argument:
                flush()
                out.append(chr(int(argument) & 0xFFFF))
                to_skip = skip
            elif word in _BREAKS:
                flush()
                out.append(_BREAKS[word])
        elif symbol == b"*":
            hidden = True
        elif hidden or suppressed:
            continue
        elif hexadecimal is not None:
            if to_skip:
                to_skip -= 1
            else:
                pending.append(int(hexadecimal, 16))
        elif symbol is not None:
            if symbol in b"{}\\":
                pending += symbol
            elif symbol == b"~":
                flush()
                out.append("\xa0")
        elif text is not None:
            cut = min(to_skip, len(text))
            to_skip -= cut
            pending += text[cut:]
    flush()
    return clean("".join(out))
