"""The structure of S/MIME containers (RFC 8551 §3, CMS RFC 5652 §5), BER as Outlook writes it included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_ENVELOPED_DATA = bytes.fromhex("2a864886f70d010703")
_AUTH_ENVELOPED_DATA = bytes.fromhex("2a864886f70d0109100117")
_MAX_DEPTH = 20


class NotBer(Exception):
    """Not what it should be, or nested deeper than any sender means."""


class Element(NamedTuple):
    """One element of `data`: all of it is `data[head:end]`, its content `data[start:stop]`."""

    tag: int
    head: int
    start: int
    stop: int
    end: int


def is_enveloped(data: bytes) -> bool:
    """Whether `data` is a CMS message that only a private key opens."""
    return any(oid in data[:64] for oid in (_ENVELOPED_DATA, _AUTH_ENVELOPED_DATA))


def signed_content(data: bytes) -> bytes | None:
    """The MIME entity inside a CMS SignedData; None where `data` is anything else."""
    try:
        encapsulated = signed_data(data)[2]
        content = _first(data, encapsulated.start, encapsulated.stop, 0xA0)
        return b"".join(_octets(data, content.start, content.stop, 0)) or None
    except (NotBer, IndexError, ValueError):
        return None


def signed_data(data: bytes) -> list[Element]:
    """The fields of a CMS SignedData (RFC 5652 §5.1). Raises NotBer where `data` is anything else."""
    content_info = _first(data, 0, len(data), 0x30)
    fields = children(data, content_info)
    if len(fields) < 2 or data[fields[0].start : fields[0].stop] != _SIGNED_DATA or fields[1].tag != 0xA0:
        raise NotBer
    return children(data, _first(data, fields[1].start, fields[1].stop, 0x30))


def children(data: bytes, parent: Element) -> list[Element]:
    """The elements in the content of `parent`. Raises NotBer."""
    return list(_elements(data, parent.start, parent.stop, 0))


def _first(data: bytes, start: int, end: int, tag: int) -> Element:
    for found in _elements(data, start, end, 0):
        if found.tag == tag:
            return found
    raise NotBer


def _octets(data: bytes, start: int, end: int, depth: int) -> Iterator[bytes]:
    if depth > _MAX_DEPTH:
        raise NotBer
    for found in _elements(data, start, end, depth):
        if found.tag == 0x04:
            yield data[found.start : found.stop]
        elif found.tag == 0x24:
            yield from _octets(data, found.start, found.stop, depth + 1)


def _elements(data: bytes, start: int, end: int, depth: int) -> Iterator[Element]:
    """The elements side by side in `data[start:end]`."""
    position = start
    while position + 2 <= end:
        tag, length = data[position], data[position + 1]
        if tag == 0 and length == 0:
            return
        content = position + 2
        if length == 0x80:
            stop = _indefinite_end(data, content, end, depth + 1)
            yield Element(tag, position, content, stop, stop + 2)
            position = stop + 2
            continue
        if length & 0x80:
            size = length & 0x7F
            if size > 8:
                raise NotBer
            length = int.from_bytes(data[content : content + size])
            content += size
        stop = content + length
        if stop > end:
            raise NotBer
        yield Element(tag, position, content, stop, stop)
        position = stop


def _indefinite_end(data: bytes, start: int, end: int, depth: int) -> int:
    """Where the end-of-contents octets of an indefinite-length element stand."""
    if depth > _MAX_DEPTH:
        raise NotBer
    position = start
    for found in _elements(data, start, end, depth):
        position = found.end
    return position
