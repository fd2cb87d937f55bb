"""The roles of postroom as processes of their own, with an OTLP receiver: what leaves them is what an operator gets."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import aiohttp
import pytest
import pytest_asyncio

from storage.database import Database
from storage.secrets import KeyRing
from tests import postgres, temporal_server
from tests.house import MASTER_KEYS, SUPPORT
from tests.roles import Role, free_port
from tests.simulators.otlp import Receiver, receiver
from workers import admin, demo_imap

ROLES = ("worker", "listener", "webhooks", "web")
IMAP_ADDRESS = "box@postroom.test"


@dataclass
class Fleet:
    """Its processes by role; `ports` by role are where health and metrics are."""

    db: Database
    tenant_id: UUID
    temporal: temporal_server.TemporalServer
    otlp: Receiver
    imap_port: int
    running: dict[str, Role] = field(default_factory=dict)

    @property
    def ports(self) -> dict[str, int]:
        return {name: role.port for name, role in self.running.items()}

    async def send(self, mail: EmailMessage) -> None:
        def send() -> None:
            with smtplib.SMTP("127.0.0.1", self.running["webhooks"].smtp_port, timeout=60) as connection:
                connection.sendmail("sender@example.com", [SUPPORT], mail.as_bytes())

        await asyncio.to_thread(send)

    async def email(self, message_id: str, state: str = "done") -> Any:
        """The ledger row of a message, once it is there in this state."""
        found: list[Any] = []

        async def there() -> bool:
            async with self.db.tenant(self.tenant_id) as session:
                found[:] = await session.fetch(
                    "select * from emails where tenant_id = $1 and message_key = $2 and state = $3",
                    self.tenant_id,
                    message_id,
                    state,
                )
            return bool(found)

        await until(there, f"{message_id} that is {state}")
        return found[0]

    async def page(self, role: str, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.ports[role]}{path}"
        async with aiohttp.ClientSession() as http, http.get(url) as response:
            return response.status, await response.text()

    def log(self, role: str) -> str:
        return self.running[role].log()


async def until(check: Callable[[], Awaitable[bool]], what: str, timeout: float = 180) -> None:
    deadline = asyncio.get_running_loop().time() + timeout
    while not await check():
        assert asyncio.get_running_loop().time() < deadline, f"no {what} after {timeout} s"
        await asyncio.sleep(0.1)


@pytest_asyncio.fixture(scope="package")
async def fleet(
    postgres_server: postgres.PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    """Worker, listener, webhooks and console with a Temporal server of their own, an SMTP and an IMAP mailbox."""
    directory = tmp_path_factory.mktemp("fleet")
    url = await postgres.fresh_database(postgres_server)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(postgres.drop_database, postgres_server, url)
        temporal = stack.enter_context(temporal_server.server())
        otlp = await stack.enter_async_context(receiver())
        db = await Database.connect(url)
        stack.push_async_callback(db.close)
        tenant = await admin.ensure_default_tenant(db, address=SUPPORT)
        fleet = Fleet(db, tenant.tenant_id, temporal, otlp, free_port())
        serving = asyncio.create_task(demo_imap.serve(fleet.imap_port, directory / "imap", "box", "imap-password"))
        stack.callback(serving.cancel)
        settings = {"host": "127.0.0.1", "port": fleet.imap_port, "security": "plaintext", "username": "box"}
        keyring = KeyRing(MASTER_KEYS)
        await admin.add_imap_mailbox(db, keyring, tenant.tenant_id, IMAP_ADDRESS, settings, "imap-password")
        environment = {
            "POSTROOM_DATABASE_URL": url,
            "POSTROOM_OBJECTS_URL": (directory / "objects").as_uri(),
            "POSTROOM_MASTER_KEYS": MASTER_KEYS,
            "POSTROOM_ALLOW_PRIVATE_HOSTS": "1",
            "POSTROOM_LISTENER_SHARDS": "1",
            "POSTROOM_RECONCILE_SECONDS": "2",
            "POSTROOM_LOG_LEVEL": "DEBUG",
            "TEMPORAL_ADDRESS": temporal.address,
            "OTEL_EXPORTER_OTLP_ENDPOINT": otlp.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
        }
        for name in ROLES:
            fleet.running[name] = await Role.start(name, environment, directory)
            stack.push_async_callback(fleet.running[name].kill)
        for role in fleet.running.values():
            await role.ready()
        yield fleet
