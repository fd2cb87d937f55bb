"""The answers that listings are made of: FETCH of Message-ID, size and INTERNALDATE, and STATUS."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from imapclient.datetime_util import parse_to_datetime

_UNPRINTABLE = bytes(byte if 32 <= byte < 127 else 255 for byte in range(256))
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_STATUS = re.compile(rb"(.*?) ?\(([^()]*)\)\s*$", re.DOTALL)
_INTERNALDATE = re.compile(rb'\bINTERNALDATE "([^"]+)"')


@dataclass(frozen=True, slots=True)
class Header:
    """What a listing tells about one message; `message_id` is the raw field value."""

    message_id: str | None
    size: int | None
    received_at: datetime | None


def parse_headers(data: list[Any]) -> Iterator[tuple[int, Header]]:
    """UID and header of each FETCH answer as imaplib gives it: (text, literal) pairs, then the text that ends it.

    IMAPClient's parser knows all of FETCH, and needs five times as long for the little that is asked for here.
    """
    texts: list[bytes] = []
    field: bytes | None = None
    for item in data:
        if isinstance(item, tuple):
            texts.append(item[0])
            field = item[1] if b"BODY[HEADER" in item[0].upper() else field
        elif item is not None:
            text = b" ".join([*texts, item]).upper()
            uid, size, date = (pattern.search(text) for pattern in (_UID, _SIZE, _INTERNALDATE))
            if uid and size:
                yield int(uid[1]), Header(field_value(field or b""), int(size[1]), _received_at(date))
            texts, field = [], None


def _received_at(date: re.Match[bytes] | None) -> datetime | None:
    try:
        received: datetime | None = parse_to_datetime(date[1], normalise=False) if date else None
    except (ValueError, OverflowError):
        return None
    return received.astimezone(UTC) if received and received.tzinfo else None


def field_value(field: bytes) -> str | None:
    """The value of the first header field in `field`, unfolded; bytes that are not printable ASCII become U+FFFD."""
    first, *continuation = field.strip().split(b"\n")
    folded = itertools.takewhile(lambda line: line[:1] in (b" ", b"\t"), continuation)
    value = b"".join([first.partition(b":")[2], *folded]).replace(b"\r", b"").strip()
    return value.translate(_UNPRINTABLE).decode("ascii", "replace") or None


def parse_status(data: list[Any], name: bytes) -> dict[bytes, int]:
    """The values of the STATUS answer for the folder `name` (in modified UTF-7); of the only one if none is so named.

    There are several when NOTIFY tells of other folders in between, and servers may spell the name otherwise.
    Raises ValueError.
    """
    values: dict[bytes, int] = {}
    prefix = b""
    for item in data:
        if isinstance(item, tuple):  # the name came as a literal
            prefix = item[1]
            continue
        if match := _STATUS.match(prefix + item):
            label = re.sub(rb"\\(.)", rb"\1", match[1].strip().strip(b'"'))
            words = match[2].upper().split()
            if label.upper() == name.upper() or not values:
                values = dict(zip(words[::2], map(int, words[1::2]), strict=True))
            if label.upper() == name.upper():
                return values
        prefix = b""
    return values
