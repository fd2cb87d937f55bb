"""The whole house in one test: real Postgres and Temporal, our workers and SMTP inbox in this process."""

from __future__ import annotations

import asyncio
import base64
import smtplib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

from temporalio.client import Client
from temporalio.converter import PayloadCodec

from activities.events import DeliverEvents
from activities.services import Services
from activities.sources import Sources
from domain.endpoints import Endpoints
from domain.mailbox import MailboxRef
from mail.pool import ParserPool
from storage import ledger
from storage.database import Database
from storage.mailboxes import locate
from storage.objects import Objects
from storage.secrets import KeyRing
from webhooks import smtp
from webhooks.ingress import Ingress
from webhooks.starter import Starter
from workers import admin, event_dispatch, temporal, worker

MASTER_KEYS = "k1:" + base64.b64encode(bytes(range(32))).decode()
SUPPORT = "support@postroom.test"


@dataclass
class House:
    """Its tenant, its parts, and words for what tests do with it."""

    db: Database
    client: Client
    runs: temporal.TemporalRuns
    objects: Objects
    keyring: KeyRing
    ingress: Ingress
    tenant_id: UUID
    mailbox_id: UUID
    smtp_port: int
    # Where the sources' services are: simulators, in the tests that have some.
    endpoints: Endpoints = field(default_factory=Endpoints)

    async def deliver(self, raw: bytes | EmailMessage) -> None:
        """Hands a mail to the SMTP mailbox, as the SMTP inbox does after DATA."""
        located = await locate(self.db, self.mailbox_id)
        assert located is not None
        await self.ingress.accept(located, raw if isinstance(raw, bytes) else raw.as_bytes())

    async def send(self, *mails: bytes | EmailMessage, sender: str = "someone@example.com") -> None:
        """Sends over SMTP, one connection for all of them."""
        # Threads of their own: the inbox in this same process needs the event loop's.
        with ThreadPoolExecutor(1) as thread:
            await asyncio.get_running_loop().run_in_executor(thread, self._send, mails, sender)

    def _send(self, mails: Sequence[bytes | EmailMessage], sender: str) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=60) as connection:
            for mail in mails:
                connection.sendmail(sender, [SUPPORT], mail if isinstance(mail, bytes) else mail.as_bytes())

    async def rows(self, sql: str, *arguments: Any) -> list[Any]:
        """Rows of this tenant; `$1` is the tenant."""
        async with self.db.tenant(self.tenant_id) as session:
            return await session.fetch(sql, self.tenant_id, *arguments)

    async def tickets(self) -> list[Any]:
        return await self.rows("select * from tickets where tenant_id = $1 and status <> 'merged' order by number")

    async def emails(self) -> list[Any]:
        return await self.rows("select * from emails where tenant_id = $1 order by seq")

    async def open_tasks(self) -> list[Any]:
        return await self.rows("select * from tasks where tenant_id = $1 and state = 'open' order by created_at")

    async def settled(self, count: int, *, timeout: float = 60) -> list[Any]:
        """Waits until `count` emails are done, and returns the ledger."""

        async def check() -> bool:
            return sum(e["state"] == "done" for e in await self.emails()) >= count

        await self.until(check, f"{count} emails done", timeout=timeout)
        return await self.emails()

    async def task(self) -> Any:
        """Waits for an open task and returns the first."""

        async def check() -> bool:
            return bool(await self.open_tasks())

        await self.until(check, "an open task")
        return (await self.open_tasks())[0]

    async def until(self, check: Callable[[], Awaitable[bool]], what: str, *, timeout: float = 60) -> None:
        deadline = asyncio.get_running_loop().time() + timeout
        while not await check():
            if asyncio.get_running_loop().time() > deadline:
                states = [(e["state"], e["outcome"], e["reason"]) for e in await self.emails()]
                raise AssertionError(f"no {what} after {timeout} s; the ledger has {states[:20]}")
            await asyncio.sleep(0.05)

    async def balance(self) -> dict[str, int]:
        async with self.db.tenant(self.tenant_id) as session:
            return await ledger.balance(session, self.tenant_id, self.mailbox_id)


@asynccontextmanager
async def open_house(
    db: Database,
    address: str,
    objects: Path,
    *,
    working: bool = True,
    reconcile: timedelta = timedelta(seconds=2),
    codec: PayloadCodec | None = None,
) -> AsyncIterator[House]:
    """`working=False` leaves the workers out: mail is accepted and waits. `codec` encrypts what enters Temporal."""
    async with AsyncExitStack() as stack:
        tenant = await admin.ensure_default_tenant(db, address=SUPPORT)
        client = await Client.connect(address, plugins=[temporal.plugin(codec)])
        runs, keyring = temporal.TemporalRuns(client), KeyRing(MASTER_KEYS)
        store = Objects(objects.as_uri())
        starter = Starter(runs)
        ingress = Ingress(db, store, starter, max_message_bytes=50 << 20)
        server = await smtp.serve(smtp.Inbox(db, ingress), "127.0.0.1", 0, max_message_bytes=50 << 20)
        stack.callback(server.close)
        starting = asyncio.create_task(starter.run())
        stack.callback(starting.cancel)
        house = House(
            db, client, runs, store, keyring, ingress, tenant.tenant_id, tenant.mailbox_id,
            server.sockets[0].getsockname()[1],
        )  # fmt: skip
        stack.push_async_callback(_end_mailboxes, house)
        if working:
            await stack.enter_async_context(working_in(house, reconcile))
        yield house


async def _end_mailboxes(house: House) -> None:
    """Their runs never end by themselves, and would keep the next test's workers busy."""
    for row in await house.rows("select mailbox_id from mailboxes where tenant_id = $1"):
        await house.runs.end_mailbox(row["mailbox_id"])


@asynccontextmanager
async def working_in(house: House, reconcile: timedelta = timedelta(seconds=2)) -> AsyncIterator[None]:
    """The workers of the house, and its mailbox's entity workflow."""
    async with AsyncExitStack() as stack:
        parser = ParserPool(processes=2)
        await parser.start()
        stack.push_async_callback(parser.close)
        sources = Sources(
            house.db,
            house.keyring,
            house.objects,
            endpoints=house.endpoints,
            max_message_bytes=50 << 20,
            allow_private_hosts=True,
        )
        stack.push_async_callback(sources.close)
        services = Services(
            db=house.db,
            objects=house.objects,
            parser=parser,
            runs=house.runs,
            keyring=house.keyring,
            token_keys=house.keyring.derive("reply-token"),
            public_url="http://console.test",
            max_message_bytes=50 << 20,
        )
        deliver = DeliverEvents(house.db, house.keyring, allow_private_hosts=True)
        for part in worker.build(house.client, services, sources, deliver):
            await stack.enter_async_context(part)
        dispatching = asyncio.create_task(event_dispatch.keep_dispatching(house.db, house.client))
        stack.callback(dispatching.cancel)
        await house.runs.start_mailbox(
            MailboxRef(
                tenant_id=house.tenant_id, mailbox_id=house.mailbox_id, provider="smtp", reconcile_every=reconcile
            )
        )
        yield
