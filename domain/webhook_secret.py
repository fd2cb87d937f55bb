"""The secret that signs raw mail, and the one before it: its senders need time to take the new one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

OVERLAP = timedelta(days=1)


def rotated(before: Mapping[str, Any], new: str, now: datetime) -> dict[str, Any]:
    """What a mailbox keeps once `new` is its secret. One former secret is good on, for `OVERLAP`."""
    kept: dict[str, Any] = {**before, "webhook_secret": new}
    if "webhook_secret" in before:
        kept["former_webhook_secret"] = before["webhook_secret"]
        kept["former_until"] = (now + OVERLAP).isoformat()
    return kept


def valid(kept: Mapping[str, Any], now: datetime) -> list[str]:
    """The secrets that a request may be signed with."""
    former = [kept["former_webhook_secret"]] if now < _until(kept) else []
    return [kept["webhook_secret"], *former]


def _until(kept: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(kept.get("former_until", "0001-01-01T00:00:00+00:00"))
