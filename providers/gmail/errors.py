"""What an error of the Gmail API means (developers.google.com/workspace/gmail/api/guides/handle-errors)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from providers import web
from providers.base import AuthFailed, Gone, Permanent, ProviderError, RateLimited, Transient

_THROTTLED = {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "concurrentLimitExceeded"}
# Of the day's quota there is nothing left: knocking every minute would not bring it back.
_DAILY = {"dailyLimitExceeded", "dailyLimitExceededUnreg"}
_DAILY_WAIT = timedelta(hours=1)
_RETRY_AT = re.compile(r"Retry after (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)\d*Z", re.IGNORECASE)


class BadRequest(Permanent):
    """400: what was asked for makes no sense to the server; for a cursor, that it no longer knows it."""


class WatchedElsewhere(Permanent):
    """Another topic is watched."""


def classify(status: int, headers: Mapping[str, str], body: Any) -> ProviderError:
    """The error for an answer that is no success. `body` is the decoded JSON, or None."""
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {}
    reasons = {str(e.get("reason", "")) for e in error.get("errors", []) if isinstance(e, dict)}
    name = f"Gmail answered {status}{' ' + ', '.join(sorted(filter(str.isalnum, reasons))) if reasons else ''}"
    until = web.retry_after(headers.get("Retry-After")) or _announced(str(error.get("message", "")))
    if "one user push notification client allowed" in str(error.get("message", "")).lower():
        return WatchedElsewhere(name)  # only the text tells
    if status == 401:
        return AuthFailed(f"{name}: the token was refused")
    if reasons & _DAILY:
        return RateLimited(name, until or datetime.now(UTC) + _DAILY_WAIT)
    if status == 429 or (status == 403 and reasons & _THROTTLED):
        return RateLimited(name, until)
    if status == 403:
        return AuthFailed(f"{name}: access to this mailbox is not allowed")
    if status == 404:
        return Gone(name)
    if status == 400 and "failedPrecondition" in reasons:
        return AuthFailed(f"{name}: Gmail is not enabled for this user")
    if status == 400:
        return BadRequest(name)
    if status == 408 or status >= 500:
        return RateLimited(name, until) if until else Transient(name)
    return Permanent(name)


def _announced(message: str) -> datetime | None:
    """Gmail says when to come back in its text for people, and in no header."""
    match = _RETRY_AT.search(message)
    return datetime.fromisoformat(match[1]).replace(tzinfo=UTC) if match else None
