"""The doors mail comes in by, HTTP and SMTP, over a database and a store of the test's own, and nobody behind them."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast
from uuid import UUID

import aiohttp
import asyncpg
from aiohttp import web

from domain.runs import Runs
from domain.standard_webhooks import sign
from storage.database import Database
from storage.ledger import ListedEmail
from storage.objects import Objects, raw_key
from storage.secrets import KeyRing
from tests.house import MASTER_KEYS
from webhooks import app, smtp
from webhooks.ingress import Ingress
from webhooks.raw import RawWebhook
from webhooks.starter import Starter
from workers import admin

Result = TypeVar("Result")

HTTP_LIMIT, SMTP_LIMIT = 1 << 20, 24 << 20
SUPPORT, SALES = "support@postroom.test", "sales@postroom.test"


class Door:
    """`post` and `send` knock; the rest looks at what stands in the ledger and in the store."""

    def __init__(self, db: Database, tenant: admin.Tenant, objects: Path) -> None:
        self.db = db
        self.tenant_id = tenant.tenant_id
        self.mailbox_id = tenant.mailbox_id
        self.directory = objects
        self.store = Objects(objects.as_uri())
        self.woken = _Woken()
        self.raw: RawWebhook
        self.raw_mailbox = UUID(int=0)
        self.secret = ""
        self.url = ""
        self.smtp_port = 0

    def headers(self, body: bytes, **changes: Any) -> dict[str, str]:
        """A genuine signature; `secret`, `at` and `webhook_id` make another one."""
        webhook_id, at = changes.get("webhook_id", "msg_1"), changes.get("at", int(time.time()))
        signature = sign(changes.get("secret", self.secret), webhook_id, at, body)
        return {"webhook-id": webhook_id, "webhook-timestamp": str(at), "webhook-signature": signature}

    async def post(
        self, body: bytes, headers: dict[str, str], *, mailbox: object = None, data: object = None
    ) -> tuple[int, Any]:
        """Status and JSON; `data` is what is sent if it is not the body as it is."""
        url = f"{self.url}/webhooks/raw/{mailbox or self.raw_mailbox}"
        async with aiohttp.ClientSession() as client, client.post(url, data=data or body, headers=headers) as response:
            return response.status, await response.json(content_type=None) if response.status != 413 else None

    async def smtp(self, talk: Callable[[smtplib.SMTP], Result]) -> Result:
        """Runs `talk` over a connection of its own, outside the event loop that serves it."""

        def connected() -> Result:
            with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=60) as connection:
                connection.ehlo()
                return talk(connection)

        return await asyncio.to_thread(connected)

    async def send(self, raw: bytes, *recipients: str) -> tuple[int, bytes]:
        """The answer to the first command that is refused, or to DATA."""

        def talk(connection: smtplib.SMTP) -> tuple[int, bytes]:
            connection.mail("alice@example.com")
            for recipient in recipients or (SUPPORT,):
                code, answer = connection.rcpt(recipient)
                if code >= 400:
                    return code, answer
            return connection.data(raw)

        return await self.smtp(talk)

    async def emails(self) -> list[Any]:
        async with self.db.tenant(self.tenant_id) as session:
            return await session.fetch("select * from emails order by seq")

    async def stored(self, email: Any) -> bytes:
        return await self.store.get(raw_key(self.tenant_id, email["raw_sha256"]))

    def files(self) -> Sequence[Path]:
        return [path for path in self.directory.rglob("*") if path.is_file()]


class _Woken(Starter):
    """Remembers what would be started."""

    def __init__(self) -> None:
        super().__init__(cast("Runs", None))
        self.rows: list[ListedEmail] = []

    def start(self, row: ListedEmail) -> None:
        self.rows.append(row)


async def _not_reached(request: web.Request) -> web.Response:
    raise NotImplementedError


@asynccontextmanager
async def open_door(url: str, objects: Path) -> AsyncIterator[Door]:
    db = await Database.connect(url)
    door = Door(db, await admin.ensure_default_tenant(db, address=SUPPORT), objects)
    await admin.add_smtp_mailbox(db, door.tenant_id, SALES)
    keyring = KeyRing(MASTER_KEYS)
    mailbox = await admin.add_raw_mailbox(db, keyring, door.tenant_id, "raw@postroom.test")
    door.raw_mailbox, door.secret = mailbox.mailbox_id, mailbox.webhook_secret or ""
    others: Any = SimpleNamespace(post=_not_reached, handshake=_not_reached)

    ingress = Ingress(db, door.store, door.woken, max_message_bytes=HTTP_LIMIT)
    door.raw = RawWebhook(db, keyring, ingress)
    application = app.build(door.raw, others, others, max_message_bytes=HTTP_LIMIT)
    runner = web.AppRunner(application)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listening).start()
    door.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = await smtp.serve(smtp.Inbox(db, ingress), "127.0.0.1", 0, max_message_bytes=SMTP_LIMIT)
    door.smtp_port = server.sockets[0].getsockname()[1]
    yield door
    server.close()
    await runner.cleanup()
    await db.close()


@asynccontextmanager
async def commits_held_back(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """While this is open, every commit of a new ledger row waits. Yields the superuser's connection that holds it."""
    owner = await asyncpg.connect(url)
    await owner.execute("""
        create function wait_for_the_test() returns trigger language plpgsql as
          $$ begin perform pg_advisory_xact_lock(42); return null; end $$;
        create constraint trigger wait after insert on emails deferrable initially deferred
          for each row execute function wait_for_the_test()""")
    await owner.execute("select pg_advisory_lock(42)")
    try:
        yield owner
    finally:
        await owner.close()


async def a_commit_waits(owner: asyncpg.Connection[asyncpg.Record]) -> None:
    async with asyncio.timeout(30):
        while not await owner.fetchval(
            "select exists (select from pg_locks where locktype = 'advisory' and not granted)"
        ):
            await asyncio.sleep(0.02)


async def fail_commits(url: str) -> None:
    """From now on Postgres rolls every new ledger row back when it is to be committed."""
    owner = await asyncpg.connect(url)
    await owner.execute("""
        create function refuse() returns trigger language plpgsql as
          $$ begin raise 'could not serialize access' using errcode = '40001'; end $$;
        create constraint trigger refuse after insert on emails deferrable initially deferred
          for each row execute function refuse()""")
    await owner.close()
