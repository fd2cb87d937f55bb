"""What an opaque S/MIME signature encloses (RFC 8551 §3.5.2, CMS RFC 5652 §5), BER as Outlook writes it included."""

from __future__ import annotations

from collections.abc import Iterator

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_ENVELOPED_DATA = bytes.fromhex("2a864886f70d010703")
_AUTH_ENVELOPED_DATA = bytes.fromhex("2a864886f70d0109100117")
_MAX_DEPTH = 20


class _NotBer(Exception):
    pass


def is_enveloped(data: bytes) -> bool:
    """Whether `data` is a CMS message that only a private key opens."""
    return any(oid in data[:64] for oid in (_ENVELOPED_DATA, _AUTH_ENVELOPED_DATA))


def signed_content(data: bytes) -> bytes | None:
    """The MIME entity inside a CMS SignedData; None where `data` is anything else."""
    try:
        content_info = _first(data, 0, len(data), 0x30)
        oid, explicit = list(_elements(data, *content_info, 0))[:2]
        if data[oid[1] : oid[2]] != _SIGNED_DATA or explicit[0] != 0xA0:
            return None
        signed = _first(data, explicit[1], explicit[2], 0x30)
        encapsulated = list(_elements(data, *signed, 0))[2]
        content = _first(data, encapsulated[1], encapsulated[2], 0xA0)
        return b"".join(_octets(data, *content, 0)) or None
    except (_NotBer, IndexError, ValueError):
        return None


def _first(data: bytes, start: int, end: int, tag: int) -> tuple[int, int]:
    for found, content, stop in _elements(data, start, end, 0):
        if found == tag:
            return content, stop
    raise _NotBer


def _octets(data: bytes, start: int, end: int, depth: int) -> Iterator[bytes]:
    if depth > _MAX_DEPTH:
        raise _NotBer
    for tag, content, stop in _elements(data, start, end, depth):
        if tag == 0x04:
            yield data[content:stop]
        elif tag == 0x24:
            yield from _octets(data, content, stop, depth + 1)


def _elements(data: bytes, start: int, end: int, depth: int) -> Iterator[tuple[int, int, int]]:
    """(tag, start of content, end of content) of the elements side by side in `data[start:end]`."""
    position = start
    while position + 2 <= end:
        tag, length = data[position], data[position + 1]
        if tag == 0 and length == 0:
            return
        content = position + 2
        if length == 0x80:
            stop = _indefinite_end(data, content, end, depth + 1)
            yield tag, content, stop
            position = stop + 2
            continue
        if length & 0x80:
            size = length & 0x7F
            if size > 8:
                raise _NotBer
            length = int.from_bytes(data[content : content + size])
            content += size
        stop = content + length
        if stop > end:
            raise _NotBer
        yield tag, content, stop
        position = stop


def _indefinite_end(data: bytes, start: int, end: int, depth: int) -> int:
    """Where the end-of-contents octets of an indefinite-length element stand."""
    if depth > _MAX_DEPTH:
        raise _NotBer
    position = start
    for _, _, stop in _elements(data, start, end, depth):
        position = stop + (2 if data[stop : stop + 2] == b"\0\0" and _was_indefinite(data, position) else 0)
    return position


def _was_indefinite(data: bytes, position: int) -> bool:
    return data[position + 1] == 0x80
