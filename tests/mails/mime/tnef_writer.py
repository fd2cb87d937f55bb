"""Just enough of a TNEF writer (MS-OXTNEF) to make winmail.dat samples."""

from __future__ import annotations

import struct

MESSAGE, ATTACHMENT = 1, 2


def tnef(*attributes: bytes) -> bytes:
    """A TNEF stream: signature, key, version, then `attributes`."""
    version = attribute(MESSAGE, 0x89006, struct.pack("<I", 0x10000))
    codepage = attribute(MESSAGE, 0x69007, struct.pack("<II", 1252, 0))
    return struct.pack("<IH", 0x223E9F78, 1) + version + codepage + b"".join(attributes)


def attribute(level: int, identifier: int, data: bytes) -> bytes:
    return struct.pack("<BII", level, identifier, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def attached_file(name: str, data: bytes, *more: tuple[int, int, bytes]) -> bytes:
    """An attachment with its short title and, in `more`, MAPI properties as (type, identifier, value)."""
    parts = [attribute(ATTACHMENT, 0x69002, b"\1\0" + bytes(12)),
             attribute(ATTACHMENT, 0x18010, name.encode("cp1252", "replace")[:12] + b"\0")]  # fmt: skip
    if data:
        parts.append(attribute(ATTACHMENT, 0x6800F, data))
    return b"".join(parts) + attribute(ATTACHMENT, 0x69005, properties(*more))


def message_properties(*values: tuple[int, int, bytes]) -> bytes:
    return attribute(MESSAGE, 0x69003, properties(*values))


def properties(*values: tuple[int, int, bytes]) -> bytes:
    out = bytearray(struct.pack("<I", len(values)))
    for kind, identifier, value in values:
        out += struct.pack("<HH", kind, identifier)
        if kind in (0x1E, 0x1F, 0x102, 0x0D):
            out += struct.pack("<II", 1, len(value)) + value + bytes(-len(value) % 4)
        else:
            out += value
    return bytes(out)


def unicode_string(text: str) -> bytes:
    return text.encode("utf-16-le") + b"\0\0"
