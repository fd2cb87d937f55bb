"""All header fields of a raw message, for rules that look at them."""

from __future__ import annotations

from mail.headers import Headers, header_end

_WINDOW = 256 * 1024
_MAX_FIELDS = 1_000


def header_fields(raw: bytes) -> dict[str, list[str]]:
    """Decoded values by lower-cased name, in their order; of a very large header the first 256 KB."""
    window = raw[:_WINDOW]
    end, _ = header_end(window, 0, len(window), _WINDOW)
    fields: dict[str, list[str]] = {}
    for number, (name, value) in enumerate(Headers(window[:end]).items()):
        if number >= _MAX_FIELDS:
            break
        fields.setdefault(name.lower(), []).append(value)
    return fields
