"""`Content-Type` and `Content-Disposition`: a value and its parameters (RFC 2045 §5.1, RFC 2183, RFC 2231)."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import groupby
from urllib.parse import unquote_to_bytes

from mail.charsets import codec_for, decode
from mail.encoded_words import decode_words

_VALUE = re.compile(r"[^\s;()\"]+")
# A quote before anything but the end of the value or what may follow it was meant as part of the value.
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.|"(?!\s*(?:[;(]|$|[^\s=;"]+\s*=)))*)"|([^;]*))', re.S)
_CONTINUED = re.compile(r"([^*]+)\*(?:(\d{1,4})(\*)?)?$")
_EXTENDED = re.compile(r"[A-Za-z][\w.:-]{1,40}'[A-Za-z-]{0,20}'")
_ESCAPED = re.compile(r'\\(["\\])')
_TRAILING_COMMENT = re.compile(r"\s+\(.*$", re.S)
_TOKEN_ONLY = frozenset({"charset", "boundary", "format", "delsp", "type", "report-type", "protocol", "smime-type"})


@lru_cache(maxsize=1024)
def parse_value(value: str) -> tuple[str, dict[str, str]]:
    """(value lower-cased, parameters by lower-case name) of an unfolded field; the dict is shared, do not change it.

    Joins RFC 2231 continuations, decodes their charset and RFC 2047 words that senders put in parameters anyway;
    an extended form (`name*`) wins over the plain one. Text where a token belongs is taken as far as it goes.
    """
    head, semicolon, rest = value.partition(";")
    token = _VALUE.search(head)
    main = token[0].lower() if token else ""
    if "=" in main:
        # Only parameters, where the value should be.
        main, semicolon, rest = "", ";", value
    elif token and "=" in head[token.end() :]:
        # The semicolon before the first parameter was forgotten.
        semicolon, rest = ";", f"{head[token.end() :]};{rest}"
    if not semicolon:
        return main, {}
    plain: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for match in _PARAMETER.finditer(semicolon + rest):
        name = match[1].lower()
        text = _ESCAPED.sub(r"\1", match[2]) if match[2] is not None else _unquoted(name, match[3])
        continued = _CONTINUED.match(name) if "*" in name else None
        if continued is None and _is_extended(text) and name not in _TOKEN_ONLY:
            # The form of RFC 2231 without the asterisk that announces it.
            continued = _CONTINUED.match(f"{name}*")
        if continued is None:
            plain.setdefault(name, text)
            continue
        extended = continued[2] is None or continued[3] is not None
        pieces.setdefault(continued[1], []).append((int(continued[2] or 0), extended, text))
    decoded = {name: decode_words(text) for name, text in plain.items()}
    decoded |= {name: _join(parts) for name, parts in pieces.items()}
    return main, decoded


def _is_extended(text: str) -> bool:
    return "%" in text and "'" in text and _EXTENDED.match(text) is not None and _charset_of(text)[0] is not None


def _charset_of(text: str) -> tuple[str | None, str]:
    """(charset, text) of an extended value: charset'language'text, of which some senders leave out an apostrophe."""
    if text.count("'") >= 2:
        charset, _, rest = text.split("'", 2)
        return charset, rest
    charset, apostrophe, rest = text.partition("'")
    return (charset, rest) if apostrophe and codec_for(charset) else (None, text)


def _unquoted(name: str, text: str) -> str:
    text = text.strip().strip('"')
    if len(text) > 1 and text[0] == text[-1] == "'":
        text = text[1:-1]
    return _TRAILING_COMMENT.sub("", text) if name in _TOKEN_ONLY else text


def _join(parts: list[tuple[int, bool, str]]) -> str:
    parts.sort(key=lambda part: part[0])
    charset: str | None = None
    data = bytearray()
    whole = "".join(text for _, _, text in parts)
    if not parts[0][1] and _is_extended(whole):
        # The asterisk is missing from the first.
        parts = [(0, True, whole)]
    for position, (extended, run) in enumerate(groupby(parts, key=lambda part: part[1])):
        # Joined first, since a code such as %C3 may be cut in two.
        text = "".join(piece for _, _, piece in run)
        if extended and position == 0:
            charset, text = _charset_of(text)
        raw = text.encode("utf-8", "surrogateescape")
        data += unquote_to_bytes(raw) if extended else raw
    return decode_words(decode(bytes(data), charset))
