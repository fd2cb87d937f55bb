"""The header block of a mail or of a MIME part, read as tolerantly as the oldest mail reader would.

Grammar: RFC 5322 §2.2, obsolete forms §4. Nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mail import charsets
from mail.encoded_words import decode_words
from mail.text import clean

_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:[ \t]*(.*(?:\r?\n[ \t].*)*)", re.M)
_FIELD_START = re.compile(rb"[!-9;-~]+[ \t]*:")
_LIKELY_FIELD = re.compile(rb"^[A-Za-z][A-Za-z0-9_-]*[ \t]*:(?:[ \t]|\r?$)", re.M)
# A name with spaces, none at all, or one with letters beyond ASCII (and a hyphen, to tell it from prose).
_BROKEN_NAME = re.compile(rb"(?:[A-Za-z][\w-]*(?:[ \t][\w-]+){1,2}|[A-Za-z]+-[!-9;-\xff]*)?:[ \t]?")
_ENVELOPE = re.compile(rb">?From \S")
_FOLD = re.compile(rb"(?:[ \t]*\r?\n[ \t]+)+")
_FOLD_IN_CHARACTER = re.compile(rb"([\xc2-\xf4][\x80-\xbf]{0,2})\r?\n[ \t]([\x80-\xbf]{1,3})")
_BREAKS = re.compile(rb"[\r\n]+")
_SPACES = re.compile(r"[ \t\r\n\v\f]+")
# Decoding a longer value costs more than it could ever say.
_MAX_VALUE = 65_536


class Headers:
    """Header fields in their order. Names compare without case; values are bytes until asked for."""

    __slots__ = ("_fields", "_hint", "_index", "_values", "repaired")

    def __init__(self, block: bytes = b"", *, hint: str | None = None) -> None:
        """`block` is everything before the blank line; `hint` the charset to try for raw 8-bit values."""
        self._fields: list[tuple[str, bytes]]
        self._fields, self.repaired = _split(block)
        self._hint = hint
        # Decoded values by position: several stages ask for Subject and Return-Path.
        self._values: dict[int, str] = {}
        self._index: dict[str, list[int]] = {}
        for position, (name, _) in enumerate(self._fields):
            self._index.setdefault(name.lower(), []).append(position)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._index

    def __len__(self) -> int:
        return len(self._fields)

    def get(self, name: str) -> str | None:
        """The first value, unfolded and RFC 2047-decoded; None where the field is missing."""
        positions = self._index.get(name.lower())
        return self._decoded(positions[0]) if positions else None

    def all(self, name: str) -> list[str]:
        """Every value of `name`, decoded, in their order."""
        return [self._decoded(position) for position in self._index.get(name.lower(), ())]

    def raw(self, name: str) -> bytes | None:
        """The first value as it stands in the source, folded."""
        positions = self._index.get(name.lower())
        return self._fields[positions[0]][1] if positions else None

    def unfolded(self, name: str) -> str | None:
        """The first value as text whose encoded words are not decoded, for the structured fields."""
        positions = self._index.get(name.lower())
        return self._unfolded(positions[0]) if positions else None

    def all_unfolded(self, name: str) -> list[str]:
        """Every value of `name` as `unfolded` gives it."""
        return [self._unfolded(position) for position in self._index.get(name.lower(), ())]

    def items(self) -> Iterator[tuple[str, str]]:
        """(name as written, decoded value) in their order."""
        for position, (name, _) in enumerate(self._fields):
            yield name, self._decoded(position)

    def _unfolded(self, position: int) -> str:
        value = self._fields[position][1]
        if len(value) > _MAX_VALUE:
            value = _shortened(value)
        if b"\n" in value or b"\r" in value:
            if not value.isascii():
                value = _FOLD_IN_CHARACTER.sub(_joined, value)
            value = _BREAKS.sub(b" ", _FOLD.sub(b" ", value))
        return charsets.decode(value, hint=self._hint).strip()

    def _decoded(self, position: int) -> str:
        value = self._values.get(position)
        if value is None:
            value = self._values[position] = self._decode(position)
        return value

    def _decode(self, position: int) -> str:
        value = self._unfolded(position)
        if "=?" in value:
            # A decoded line break would be a header injection wherever the value goes next.
            value = clean(decode_words(value)).replace("\r\n", " ").replace("\n", " ").replace("\r", " ").strip()
        return _SPACES.sub(" ", value) if "\t" in value else value


def _shortened(value: bytes) -> bytes:
    """The lines at both ends of a long value: in a list of ids the newest are the last."""
    half = _MAX_VALUE // 2
    head, folded, _ = value[:half].rpartition(b"\n")
    _, folded_too, tail = value[-half:].partition(b"\n")
    return head + b"\n" + tail if folded and folded_too else value[:_MAX_VALUE]


def _joined(match: re.Match[bytes]) -> bytes:
    """A character of UTF-8 that was folded as if its bytes were letters; anything else as it was."""
    character = match[1] + match[2]
    try:
        return character if len(character.decode()) == 1 else match[0]
    except UnicodeDecodeError:
        return match[0]


def _split(block: bytes) -> tuple[list[tuple[str, bytes]], bool]:
    """The fields of `block`, and whether lines had to be repaired for it."""
    fields: list[tuple[str, bytes]] = []
    position = 0
    for match in _FIELD.finditer(block):
        if match.start() != position:
            return _repair(block), True
        value = match[2]
        fields.append((match[1].decode("ascii"), value[:-1] if value[-1:] == b"\r" else value))
        position = match.end() + 1
    if block[position:].strip():
        return _repair(block), True
    return fields, False


def _repair(block: bytes) -> list[tuple[str, bytes]]:
    """Line by line: a line that is no field continues the one before it, as its sender forgot to fold."""
    fields: list[tuple[str, list[bytes]]] = []
    for line in block.split(b"\n"):
        line = line[:-1] if line[-1:] == b"\r" else line
        if line[:1] in (b" ", b"\t"):
            if fields:
                fields[-1][1].append(line)
        elif _FIELD_START.match(line):
            name, _, value = line.partition(b":")
            fields.append((name.strip().decode("ascii"), [value.lstrip(b" \t")]))
        elif _BROKEN_NAME.match(line):
            # A field whose name is broken: readable by nobody, but no part of its neighbour either.
            name, _, value = line.partition(b":")
            fields.append((name.decode("latin-1"), [value.lstrip(b" \t")]))
        elif fields and line and not _ENVELOPE.match(line):
            fields[-1][1].append(b" " + line)
    return [(name, b"\n".join(lines)) for name, lines in fields]


def header_end(raw: bytes, start: int, end: int, limit: int) -> tuple[int, int]:
    """(end of the header block, start of the body) within `raw[start:end]`; at most `limit` bytes are header.

    Finds the blank line; where a line before it cannot be a header and none follows, the body starts there
    (its sender forgot the blank line).
    """
    if raw[start : start + 1] == b"\n":
        return start, start + 1
    if raw[start : start + 2] == b"\r\n":
        return start, start + 2
    bound = min(end, start + limit)
    # The style of the first line says which blank line to look for first; the other search is then short.
    first_end = raw.find(b"\n", start, bound)
    if first_end > start and raw[first_end - 1] == 13:
        crlf_blank = raw.find(b"\n\r\n", start, bound)
        blank = raw.find(b"\n\n", start, crlf_blank if crlf_blank >= 0 else bound)
        crlf_blank = -1 if blank >= 0 else crlf_blank
    else:
        blank = raw.find(b"\n\n", start, bound)
        crlf_blank = raw.find(b"\n\r\n", start, blank if blank >= 0 else bound)
    if crlf_blank >= 0:
        stop, body = crlf_blank + 1, crlf_blank + 3
    elif blank >= 0:
        stop, body = blank + 1, blank + 2
    elif bound < end:
        stop = raw.rfind(b"\n", start, bound) + 1 or bound
        body = stop
    else:
        stop = body = end
    missing = _missing_blank_line(raw, start, stop)
    return (missing, missing) if missing is not None else (stop, body)


def _missing_blank_line(raw: bytes, start: int, stop: int) -> int | None:
    position = start
    for match in _FIELD.finditer(raw, start, stop):
        if match.start() != position:
            break
        position = match.end() + 1
    if position >= stop or not raw[position:stop].strip():
        return None
    line_end = raw.find(b"\n", position, stop)
    line = raw[position : line_end if line_end >= 0 else stop]
    if position > start and (_BROKEN_NAME.match(line) or raw[start:position].rstrip().endswith((b",", b";"))):
        # A field with a broken name, or the rest of a list that was not folded.
        return None
    if line.startswith(b"--") or line_end < 0 or not _LIKELY_FIELD.search(raw, line_end + 1, stop):
        return position if not _ENVELOPE.match(line) or position > start else None
    return None
