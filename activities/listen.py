"""`listen`: one shard of the IMAP mailboxes, watched for as long as this worker lives."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from uuid import UUID

from temporalio import activity

from activities.heartbeat import heartbeating
from domain import tracing
from domain.identity import shard_of
from domain.runs import Runs
from providers.base import Listed
from providers.imap.listener import Listener
from providers.imap.settings import ImapSettings, Password
from providers.imap.sync import FolderState, Origin
from providers.imap.watch import MailboxStatus
from storage import ledger, mailboxes
from storage.database import TRANSIENT, Database
from storage.ledger import ListedEmail
from storage.mailboxes import Mailbox
from storage.secrets import KeyRing, SecretError

# Seconds between looks at which mailboxes there are, and at their settings.
RELOAD = 4.0
STARTS_AT_ONCE = 16


class Listen:
    def __init__(self, db: Database, keyring: KeyRing, runs: Runs, *, shards: int, allow_private_hosts: bool) -> None:
        self._db = db
        self._keyring = keyring
        self._runs = runs
        self._shards = shards
        self._allow_private_hosts = allow_private_hosts

    @activity.defn
    async def listen(self, shard: int) -> None:
        """Returns when its worker is asked to stop, so that another one takes the shard over at once."""
        stopping = asyncio.create_task(activity.wait_for_worker_shutdown())
        # Not in this activity's trace, which would last for as long as the worker: each delivery begins its own.
        with tracing.continuing(""):
            serving = asyncio.create_task(self._serve(shard))
        try:
            async with heartbeating():
                await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stopping, serving):
                task.cancel()
            await asyncio.wait({serving})
        if not serving.cancelled():
            serving.result()

    async def _serve(self, shard: int) -> None:
        watched: dict[UUID, Mailbox] = {}
        sink = _LedgerSink(self._db, self._runs, watched)
        async with contextlib.AsyncExitStack() as stack:
            listener = Listener(sink, allow_private=self._allow_private_hosts)
            stack.push_async_callback(listener.close)
            while True:
                try:
                    await self._reload(listener, watched, lambda m: shard_of(m, self._shards) == shard)
                except TRANSIENT as error:
                    activity.logger.warning("mailboxes could not be read: %s", type(error).__name__)
                await asyncio.sleep(RELOAD)

    async def _reload(self, listener: Listener, watched: dict[UUID, Mailbox], ours: Callable[[UUID], bool]) -> None:
        """Makes the listener watch exactly the active IMAP mailboxes of this shard, with their present settings."""
        wanted: dict[UUID, Mailbox] = {}
        for located in await mailboxes.locate_all(self._db):
            if located.provider == "imap" and located.state == "active" and ours(located.mailbox_id):
                async with self._db.tenant(located.tenant_id) as session:
                    mailbox = await mailboxes.get(session, located.tenant_id, located.mailbox_id)
                if mailbox is not None:
                    wanted[located.mailbox_id] = mailbox
        for mailbox_id in watched.keys() - wanted.keys():
            await listener.remove(str(mailbox_id))
            del watched[mailbox_id]
        for mailbox_id, mailbox in wanted.items():
            before = watched.get(mailbox_id)
            if before is None or before.version != mailbox.version:
                await self._watch(listener, mailbox, known=before is not None)
                watched[mailbox_id] = mailbox

    async def _watch(self, listener: Listener, mailbox: Mailbox, *, known: bool) -> None:
        async with self._db.tenant(mailbox.tenant_id) as session:
            cursors = await mailboxes.cursors(session, mailbox.tenant_id, mailbox.mailbox_id)
        try:
            settings = ImapSettings.model_validate(mailbox.settings)
            credentials = Password(mailbox.secret(self._keyring)["password"])
        except (ValueError, KeyError, SecretError):
            activity.logger.error("mailbox %s has no usable settings", mailbox.mailbox_id)
            return
        states = [FolderState.model_validate(cursor) for cursor in cursors.values()]
        begin = listener.replace if known else listener.add
        await begin(str(mailbox.mailbox_id), settings, credentials, states)


class _LedgerSink:
    """Commits what the listener hears, then starts the messages' workflows."""

    def __init__(self, db: Database, runs: Runs, watched: dict[UUID, Mailbox]) -> None:
        self._db = db
        self._runs = runs
        self._watched = watched
        self._slots = asyncio.Semaphore(STARTS_AT_ONCE)
        self._starting: set[asyncio.Task[None]] = set()

    async def listed(self, mailbox_id: str, state: FolderState, messages: list[Listed], origin: Origin) -> None:
        mailbox = self._watched[UUID(mailbox_id)]
        sightings = [
            ledger.Sighting(m.locator, m.message_id, received_at=m.received_at, history=origin == "history")
            for m in messages
        ]
        with tracing.span("imap listed", {"postroom.messages": len(messages)}, tracing.SERVER):
            async with self._db.tenant(mailbox.tenant_id) as session:
                listed = await ledger.list_emails(
                    session, mailbox.tenant_id, mailbox.mailbox_id, mailbox.provider, sightings
                )
                await mailboxes.move_cursor(
                    session, mailbox.tenant_id, mailbox.mailbox_id, state.folder, state.model_dump(mode="json")
                )
                await mailboxes.synced(session, mailbox.tenant_id, mailbox.mailbox_id)
        for row in listed:
            task = asyncio.create_task(self._start(row))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def status(self, mailbox_id: str, status: MailboxStatus) -> None:
        mailbox = self._watched.get(UUID(mailbox_id))
        if mailbox is not None:
            text = f"{status.state}: {status.detail}" if status.detail else status.state
            async with self._db.tenant(mailbox.tenant_id) as session:
                await mailboxes.report(session, mailbox.tenant_id, mailbox.mailbox_id, text)

    async def auth_failed(self, mailbox_id: str, detail: str) -> None:
        mailbox = self._watched[UUID(mailbox_id)]
        async with self._db.tenant(mailbox.tenant_id) as session:
            await mailboxes.set_state(session, mailbox.tenant_id, mailbox.mailbox_id, "needs_reauth")
            await mailboxes.report(session, mailbox.tenant_id, mailbox.mailbox_id, f"needs_reauth: {detail}")

    async def _start(self, row: ListedEmail) -> None:
        async with self._slots:
            try:
                await self._runs.start_email(
                    row.email, row.workflow_id, row.message_key, history=row.history, traceparent=row.traceparent
                )
            except Exception as error:  # the row stays listed, and the mailbox's next tick starts it
                activity.logger.warning("Temporal did not take a message yet: %s", type(error).__name__)
