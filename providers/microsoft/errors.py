"""What an error of Microsoft Graph means (learn.microsoft.com/graph/errors, …/throttling-limits)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from providers import web
from providers.base import AuthFailed, Conflict, Gone, Permanent, ProviderError, RateLimited, Transient

_LOST = {"syncstatenotfound", "syncstateinvalid", "resyncrequired"}
_MISSING_ITEM = {"erroritemnotfound", "itemnotfound", "errormessagenotfound"}
# The application may not, or the mailbox is not there (any more): an administrator has to change something.
_NO_MAILBOX = {"mailboxnotenabledforrestapi", "mailboxnotfound", "errornonexistentmailbox", "request_resourcenotfound",
               "errorinvaliduser"}  # fmt: skip
_UNTOLD_WAIT = timedelta(seconds=30)


class SyncStateLost(Gone):
    """The delta link has expired: the folder has to be listed anew."""


def classify(status: int, headers: Mapping[str, str], body: Any) -> ProviderError:
    """The error for an answer that is no success. `body` is the decoded JSON, or None. Codes differ in case."""
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {}
    code = str(error.get("code", ""))
    name = f"Graph answered {status}{' ' + code if code.replace('_', '').isalnum() else ''}"
    key, until = code.lower(), web.retry_after(headers.get("Retry-After"))
    if status == 410 or (400 <= status < 500 and key in _LOST):
        return SyncStateLost(name)
    if status == 429:
        return RateLimited(name, until or datetime.now(UTC) + _UNTOLD_WAIT)
    if status in (503, 504) and until is not None:
        return RateLimited(name, until)
    if status >= 500 or status == 408:
        return Transient(name)
    if status == 401:
        return AuthFailed(f"{name}: the token was refused")
    if key in _MISSING_ITEM:
        return Gone(name)
    if key in _NO_MAILBOX:
        return AuthFailed(f"{name}: there is no such mailbox, or it has no licence")
    if status == 403:
        return AuthFailed(f"{name}: the application may not read this mailbox")
    if status == 404:
        return Gone(name)
    if status == 409:
        return Conflict(name)
    if status == 400 and "validation request" in str(error.get("message", "")).lower():
        # The handshake fails now and then also with an endpoint in good health.
        return Transient(f"{name}: the webhooks did not answer the handshake")
    return Permanent(name)
