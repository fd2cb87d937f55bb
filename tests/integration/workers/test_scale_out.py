"""Two of every role over one Postgres and one Temporal: one of each replaced under load, no mail lost or doubled."""

from __future__ import annotations

import asyncio
import imaplib
import smtplib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from storage import ledger
from storage.database import Database
from storage.secrets import KeyRing
from tests.house import MASTER_KEYS, SUPPORT
from tests.letters import letter
from tests.roles import Role, free_port
from tests.temporal_server import TemporalServer
from workers import admin, demo_imap

ROLES = ("worker", "listener", "webhooks", "web")
REPLICAS = 2
AT_WORK = 20
IMAP_ADDRESS = "box@postroom.test"


@dataclass
class Installation:
    """`running` by role, the oldest first."""

    db: Database
    tenant: admin.Tenant
    token: str
    environment: dict[str, str]
    directory: Path
    imap_port: int
    running: dict[str, list[Role]]
    started: list[Role] = field(default_factory=list)

    async def add(self, name: str) -> None:
        role = await Role.start(name, self.environment, self.directory)
        self.started.append(role)
        await role.ready()
        self.running[name].append(role)

    async def replace_oldest(self, name: str) -> None:
        """As a rolling update does: the new one is ready before the old one is told to stop."""
        await self.add(name)
        old = self.running[name].pop(0)
        assert await old.stop() == 0, old.log()[-2000:]

    async def counts(self) -> dict[str, int]:
        async with self.db.tenant(self.tenant.tenant_id) as session:
            row = await session.fetchrow(
                """select (select count(*) from emails where tenant_id = $1) as listed,
                          (select count(*) from emails where tenant_id = $1 and state = 'done') as done,
                          (select count(*) from tickets where tenant_id = $1) as tickets,
                          (select count(*) from comments where tenant_id = $1) as comments,
                          (select count(*) from attachments where tenant_id = $1 and state = 'stored') as stored""",
                self.tenant.tenant_id,
            )
        return dict(row)


@pytest_asyncio.fixture
async def installation(
    db_url: str, db: Database, temporal: TemporalServer, tmp_path: Path
) -> AsyncIterator[Installation]:
    async with AsyncExitStack() as stack:
        tenant = await admin.ensure_default_tenant(db, address=SUPPORT)
        imap_port = free_port()
        serving = asyncio.create_task(demo_imap.serve(imap_port, tmp_path / "imap", "box", "imap-password"))
        stack.callback(serving.cancel)
        settings = {"host": "127.0.0.1", "port": imap_port, "security": "plaintext", "username": "box"}
        keyring = KeyRing(MASTER_KEYS)
        await admin.add_imap_mailbox(db, keyring, tenant.tenant_id, IMAP_ADDRESS, settings, "imap-password")
        environment = {
            "POSTROOM_DATABASE_URL": db_url,
            "POSTROOM_OBJECTS_URL": (tmp_path / "objects").as_uri(),
            "POSTROOM_MASTER_KEYS": MASTER_KEYS,
            "POSTROOM_ALLOW_PRIVATE_HOSTS": "1",
            "POSTROOM_LISTENER_SHARDS": "2",
            "POSTROOM_RECONCILE_SECONDS": "2",
            "POSTROOM_DATABASE_CONNECTIONS": "6",
            "TEMPORAL_ADDRESS": temporal.address,
        }
        token = await admin.create_api_token(db, tenant.tenant_id, "test", "read")
        opened = Installation(db, tenant, token, environment, tmp_path, imap_port, {name: [] for name in ROLES})

        async def end() -> None:
            for role in opened.started:
                await role.kill()

        stack.push_async_callback(end)
        for name in ROLES * REPLICAS:
            await opened.add(name)
        yield opened


class Load:
    """Mail by SMTP and IMAP, and somebody who reads the API, until it is told to end."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._over = asyncio.Event()
        self.sent = 0
        self.read = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_sending(self._by_smtp))
            group.create_task(self._keep_sending(self._by_imap))
            group.create_task(self._keep_reading())

    def end(self) -> None:
        self._over.set()

    async def _keep_sending(self, send: Any) -> None:
        while not self._over.is_set():
            # Always some at work, never more than a slow machine finishes soon.
            if self.sent - (await self._installation.counts())["done"] > AT_WORK:
                await asyncio.sleep(0.1)
                continue
            number = self.sent
            self.sent += 1
            name = f"n{number}"
            mail = letter(
                f"{name}@example.com", name, message_id=f"{name}@ids.example", attachments=[("a", name.encode())]
            )
            await send(mail.as_bytes())

    async def _by_smtp(self, mail: bytes) -> None:
        """As a mail server does: what nobody took is offered to the next one, and again."""

        def offer(port: int) -> None:
            with smtplib.SMTP("127.0.0.1", port, timeout=30) as connection:
                connection.sendmail("sender@example.com", [SUPPORT], mail)

        while True:
            for role in list(self._installation.running["webhooks"]):
                try:
                    await asyncio.to_thread(offer, role.smtp_port)
                    return
                except (OSError, smtplib.SMTPException):
                    continue

    async def _by_imap(self, mail: bytes) -> None:
        def append() -> None:
            with imaplib.IMAP4("127.0.0.1", self._installation.imap_port, timeout=30) as connection:
                connection.login("box", "imap-password")
                connection.append("INBOX", "", "", mail)

        await asyncio.to_thread(append)

    async def _keep_reading(self) -> None:
        headers = {"Authorization": f"Bearer {self._installation.token}"}
        async with aiohttp.ClientSession(headers=headers) as http:
            while not self._over.is_set():
                # The newest: what a load balancer would have left, once the old one is being stopped.
                port = self._installation.running["web"][-1].port
                async with http.get(f"http://127.0.0.1:{port}/api/v1/tickets") as response:
                    assert response.status == 200
                self.read += 1
                await asyncio.sleep(0.05)


async def test_one_of_every_role_is_replaced_under_load(installation: Installation) -> None:
    load = Load(installation)
    running = asyncio.create_task(load.run())
    for name in ROLES:
        await installation.replace_oldest(name)
    load.end()
    await running
    assert load.read > 0

    deadline = asyncio.get_running_loop().time() + 180
    while (counts := await installation.counts())["done"] < load.sent:
        assert asyncio.get_running_loop().time() < deadline, counts
        await asyncio.sleep(0.2)
    every = dict.fromkeys(("listed", "done", "tickets", "comments", "stored"), load.sent)
    assert counts == every
    async with installation.db.tenant(installation.tenant.tenant_id) as session:
        for (mailbox_id,) in await session.fetch("select mailbox_id from mailboxes"):
            balance = await ledger.balance(session, installation.tenant.tenant_id, mailbox_id)
            assert balance["listed"] == balance["done"]
