"""What the header says of nobody sitting at the other end, for all who ask."""

from __future__ import annotations

import re

from mail.headers import Headers

_WORD = re.compile(r"\s*([A-Za-z-]+)")
_EVERY = re.compile(r"\s*all\b", re.I)


def auto_submitted(headers: Headers) -> str:
    """The keyword of Auto-Submitted (RFC 3834 §5), lower case; "" where there is none or a person sent the mail."""
    word = _WORD.match(headers.get("Auto-Submitted") or "")
    keyword = word[1].lower() if word else ""
    return "" if keyword == "no" else keyword


def suppresses_answers(headers: Headers) -> bool:
    """X-Auto-Response-Suppress in full. Exchange sets parts of it on what people write, and all of it on some."""
    return _EVERY.match(headers.get("X-Auto-Response-Suppress") or "") is not None
