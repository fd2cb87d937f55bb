"""Starts the runs of messages that stand in the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from activities.services import Services
from storage import ledger
from storage.ledger import ListedEmail

_AT_ONCE = 8


async def start_listed(services: Services, tenant_id: UUID, rows: Sequence[ListedEmail]) -> None:
    """In order; one that runs already stays as it is."""
    if not rows:
        return
    remaining = iter(rows)

    async def start_on() -> None:
        for row in remaining:
            await services.runs.start_email(
                row.email, row.workflow_id, row.message_key, history=row.history, traceparent=row.traceparent
            )

    await asyncio.gather(*(start_on() for _ in range(_AT_ONCE)))
    async with services.db.tenant(tenant_id) as session:
        await ledger.mark_started(session, tenant_id, [row.email.email_id for row in rows])
