"""`sync_mailbox` and `change_mailbox`: what a mailbox's entity workflow does to the world."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from temporalio import activity

from activities import listing, rescans, resync
from activities.canary import Canaries
from activities.gate import pause_after
from activities.services import Services
from activities.sources import Sources, notifies
from activities.starts import start_listed
from activities.watches import Watches
from domain import tracing
from domain.identity import mailbox_workflow_id
from domain.mailbox import MailboxChange, MailboxRef, SyncResult
from providers.base import AuthFailed, Gone, Permanent, PushProvider, RateLimited, Transient
from providers.imap.watch import listens
from storage import canary, ledger, mailboxes, push, reconnect

if TYPE_CHECKING:
    from storage.database import Session

# Rows started in one sync; with more to start, the workflow syncs again at once.
START_BATCH = 200
# Seconds of listing in one sync; with more to list, the workflow syncs again at once.
LIST_FOR = 60.0
# Refusals of the credentials in a row after which the mailbox waits for a person.
REFUSALS = 3
# A source may notify before its own listing knows of the message (Gmail and Graph both do).
LISTING_LAG = timedelta(seconds=12)
_LOOK_AGAIN = timedelta(seconds=3)
_HEARTBEAT = 10.0


class MailboxActivities:
    def __init__(self, services: Services, sources: Sources) -> None:
        self._services = services
        self._sources = sources
        self._db = services.db
        self._watches = Watches(services.db)
        self._canaries = Canaries(services, sources)

    @activity.defn
    async def sync_mailbox(self, mailbox: MailboxRef) -> SyncResult:
        """Lists what is new at a source that is read from here, and starts every message that was never started.

        A source that fails is a result, never an error: what is listed already must not wait for it.
        """
        async with _beating():
            with tracing.woken(mailbox.woken_by, "sync"):
                return await self._sync(mailbox)

    async def _sync(self, mailbox: MailboxRef) -> SyncResult:
        read = SyncResult()
        if mailbox.provider == "imap":
            read = await self._heard(mailbox)
        elif mailbox.provider in ("gmail", "microsoft"):
            read = await self._read(mailbox)
        started = await self._start(mailbox)
        await self._canaries.keep(mailbox)
        return read.model_copy(update={"started": started, "more": read.more or started == START_BATCH})

    @activity.defn
    async def change_mailbox(self, change: MailboxChange) -> MailboxRef:
        """Applies an operator's wish to the row, where the listener sees it too, and returns the new state."""
        mailbox = change.mailbox
        async with self._db.tenant(mailbox.tenant_id) as session:
            if change.what == "pause":
                await mailboxes.set_state(session, mailbox.tenant_id, mailbox.mailbox_id, "paused")
            elif change.what in ("resume", "credentials_changed", "reconfigure", "answer"):
                await self._go_on(session, change)
            elif change.what == "resync" and change.since is not None:
                await resync.rewind(session, mailbox, change.since.date())
            state = await mailboxes.state(session, mailbox.tenant_id, mailbox.mailbox_id)
        return mailbox.model_copy(update={"paused": state == "paused"})

    async def _go_on(self, session: Session, change: MailboxChange) -> None:
        where = (session, change.mailbox.tenant_id, change.mailbox.mailbox_id)
        answered = change.what == "answer" and change.resolution is not None
        if answered and change.resolution is not None and await rescans.answer(*where, change.resolution):
            return
        if change.what == "resume":
            await mailboxes.set_state(*where, "active")
        elif change.what != "reconfigure":
            # A mailbox that an operator paused stays so whatever is entered for it.
            await mailboxes.set_state(*where, "active", only_from="needs_reauth")
        await mailboxes.renew(*where)

    async def _start(self, mailbox: MailboxRef) -> int:
        """Starts listed rows, oldest first; how many."""
        async with self._db.tenant(mailbox.tenant_id) as session:
            waiting = await ledger.unstarted(session, mailbox.tenant_id, mailbox.mailbox_id, START_BATCH)
        await start_listed(self._services, mailbox.tenant_id, waiting)
        if mailbox.provider in ("smtp", "raw"):
            async with self._db.tenant(mailbox.tenant_id) as session:
                await mailboxes.synced(session, mailbox.tenant_id, mailbox.mailbox_id)
        return len(waiting)

    async def _heard(self, mailbox: MailboxRef) -> SyncResult:
        """What the listener, which reads this mailbox, last said of it."""
        async with self._db.tenant(mailbox.tenant_id) as session:
            standing = await mailboxes.standing(session, mailbox.tenant_id, mailbox.mailbox_id)
        return SyncResult(error="" if listens(standing.status) else standing.status, synced_at=standing.last_sync_at)

    async def _read(self, mailbox: MailboxRef) -> SyncResult:
        async with self._db.tenant(mailbox.tenant_id) as session:
            if await mailboxes.state(session, mailbox.tenant_id, mailbox.mailbox_id) != "active":
                return SyncResult(error="the mailbox has to be connected again")
            state = await push.sync_state(session, mailbox.tenant_id, mailbox.mailbox_id)
        now = datetime.now(UTC)
        if state.blocked_until is not None and state.blocked_until > now:
            return SyncResult(error="the source asked for silence", look_again_in=state.blocked_until - now)
        try:
            source = await self._sources.get(mailbox.tenant_id, mailbox.mailbox_id)
            assert notifies(source)
            return await self._list(mailbox, source, state)
        except AuthFailed as error:
            return await self._refused(mailbox, str(error), state.auth_failures + 1)
        except RateLimited as error:
            setbacks = state.setbacks + 1
            until = error.until or now + pause_after(setbacks)
            async with self._db.tenant(mailbox.tenant_id) as session:
                await push.set_sync_state(
                    session, mailbox.tenant_id, mailbox.mailbox_id, blocked_until=until, setbacks=setbacks
                )
            await self._report(mailbox, f"throttled: {error}")
            return SyncResult(error=str(error), look_again_in=max(until - now, timedelta(0)))
        except Transient as error:
            setbacks = state.setbacks + 1
            async with self._db.tenant(mailbox.tenant_id) as session:
                await push.set_sync_state(session, mailbox.tenant_id, mailbox.mailbox_id, setbacks=setbacks)
            await self._report(mailbox, f"trying again: {error}")
            return SyncResult(error=str(error), look_again_in=pause_after(setbacks))
        except (Permanent, Gone) as error:
            await self._report(mailbox, f"failing: {error}")
            return SyncResult(error=str(error))

    async def _list(self, mailbox: MailboxRef, source: PushProvider, state: push.SyncState) -> SyncResult:
        # Before the listing, so that whatever comes after the listing is notified.
        unwatched = await self._watches.keep(mailbox, source) or state.pull_failure
        deadline = time.monotonic() + LIST_FOR
        listed, more, note = 0, True, ""
        while more and time.monotonic() < deadline:
            page = await listing.list_page(self._db, self._services.objects, source, mailbox)
            listed, more, note = listed + len(page.email_ids), page.more, page.note
            if more:
                await self._start(mailbox)
        async with self._db.tenant(mailbox.tenant_id) as session:
            if state.setbacks:
                await push.set_sync_state(session, mailbox.tenant_id, mailbox.mailbox_id, setbacks=0)
            if not more and state.auth_failures:
                # Only now: the whole time without access has been caught up with.
                await push.set_sync_state(session, mailbox.tenant_id, mailbox.mailbox_id, auth_failures=0)
                await reconnect.close(session, mailbox.tenant_id, mailbox.mailbox_id)
            status = "catching up" if more else "connected: notified"
            if unwatched and not more:
                status = f"connected: polling, {unwatched}"
            if not more and (trouble := (await canary.view(session, mailbox.tenant_id, mailbox.mailbox_id)).trouble):
                status = f"unhealthy: {trouble}"
            status = f"{status}; {note}" if note else status
            await mailboxes.report(session, mailbox.tenant_id, mailbox.mailbox_id, status)
            await mailboxes.synced(session, mailbox.tenant_id, mailbox.mailbox_id)
        return SyncResult(listed=listed, more=more, look_again_in=_lagging(state.hinted_at, listed))

    async def _refused(self, mailbox: MailboxRef, why: str, failures: int) -> SyncResult:
        async with self._db.tenant(mailbox.tenant_id) as session:
            await push.set_sync_state(session, mailbox.tenant_id, mailbox.mailbox_id, auth_failures=failures)
            if failures >= REFUSALS:
                await mailboxes.set_state(
                    session, mailbox.tenant_id, mailbox.mailbox_id, "needs_reauth", only_from="active"
                )
                await reconnect.ask(
                    session, mailbox.tenant_id, mailbox.mailbox_id, mailbox_workflow_id(mailbox.mailbox_id), why
                )
            status = f"needs_reauth: {why}" if failures >= REFUSALS else f"refused: {why}"
            await mailboxes.report(session, mailbox.tenant_id, mailbox.mailbox_id, status)
        return SyncResult(error=why)

    async def _report(self, mailbox: MailboxRef, status: str) -> None:
        async with self._db.tenant(mailbox.tenant_id) as session:
            await mailboxes.report(session, mailbox.tenant_id, mailbox.mailbox_id, status)


def _lagging(hinted_at: datetime | None, listed: int) -> timedelta | None:
    """When to look again for what a fresh notification told of and the listing did not have yet."""
    if listed or hinted_at is None or datetime.now(UTC) - hinted_at > LISTING_LAG:
        return None
    return _LOOK_AGAIN


@asynccontextmanager
async def _beating() -> AsyncIterator[None]:
    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(_HEARTBEAT)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
