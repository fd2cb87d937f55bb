"""A mailbox: where mail comes from, and how its entity workflow stands."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from domain.inbound import Provider, Reference
from domain.task import TaskResolution


class MailboxRef(Reference):
    """The input of `MailboxWorkflow`, and its state when it continues as new."""

    tenant_id: UUID
    mailbox_id: UUID
    provider: Provider
    paused: bool = False
    # How long at most until the next reconcile, whatever notifications say.
    reconcile_every: timedelta = timedelta(minutes=1)
    # Of one sync: the trace of the notification that asked for it, as a W3C traceparent.
    woken_by: str = ""


class MailboxChange(Reference):
    """What an operator asked of a mailbox; `since` (aware) comes with `resync`, `resolution` with `answer`.

    The others make it look at once, from a connection made anew.
    """

    mailbox: MailboxRef
    what: Literal["pause", "resume", "resync", "reconfigure", "credentials_changed", "answer"]
    since: datetime | None = None
    resolution: TaskResolution | None = None


class SyncResult(Reference):
    """What one sync did. `more`: there is more to do at once; `look_again_in`: sooner than the next reconcile.

    `error` is what keeps the source from being read, for people; nothing of it is secret. `synced_at` (aware): when all
    that the source had was last known to be listed, where that is not now.
    """

    listed: int = 0
    started: int = 0
    more: bool = False
    look_again_in: timedelta | None = None
    error: str = ""
    synced_at: datetime | None = None


class MailboxView(Reference):
    """The answer to the query `status`."""

    state: str
    syncs: int
    last_sync_at: datetime | None = None
    last_error: str = ""
