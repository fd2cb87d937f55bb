"""Encoded words (RFC 2047), as tolerant as senders need."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from mail.charsets import decode

_START = re.compile(r"=\?([^?\s]{0,60})\?([bBqQ])\?")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_HEX_TEXT = re.compile(r"=[0-9A-F]{2}")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
_URL_SAFE = str.maketrans("-_", "+/")
_MAX_ROUNDS = 3


def decode_words(value: str) -> str:
    """`value` with its encoded words decoded, wherever they stand.

    A word within a word, which some program has encoded again, is decoded as well. Neighbours of one charset are
    joined as bytes first, since senders split characters between words; white space between two words is dropped
    (RFC 2047 §6.2). What is not an encoded word stays as it is.
    """
    for _ in range(_MAX_ROUNDS):
        if "=?" not in value:
            break
        value = _decode_once(value)
    return value


def _decode_once(value: str) -> str:
    out: list[str] = []
    pending = bytearray()
    charset = ""
    position = 0
    for start, end, word_charset, data in _words(value):
        between = value[position:start]
        if between.strip() or not (pending or charset):
            out += (decode(bytes(pending), charset), between) if charset else (between,)
            pending.clear()
        elif word_charset.lower() != charset.lower():
            out.append(decode(bytes(pending), charset))
            pending.clear()
        charset = word_charset
        pending += data
        position = end
    if charset:
        out.append(decode(bytes(pending), charset))
    out.append(value[position:])
    return "".join(out)


def _words(value: str) -> Iterator[tuple[int, int, str, bytes]]:
    """(start, end, charset, bytes) of each word; a word without `?=` ends where the next one begins."""
    match = _START.search(value)
    while match is not None:
        end = value.find("?=", match.end())
        following = _START.search(value, match.end())
        if following is not None and (end < 0 or following.start() < end):
            stop, resume = following.start(), following.start()
        elif end >= 0:
            stop, resume = end, end + 2
        else:
            stop = resume = len(value)
        text = value[match.end() : stop]
        data = _q(text) if match[2] in "qQ" else _b(text)
        yield match.start(), resume, match[1] or "unknown", data
        if following is not None and following.start() < resume:
            following = _START.search(value, resume)
        match = following


def _q(text: str) -> bytes:
    if "= " in text:
        # A soft line break: the program that made the word knows only the quoted-printable of bodies.
        text = text.replace("= ", "")
    data = text.replace("_", " ").encode("utf-8", "surrogateescape")
    return _HEX.sub(lambda match: bytes((int(match[1], 16),)), data) if b"=" in data else data


def _b(text: str) -> bytes:
    if "=" in text[:-2] and len(_HEX_TEXT.findall(text)) > 1:
        # The letter before it says base64, yet it is Q.
        return _q(text)
    if len(text) % 4 == 0 and "+" not in text and "/" not in text:
        text = text.translate(_URL_SAFE)
    digits = _NOT_BASE64.sub("", text)
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return binascii.a2b_base64(digits + "=" * (-len(digits) % 4))
