"""`apply_retention`: lets go what every tenant's policy says, in small batches."""

from __future__ import annotations

import time
from uuid import UUID

from temporalio import activity

from activities.heartbeat import heartbeating
from activities.services import Services
from domain.retention import RetentionPass
from storage import deletions, events, policies, retention, tenants

# Seconds of one pass; with more to let go, the workflow asks for another one.
PASS = 60.0


class ApplyRetention:
    def __init__(self, services: Services) -> None:
        self._services = services

    @activity.defn
    async def apply_retention(self, nothing: None = None) -> RetentionPass:
        """Safe to repeat and to run twice at a time: each batch takes what is still there."""
        async with heartbeating():
            return await self._apply(time.monotonic() + PASS)

    async def _apply(self, deadline: float) -> RetentionPass:
        db, rows, more = self._services.db, 0, False
        for tenant_id in await tenants.ids(db):
            async with db.tenant(tenant_id) as session:
                await events.forget(session, tenant_id)
            gone = retention.BATCH
            while gone == retention.BATCH and time.monotonic() < deadline:
                async with db.tenant(tenant_id) as session:
                    policy = (await policies.tenant(session, tenant_id)).retention
                    gone = await retention.apply(session, tenant_id, policy)
                rows += gone
            more = await self._delete(tenant_id, deadline) or more or gone == retention.BATCH
        return RetentionPass(rows=rows, more=more)

    async def _delete(self, tenant_id: UUID, deadline: float) -> bool:
        """Whether objects are left to delete that time alone kept from it."""
        while await deletions.work_off(self._services.db, self._services.objects, tenant_id):
            if time.monotonic() > deadline:
                return True
        return False
