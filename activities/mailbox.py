"""`sync_mailbox` and `change_mailbox`: what a mailbox's entity workflow does to the world."""

from __future__ import annotations

from temporalio import activity

from activities.services import Services
from domain.mailbox import MailboxChange, MailboxRef, SyncResult
from storage import ledger, mailboxes

# Rows started in one sync; with more to start, the workflow syncs again at once.
START_BATCH = 200


class MailboxActivities:
    def __init__(self, services: Services) -> None:
        self._services = services

    @activity.defn
    async def sync_mailbox(self, mailbox: MailboxRef) -> SyncResult:
        """Starts every listed message whose workflow was never started, oldest first."""
        async with self._services.db.tenant(mailbox.tenant_id) as session:
            waiting = await ledger.unstarted(session, mailbox.tenant_id, mailbox.mailbox_id, START_BATCH)
        for row in waiting:
            activity.heartbeat()
            await self._services.runs.start_email(row.email, row.workflow_id, row.message_key, history=row.history)
        async with self._services.db.tenant(mailbox.tenant_id) as session:
            await ledger.mark_started(session, mailbox.tenant_id, [row.email.email_id for row in waiting])
            await mailboxes.synced(session, mailbox.tenant_id, mailbox.mailbox_id)
        return SyncResult(started=len(waiting), more=len(waiting) == START_BATCH)

    @activity.defn
    async def change_mailbox(self, change: MailboxChange) -> MailboxRef:
        """Applies an operator's wish to the row, where the listener sees it too, and returns the new state."""
        mailbox = change.mailbox
        async with self._services.db.tenant(mailbox.tenant_id) as session:
            if change.what == "pause":
                await mailboxes.set_state(session, mailbox.tenant_id, mailbox.mailbox_id, "paused")
            elif change.what in ("resume", "credentials_changed"):
                await mailboxes.set_state(session, mailbox.tenant_id, mailbox.mailbox_id, "active")
            elif change.what == "resync" and change.since is not None:
                await mailboxes.rewind(session, mailbox.tenant_id, mailbox.mailbox_id, change.since)
            state = await mailboxes.state(session, mailbox.tenant_id, mailbox.mailbox_id)
        return mailbox.model_copy(update={"paused": state == "paused"})
