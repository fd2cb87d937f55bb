"""How much of a mail is read. Past a limit, what was read until then stands and `problems` names the code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes unless said otherwise; the problem code of each limit is beside it."""

    raw_bytes: int = 256 * 1024 * 1024  # mail_too_large
    header_bytes: int = 512 * 1024  # headers_too_large
    parts: int = 2_000  # too_many_parts
    depth: int = 50  # too_deep
    addresses: int = 2_000  # too_many_addresses, per field
    references: int = 500  # too_many_references, per field
    decoded_bytes: int = 512 * 1024 * 1024  # decoded_too_large, all attachments together
    body_chars: int = 8_000_000  # body_too_large, text and html each
    filename_bytes: int = 255  # filename_shortened, in UTF-8


DEFAULT = Limits()
