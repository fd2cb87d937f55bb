"""`look_after_mailboxes`: what is due for any mailbox of any tenant is begun, and what was not scanned is scanned."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity

from activities.rescanning import scan_again
from activities.services import Services
from activities.starts import start_listed
from domain.mailbox_jobs import MailboxJob
from storage import ledger, mail_hours, mailbox_jobs, tenants

# Every mailbox is compared with its source once a day; of each tenant so many at a time.
CHECK_EVERY = timedelta(days=1)
CHECKS_AT_ONCE = 20
# Messages of removed mailboxes that are begun in one round, of each tenant.
STARTS = 500


class Upkeep:
    def __init__(self, services: Services) -> None:
        self._services = services

    @activity.defn
    async def look_after_mailboxes(self, nothing: None = None) -> int:
        """Counts hours that have ended, has mailboxes compared with their source, and removed ones disconnected.

        Returns how many. Mail that was acknowledged for a mailbox, and not begun when that was removed, is begun.
        """
        db, begun = self._services.db, 0
        known = await tenants.ids(db)
        for tenant_id in known:
            async with db.tenant(tenant_id) as session:
                await mail_hours.close_hours(session, tenant_id)
                due = await mailbox_jobs.due(session, tenant_id, CHECK_EVERY, CHECKS_AT_ONCE)
                jobs = [
                    MailboxJob(
                        tenant_id=tenant_id,
                        job_id=await mailbox_jobs.create(session, tenant_id, row["mailbox_id"], "reconcile", "clock"),
                        mailbox_id=row["mailbox_id"],
                        provider=row["provider"],
                        kind="reconcile",
                        repair=True,
                    )
                    for row in due
                ]
                jobs += [
                    MailboxJob(
                        tenant_id=tenant_id,
                        job_id=row["job_id"],
                        mailbox_id=row["mailbox_id"],
                        provider=row["result"]["provider"],
                        kind="disconnect",
                    )
                    for row in await mailbox_jobs.disconnecting(session, tenant_id)
                ]
                left = await ledger.unstarted_of_removed(session, tenant_id, STARTS)
            await start_listed(self._services, tenant_id, left)
            # After the commit: the job's worker looks for its row. One that is not started is due again in an hour.
            for job in jobs:
                await self._services.runs.start_job(job)
            begun += len(jobs)
        if self._services.scanner is not None:
            await scan_again(self._services, self._services.scanner, known)
        return begun
