"""The words in which the corpus is written."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

CRLF = b"\r\n"
DEFAULT_DATE = "Fri, 20 Nov 2026 11:22:33 +0100"
DATE_ISO = "2026-11-20T11:22:33+01:00"


@dataclass(frozen=True)
class Case:
    """One mail and what it means."""

    name: str
    raw: bytes
    expected: dict[str, Any]


def case(name: str, raw: bytes, **expected: Any) -> Case:
    """`from_` stands for `from`, a Python keyword."""
    if "from_" in expected:
        expected["from"] = expected.pop("from_")
    return Case(name, raw, expected)


def mail(body: bytes | str = b"Hello.\r\n", *fields: bytes | str, without: tuple[str, ...] = ()) -> bytes:
    """A message: the usual fields unless `fields` has them or `without` names them, then `fields`, then `body`."""
    usual = {
        "From": "Ada Example <ada@example.com>",
        "To": "help@example.org",
        "Subject": "Printer on floor 3",
        "Date": DEFAULT_DATE,
        "Message-ID": "<case@example.com>",
        "MIME-Version": "1.0",
    }
    lines = [field if isinstance(field, bytes) else field.encode() for field in fields]
    given = {line.partition(b":")[0].strip().lower().decode("latin-1") for line in lines}
    kept = [f"{name}: {value}".encode() for name, value in usual.items()
            if name.lower() not in given and name not in without]  # fmt: skip
    return CRLF.join([*kept, *lines]) + CRLF + CRLF + as_bytes(body)


def part(body: bytes | str, *fields: str | bytes) -> bytes:
    """One part of a multipart: fields, blank line, body."""
    return b"".join(as_bytes(field) + CRLF for field in fields) + CRLF + as_bytes(body)


def multipart(boundary: str, *parts: bytes, preamble: bytes = b"", epilogue: bytes = b"") -> bytes:
    """The body of a multipart, closed."""
    delimiter = b"--" + boundary.encode()
    inner = b"".join(delimiter + CRLF + piece + CRLF for piece in parts)
    return preamble + inner + delimiter + b"--" + CRLF + epilogue


def mixed(*parts: bytes, subtype: str = "mixed", boundary: str = "outer-limit", extra: str = "") -> bytes:
    """A whole mail with a multipart body."""
    return mail(multipart(boundary, *parts), f'Content-Type: multipart/{subtype}; boundary="{boundary}"{extra}')


def nested(subtype: str, *parts: bytes, boundary: str = "inner-limit") -> bytes:
    """A multipart as a part."""
    return part(multipart(boundary, *parts), f'Content-Type: multipart/{subtype}; boundary="{boundary}"')


def text(body: str, charset: str = "utf-8") -> bytes:
    return part(body.encode(charset), f"Content-Type: text/plain; charset={charset}")


def html(body: str, charset: str = "utf-8") -> bytes:
    return part(body.encode(charset), f"Content-Type: text/html; charset={charset}")


def file(name: str, content: bytes, content_type: str = "application/pdf", *fields: str) -> bytes:
    """A base64 attachment."""
    return part(b64(content), f'Content-Type: {content_type}; name="{name}"', "Content-Transfer-Encoding: base64",
                f'Content-Disposition: attachment; filename="{name}"', *fields)  # fmt: skip


def b64(content: bytes) -> bytes:
    """Base64 in lines of 76 characters."""
    return base64.encodebytes(content).replace(b"\n", CRLF).rstrip()


def attached(filename: str, content: bytes, content_type: str = "application/pdf", *, inline: bool = False,
             content_id: str | None = None) -> dict[str, Any]:  # fmt: skip
    """What is expected of one attachment."""
    return {
        "filename": filename,
        "content_type": content_type,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "inline": inline,
        "content_id": content_id,
    }


def person(address: str, name: str = "") -> dict[str, str]:
    return {"name": name, "address": address}


def as_bytes(value: bytes | str) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


PDF = b"%PDF-1.4\nsample of the corpus\n%%EOF\n"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc00000030101"
    "0018dd8db00000000049454e44ae426082"
)
