"""The gate before a source that counts what all workers ask of a mailbox."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from providers.base import RateLimited
from storage import push
from storage.database import Database

# Graph allows four requests at once per app and mailbox; one is left to whoever else uses the app's mailbox.
GRAPH_SLOTS = 3


class MailboxGate:
    """`providers.base.Gate`: slots, quota and silences, kept in Postgres and so the same for every worker."""

    def __init__(
        self, db: Database, tenant_id: UUID, mailbox_id: UUID, *, slots: int, units_per_minute: int | None = None
    ) -> None:
        """`units_per_minute`: None where the source counts requests only."""
        self._db = db
        self._tenant_id = tenant_id
        self._mailbox_id = mailbox_id
        self._slots = slots
        self._units_per_minute = units_per_minute

    @asynccontextmanager
    async def request(self, units: int = 0) -> AsyncIterator[None]:
        async with self._db.tenant(self._tenant_id) as session:
            state = await push.sync_state(session, self._tenant_id, self._mailbox_id)
        if state.blocked:
            raise RateLimited("the source asked for silence", state.blocked_until)
        async with push.slot(self._db, self._tenant_id, self._mailbox_id, self._slots):
            if self._units_per_minute is not None:
                wait = await push.spend(self._db, self._tenant_id, self._mailbox_id, units, self._units_per_minute)
                await asyncio.sleep(wait)
            try:
                yield
            except RateLimited as error:
                setbacks = state.setbacks + 1
                until = error.until or datetime.now(UTC) + pause_after(setbacks)
                async with self._db.tenant(self._tenant_id) as session:
                    await push.set_sync_state(
                        session, self._tenant_id, self._mailbox_id, blocked_until=until, setbacks=setbacks
                    )
                raise RateLimited(str(error), until) from None


def pause_after(setbacks: int) -> timedelta:
    """How long to leave a source alone that failed so often in a row and did not say for how long: 1 s to a minute."""
    longest = min(2.0 ** min(setbacks, 6), 60.0)
    return timedelta(seconds=random.uniform(longest / 2, longest))  # noqa: S311 (only spreads the waiting)
