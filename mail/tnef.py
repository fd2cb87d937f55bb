"""Outlook's winmail.dat (MS-OXTNEF): its attachments and bodies.

Of our own because one unreadable property must not cost the attachments beside it, and a large file is not
copied once per property.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from mail import rtf
from mail.charsets import decode
from mail.text import clean

SIGNATURE = b"\x78\x9f\x3e\x22"

_ATT_BODY, _ATT_MAPI_PROPS, _ATT_OEM_CODEPAGE = 0x800C, 0x9003, 0x9007
_ATT_DATA, _ATT_TITLE, _ATT_REND_DATA, _ATT_ATTACHMENT = 0x800F, 0x8010, 0x9002, 0x9005
_ATT_TRANSPORT_NAME = 0x9001

_PR_BODY, _PR_RTF, _PR_HTML, _PR_CODEPAGE = 0x1000, 0x1009, 0x1013, 0x3FDE
_PR_DATA, _PR_FILENAME, _PR_LONG_FILENAME, _PR_MIME_TAG, _PR_CONTENT_ID = 0x3701, 0x3704, 0x3707, 0x370E, 0x3712
_PR_DISPLAY_NAME = 0x3001

_FIXED = {0x02: 4, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_VARIABLE = (0x0D, 0x1E, 0x1F, 0x102)
_GUID_BYTES = 16
_MAX_ATTRIBUTES = 20_000
_MAX_DEPTH = 5
_MAX_CONTENT_ID = 1_000


@dataclass(slots=True)
class TnefFile:
    """One attachment inside winmail.dat; `name` may be empty."""

    name: str = ""
    content: bytes = b""
    content_type: str = ""
    content_id: str | None = None


@dataclass(slots=True)
class Tnef:
    """What a winmail.dat holds; `damaged` when it ends early or a property could not be read."""

    text: str = ""
    html: str = ""
    files: list[TnefFile] = field(default_factory=list)
    damaged: bool = False


def read_tnef(data: bytes, depth: int = 0) -> Tnef:
    """Everything readable in `data`; never raises. Attached messages are flattened into their files and bodies."""
    tnef = Tnef()
    if not data.startswith(SIGNATURE) or depth > _MAX_DEPTH:
        tnef.damaged = True
        return tnef
    codepage: str | None = None
    for identifier, value in _attributes(data, tnef):
        if identifier == _ATT_OEM_CODEPAGE and len(value) >= 4:
            codepage = f"cp{int.from_bytes(value[:4], 'little')}"
        elif identifier == _ATT_BODY:
            tnef.text = tnef.text or _string(bytes(value), codepage)
        elif identifier == _ATT_MAPI_PROPS:
            _read_message(value, tnef, codepage)
        elif identifier == _ATT_REND_DATA:
            tnef.files.append(TnefFile())
        elif identifier in (_ATT_DATA, _ATT_TITLE, _ATT_ATTACHMENT, _ATT_TRANSPORT_NAME):
            if not tnef.files:
                tnef.files.append(TnefFile())
            _read_file(identifier, value, tnef, codepage, depth)
    tnef.files = [file for file in tnef.files if file.name or file.content]
    return tnef


def _attributes(data: bytes, tnef: Tnef) -> Iterator[tuple[int, memoryview]]:
    view = memoryview(data)
    position = 6
    for _ in range(_MAX_ATTRIBUTES):
        if position + 9 > len(data):
            return
        _, identifier, _, length = struct.unpack_from("<BHHI", data, position)
        start = position + 9
        if start + length > len(data):
            tnef.damaged = True
        yield identifier, view[start : start + length]
        position = start + length + 2
    tnef.damaged = True


def _read_message(value: memoryview, tnef: Tnef, codepage: str | None) -> None:
    properties = _properties(value, tnef)
    number = properties.get(_PR_CODEPAGE)
    internet = f"cp{int.from_bytes(number[1][:4], 'little')}" if number else codepage
    if _PR_HTML in properties:
        kind, content = properties[_PR_HTML]
        tnef.html = _text(kind, content, internet)
    if _PR_BODY in properties:
        kind, content = properties[_PR_BODY]
        tnef.text = _text(kind, content, codepage) or tnef.text
    if _PR_RTF in properties and not tnef.html:
        html, text = rtf.read_compressed(bytes(properties[_PR_RTF][1]))
        tnef.html, tnef.text = html, tnef.text or text


def _read_file(identifier: int, value: memoryview, tnef: Tnef, codepage: str | None, depth: int) -> None:
    file = tnef.files[-1]
    if identifier == _ATT_DATA:
        file.content = bytes(value)
    elif identifier in (_ATT_TITLE, _ATT_TRANSPORT_NAME):
        file.name = file.name or _string(bytes(value), codepage)
    else:
        properties = _properties(value, tnef)
        for name in (_PR_LONG_FILENAME, _PR_FILENAME, _PR_DISPLAY_NAME):
            if name in properties and (text := _text(*properties[name], codepage)):
                file.name = file.name if name == _PR_DISPLAY_NAME and file.name else text
                break
        if _PR_MIME_TAG in properties:
            file.content_type = _text(*properties[_PR_MIME_TAG], codepage).lower()
        if _PR_CONTENT_ID in properties:
            file.content_id = _text(*properties[_PR_CONTENT_ID], codepage).strip("<> ")[:_MAX_CONTENT_ID] or None
        if _PR_DATA in properties:
            _read_object(properties[_PR_DATA], tnef, depth)


def _read_object(value: tuple[int, memoryview], tnef: Tnef, depth: int) -> None:
    """Attachment data as a property: plain bytes, or an embedded message behind its interface GUID."""
    kind, content = value
    file = tnef.files[-1]
    embedded = bytes(content[_GUID_BYTES:]) if kind == 0x0D else b""
    if not embedded.startswith(SIGNATURE):
        file.content = bytes(content) if kind != 0x0D else embedded
        return
    inner = read_tnef(embedded, depth + 1)
    tnef.damaged |= inner.damaged
    if not (inner.files or inner.html or inner.text):
        file.content = embedded
        return
    tnef.files.pop()
    stem = file.name or "message"
    if inner.html:
        tnef.files.append(TnefFile(f"{stem}.html", inner.html.encode(), "text/html"))
    elif inner.text:
        tnef.files.append(TnefFile(f"{stem}.txt", inner.text.encode(), "text/plain"))
    tnef.files += inner.files


def _properties(value: memoryview, tnef: Tnef) -> dict[int, tuple[int, memoryview]]:
    """MAPI properties by identifier: (type, first value). What comes after an unreadable one is left out."""
    found: dict[int, tuple[int, memoryview]] = {}
    try:
        (count,) = struct.unpack_from("<I", value, 0)
        position = 4
        for _ in range(min(count, _MAX_ATTRIBUTES)):
            kind, identifier = struct.unpack_from("<HH", value, position)
            position += 4
            if identifier >= 0x8000:
                position = _skip_name(value, position)
            many, kind = kind & 0x1000, kind & 0xFFF
            repeats = 1
            if many or kind in _VARIABLE:
                (repeats,) = struct.unpack_from("<I", value, position)
                position += 4
            for index in range(min(repeats, _MAX_ATTRIBUTES)):
                if kind in _VARIABLE:
                    (length,) = struct.unpack_from("<I", value, position)
                    position += 4
                else:
                    length = _FIXED[kind]
                if position + length > len(value):
                    tnef.damaged = True
                if index == 0:
                    found[identifier] = (kind, value[position : position + length])
                position += length + -length % 4
    except (struct.error, KeyError):
        tnef.damaged = True
    return found


def _skip_name(value: memoryview, position: int) -> int:
    (kind,) = struct.unpack_from("<I", value, position + _GUID_BYTES)
    position += _GUID_BYTES + 4
    (number,) = struct.unpack_from("<I", value, position)
    return position + 4 if kind == 0 else position + 4 + number + -number % 4


def _text(kind: int, content: memoryview, codepage: str | None) -> str:
    if kind == 0x1F:
        return clean(bytes(content).decode("utf-16-le", "replace"))
    return _string(bytes(content), codepage)


def _string(content: bytes, codepage: str | None) -> str:
    return decode(content.rstrip(b"\0"), codepage)
