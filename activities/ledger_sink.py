"""What the listener hears goes into the ledger with the cursor of its folder in one transaction; then it starts."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from temporalio import activity

from domain import identity, tracing
from domain.identity import mailbox_workflow_id
from domain.runs import Runs
from providers.base import Listed
from providers.imap.locator import Locator
from providers.imap.sync import RESCAN_CAP, FolderState, Origin
from providers.imap.watch import MailboxStatus
from storage import deletions, ledger, mailboxes, reconnect, rescans
from storage.database import Database
from storage.ledger import ListedEmail, Sighting
from storage.mailboxes import Listened
from storage.objects import Objects, raw_key

if TYPE_CHECKING:
    from storage.database import Session

STARTS_AT_ONCE = 16
# Starts that may wait for their turn; what is listed beyond them is started by the mailbox's next tick.
STARTS_WAITING = 2000
# Seconds until a start that failed is tried again, and up to which that doubles.
START_AGAIN, START_AGAIN_CAP = 1.0, 30.0
# Messages of a mailbox's history on their way at once; more are listed as these are done.
HISTORY_IN_FLIGHT = 500


class LedgerSink:
    """`providers.imap.watch.Sink` for the mailboxes in `watched`, which its owner keeps up to date."""

    def __init__(self, db: Database, objects: Objects, runs: Runs, watched: Mapping[UUID, Listened]) -> None:
        self._db = db
        self._objects = objects
        self._runs = runs
        self._watched = watched
        self._slots = asyncio.Semaphore(STARTS_AT_ONCE)
        self._starting: set[asyncio.Task[None]] = set()

    async def listed(self, mailbox_id: str, state: FolderState, messages: Sequence[Listed], origin: Origin) -> None:
        mailbox = self._watched[UUID(mailbox_id)]
        where = (mailbox.tenant_id, mailbox.mailbox_id)
        with tracing.span("imap listed", {"postroom.messages": len(messages)}, tracing.SERVER):
            sightings = [await self._sighting(mailbox.tenant_id, message, origin) for message in messages]
            stored = [raw_key(mailbox.tenant_id, s.raw_sha256) for s in sightings if s.raw_sha256 is not None]
            async with self._db.tenant(mailbox.tenant_id) as session:
                await deletions.hold(session, self._objects, stored)
                revision = await mailboxes.synced(session, *where)
                rows = await self._list(session, mailbox, sightings)
                # Or somebody has set another cursor since: what is listed stays listed, but this one is out of date.
                if revision == mailbox.revision:
                    await mailboxes.move_cursor(session, *where, state.folder, state.model_dump(mode="json"))
                    if state.held:
                        await rescans.ask(session, *where, RESCAN_CAP)
        for row in rows[: max(0, STARTS_WAITING - len(self._starting))]:
            task = asyncio.create_task(self._start(row))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _sighting(self, tenant_id: UUID, message: Listed, origin: Origin) -> Sighting:
        """With the bytes that came with it in the object store; while that is away, a worker fetches them later."""
        sighting = Sighting(
            message.locator, message.message_id, received_at=message.received_at, history=origin != "live"
        )
        if message.content is None:
            return sighting
        sha256 = hashlib.sha256(message.content).hexdigest()
        try:
            await self._objects.put(raw_key(tenant_id, sha256), message.content)
        except Exception as error:  # whatever a store raises, listing does not wait for it
            activity.logger.warning("a message was not stored yet: %s", type(error).__name__)
            return sighting
        return replace(sighting, raw_sha256=sha256, raw_size=len(message.content))

    async def _list(self, session: Session, mailbox: Listened, sightings: Sequence[Sighting]) -> list[ListedEmail]:
        where = (session, mailbox.tenant_id, mailbox.mailbox_id)
        rows = await ledger.list_emails(*where, "imap", sightings)
        if len(rows) == len(sightings):
            return rows
        # A number that was given before, as after a restored backup: another message is another sighting.
        known = await ledger.keys_at(*where, [s.locator for s in sightings])
        others = [
            replace(s, locator=Locator.parse(s.locator).of(key).format())
            for s in sightings
            if (key := identity.message_id(s.message_id)) is not None and known.get(s.locator, key) != key
        ]
        return rows + (await ledger.list_emails(*where, "imap", others) if others else [])

    async def unknown(self, mailbox_id: str, messages: Sequence[Listed]) -> int:
        mailbox = self._watched[UUID(mailbox_id)]
        keys = [identity.message_key(m.message_id, m.locator) for m in messages]
        async with self._db.tenant(mailbox.tenant_id) as session:
            known = await ledger.known_keys(session, mailbox.tenant_id, mailbox.mailbox_id, keys)
        return sum(key not in known for key in keys)

    async def room(self, mailbox_id: str) -> int:
        mailbox = self._watched[UUID(mailbox_id)]
        async with self._db.tenant(mailbox.tenant_id) as session:
            return HISTORY_IN_FLIGHT - await ledger.history_open(session, mailbox.tenant_id, mailbox.mailbox_id)

    async def status(self, mailbox_id: str, status: MailboxStatus) -> None:
        mailbox = self._watched.get(UUID(mailbox_id))
        if mailbox is None:
            return
        async with self._db.tenant(mailbox.tenant_id) as session:
            await mailboxes.report(session, mailbox.tenant_id, mailbox.mailbox_id, status.text)
            if status.connected:
                await reconnect.close(session, mailbox.tenant_id, mailbox.mailbox_id)

    async def auth_failed(self, mailbox_id: str, detail: str) -> None:
        mailbox = self._watched[UUID(mailbox_id)]
        where = (mailbox.tenant_id, mailbox.mailbox_id)
        async with self._db.tenant(mailbox.tenant_id) as session:
            if await mailboxes.hold(session, *where) != mailbox.revision:
                return  # it was connected again meanwhile
            await mailboxes.set_state(session, *where, "needs_reauth", only_from="active")
            await mailboxes.report(session, *where, f"needs_reauth: {detail}")
            await reconnect.ask(session, *where, mailbox_workflow_id(mailbox.mailbox_id), f"{detail}.")

    async def _start(self, row: ListedEmail) -> None:
        """Tries until Temporal takes it; a row whose process dies before that stays listed for the mailbox's tick."""
        pause = START_AGAIN
        while True:
            async with self._slots:
                try:
                    await self._runs.start_email(
                        row.email, row.workflow_id, row.message_key, history=row.history, traceparent=row.traceparent
                    )
                    return
                except Exception as error:  # whatever it was, the message is in the ledger and has to be started
                    activity.logger.warning("Temporal did not take a message yet: %s", type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(2 * pause, START_AGAIN_CAP)
