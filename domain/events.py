"""Outgoing events: what other systems are told, and when a delivery that failed is tried again."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict

EventKind = Literal[
    "ticket.created", "comment.added", "task.opened", "task.resolved", "mailbox.status", "email.excluded"
]
EVENT_KINDS: Final[tuple[EventKind, ...]] = get_args(EventKind)

# After the first attempt; the spacing that standardwebhooks.com recommends, a little over three days in all.
RETRY_AFTER: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
_LONGEST_WISH = timedelta(days=1)


class EndpointRef(BaseModel):
    """One subscriber, as workflows know it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    tenant_id: UUID
    endpoint_id: UUID


class DeliveryReport(BaseModel):
    """What one round of deliveries came to; `more` when others are owed already."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    delivered: int = 0
    failed: int = 0
    more: bool = False


def retry_in(attempts: int, wished: timedelta | None = None) -> timedelta | None:
    """When to try again after `attempts` failed ones, not before the receiver wished; None: it is given up."""
    if attempts > len(RETRY_AFTER):
        return None
    return max(RETRY_AFTER[attempts - 1], min(wished or timedelta(0), _LONGEST_WISH))
