"""A mailbox of a fresh database, with the sink through which a listener fills its ledger."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from activities import rescans, resync
from activities.ledger_sink import LedgerSink
from domain.mailbox import MailboxRef
from domain.task import TaskResolution
from providers.base import Listed
from providers.imap.sync import FolderState
from storage import mailboxes, people
from storage.database import Database
from storage.mailboxes import Listened
from storage.objects import Objects
from workers import admin


class NoRuns:
    """Temporal, which runs nothing and is away for the next `failing` calls; `asked` counts."""

    def __init__(self) -> None:
        self.asked = 0
        self.failing = 0

    async def start_email(self, *_: Any, **__: Any) -> None:
        self.asked += 1
        if self.failing:
            self.failing -= 1
            raise ConnectionError("Temporal is away")


class Shelf:
    """The mailbox, what the listener knows of it, and the sink."""

    def __init__(self, db: Database, objects: Objects, tenant_id: UUID, mailbox_id: UUID) -> None:
        self.db, self.objects, self.tenant_id, self.mailbox_id = db, objects, tenant_id, mailbox_id
        self.runs = NoRuns()
        self.watched: dict[UUID, Listened] = {}
        self.sink = LedgerSink(db, objects, self.runs, self.watched)  # type: ignore[arg-type]

    async def look(self) -> None:
        """As the listener's next look at the directory."""
        self.watched.update({m.mailbox_id: m for m in await mailboxes.listened(self.db)})

    async def listed(self, state: FolderState, *message_ids: str | None, origin: str = "live", first: int = 1) -> None:
        messages = [Listed(f"7/{uid}/INBOX", id_) for uid, id_ in enumerate(message_ids, first)]
        await self.sink.listed(str(self.mailbox_id), state, messages, origin)  # type: ignore[arg-type]

    async def rows(self, sql: str) -> list[Any]:
        async with self.db.tenant(self.tenant_id) as session:
            return await session.fetch(sql, self.tenant_id, self.mailbox_id)

    async def emails(self) -> list[Any]:
        return await self.rows("select * from emails where tenant_id = $1 and mailbox_id = $2 order by seq")

    async def cursor(self) -> FolderState | None:
        async with self.db.tenant(self.tenant_id) as session:
            stored = (await mailboxes.cursors(session, self.tenant_id, [self.mailbox_id]))[self.mailbox_id]
        return FolderState.model_validate(stored[0]) if stored else None

    async def process(self) -> None:
        """Ends everything that was listed, as its workflows would."""
        await self.rows(
            """update emails set state = 'done', outcome = 'gone'
                where tenant_id = $1 and mailbox_id = $2 and state <> 'done'"""
        )

    async def resync(self, day: date) -> None:
        mailbox = MailboxRef(tenant_id=self.tenant_id, mailbox_id=self.mailbox_id, provider="imap")
        async with self.db.tenant(self.tenant_id) as session:
            await resync.rewind(session, mailbox, day)

    async def answer(self, choice: str) -> None:
        async with self.db.tenant(self.tenant_id) as session:
            await rescans.answer(session, self.tenant_id, self.mailbox_id, TaskResolution(choice=choice, by="ann"))


async def new_shelf(db: Database, objects: Path) -> Shelf:
    """In the default tenant; the mailbox is box@example.com."""
    tenant = await admin.ensure_default_tenant(db)
    async with db.tenant(tenant.tenant_id) as session:
        added = await people.add_mailbox(session, tenant.tenant_id, "box@example.com", "imap")
    shelf = Shelf(db, Objects(objects.as_uri()), tenant.tenant_id, added.mailbox_id)
    await shelf.look()
    return shelf
