"""Words for tests of sources that notify: a house, its webhooks on a port, and the simulators they talk to."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from aiohttp import web

from domain.inbound import Provider
from domain.mailbox import MailboxRef
from providers import web as provider_web
from storage import ledger, people, push
from storage.database import Database
from tests.house import House, open_house, working_in
from tests.simulators.google import PUSH_ACCOUNT, TOPIC, GoogleSimulator
from tests.simulators.microsoft import MicrosoftSimulator
from tests.simulators.microsoft_login import DIRECTORY
from webhooks import app
from webhooks.google import GoogleWebhook
from webhooks.hints import Hints
from webhooks.jwks import Jwks
from webhooks.microsoft import MicrosoftWebhook
from webhooks.raw import RawWebhook
from webhooks.teller import Teller

# Far longer than any test: what happens within a test happened because of a notification.
NEVER = timedelta(hours=1)
# Quick enough for tests of what the timer repairs.
SOON = timedelta(seconds=1)


@dataclass
class Stand:
    """`webhooks_url` is where the sources push to."""

    house: House
    google: GoogleSimulator
    graph: MicrosoftSimulator
    webhooks_url: str

    async def gmail(
        self,
        address: str,
        *,
        secret: dict[str, Any] | None = None,
        reconcile: timedelta = NEVER,
        pushed: bool = True,
        start: bool = True,
        **settings: Any,
    ) -> UUID:
        """Connects a Gmail mailbox: by service account unless a secret is given, pushed to unless told otherwise."""
        key = self.google.oauth.service_account_key()
        self.google.account(address)
        if pushed:
            settings |= {"topic": TOPIC, "push_service_account": PUSH_ACCOUNT}
        mailbox_id = await self.add(
            "gmail", address, {"units_per_minute": 600_000, **settings}, secret or {**key, "kind": "service_account"}
        )
        if pushed:
            self.google.subscribe(f"{self.webhooks_url}/webhooks/google/{mailbox_id}")
        if start:
            await self.start(mailbox_id, "gmail", reconcile)
        return mailbox_id

    async def microsoft(
        self,
        user: str,
        *,
        secret: dict[str, Any] | None = None,
        reconcile: timedelta = NEVER,
        start: bool = True,
        **settings: Any,
    ) -> UUID:
        """Connects a Microsoft 365 mailbox: by the application's own secret unless another is given."""
        self.graph.mailbox(user)
        settings = {"directory": DIRECTORY, "user": user, **settings}
        mailbox_id = await self.add("microsoft", user, settings, secret or self.graph.secret())
        if start:
            await self.start(mailbox_id, "microsoft", reconcile)
        return mailbox_id

    async def add(self, provider: Provider, address: str, settings: dict[str, Any], secret: dict[str, Any]) -> UUID:
        tenant_id, db = self.house.tenant_id, self.house.db
        async with db.tenant(tenant_id) as session:
            mailbox_id = (await people.add_mailbox(session, tenant_id, address, provider)).mailbox_id
            sealed = self._sealed(mailbox_id, secret)
            await people.set_mailbox_access(session, tenant_id, mailbox_id, settings, sealed)
        return mailbox_id

    async def add_secret(self, mailbox_id: UUID, secret: dict[str, Any]) -> None:
        """New credentials for a mailbox, as connecting it again stores them."""
        async with self.house.db.tenant(self.house.tenant_id) as session:
            await push.store_secret(session, self.house.tenant_id, mailbox_id, self._sealed(mailbox_id, secret))

    def _sealed(self, mailbox_id: UUID, secret: dict[str, Any]) -> str:
        plain = json.dumps(secret).encode()
        return self.house.keyring.seal(plain, tenant_id=self.house.tenant_id, table="mailboxes", row=str(mailbox_id))

    async def connected_at(self, mailbox_id: UUID, ago: timedelta) -> None:
        """As if the mailbox had been connected this long ago."""
        async with self.house.db.tenant(self.house.tenant_id) as session:
            await session.execute(
                "update mailboxes set created_at = now() - $3::interval where tenant_id = $1 and mailbox_id = $2",
                self.house.tenant_id,
                mailbox_id,
                ago,
            )

    async def start(self, mailbox_id: UUID, provider: Provider, reconcile: timedelta = NEVER) -> None:
        await self.house.runs.start_mailbox(
            MailboxRef(
                tenant_id=self.house.tenant_id,
                mailbox_id=mailbox_id,
                provider=provider,
                reconcile_every=reconcile,
            )
        )

    async def row(self, mailbox_id: UUID) -> Any:
        (row,) = await self.house.rows(
            """select m.*, s.auth_failures, s.hinted_at, s.signalled_at, s.blocked_until from mailboxes m
                 left join mailbox_syncs s using (tenant_id, mailbox_id)
                where m.tenant_id = $1 and m.mailbox_id = $2""",
            mailbox_id,
        )
        return row

    async def status(self, mailbox_id: UUID, beginning: str, *, within: float = 30) -> str:
        """Waits until the mailbox's status begins like this, and returns it."""

        async def check() -> bool:
            return str((await self.row(mailbox_id))["status"]).startswith(beginning)

        try:
            await self.house.until(check, f"status {beginning!r}", timeout=within)
        except AssertionError:
            raise AssertionError(f"status is {(await self.row(mailbox_id))['status']!r}, not {beginning!r}") from None
        return str((await self.row(mailbox_id))["status"])

    async def balance(self, mailbox_id: UUID) -> dict[str, int]:
        async with self.house.db.tenant(self.house.tenant_id) as session:
            return await ledger.balance(session, self.house.tenant_id, mailbox_id)

    async def cursor(self, mailbox_id: UUID) -> Any:
        rows = await self.house.rows(
            "select cursor from folder_cursors where tenant_id = $1 and mailbox_id = $2", mailbox_id
        )
        return rows[0]["cursor"] if rows else None


@asynccontextmanager
async def serve_webhooks(house: House, port: int = 0) -> AsyncIterator[str]:
    """The webhooks process' HTTP side, in this process; gives its base URL."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(provider_web.new_session())
        teller = Teller(house.db, house.runs)
        hints = Hints(house.db, teller)
        telling = asyncio.create_task(teller.run())
        stack.callback(telling.cancel)
        # The push endpoints' audiences hold the port, which is only known once it is bound.
        site_socket = socket.create_server(("127.0.0.1", port))
        url = f"http://127.0.0.1:{site_socket.getsockname()[1]}"
        house.endpoints = replace(house.endpoints, webhooks_url=url)
        application = app.build(
            RawWebhook(house.db, house.keyring, house.ingress),
            GoogleWebhook(house.db, hints, Jwks(http, house.endpoints.google_jwks), house.endpoints),
            MicrosoftWebhook(house.db, hints),
            max_message_bytes=50 << 20,
        )
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, site_socket).start()
        yield url


@asynccontextmanager
async def open_stand(
    db: Database,
    temporal_address: str,
    directory: Path,
    google: GoogleSimulator,
    graph: MicrosoftSimulator,
    *,
    working: bool = True,
) -> AsyncIterator[Stand]:
    """`working=False` leaves the workers out: what is pushed is taken, and waits."""
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(db, temporal_address, directory / "objects", working=False))
        house.endpoints = replace(google.endpoints(), graph=graph.url, microsoft_login=graph.url)
        url = await stack.enter_async_context(serve_webhooks(house))
        if working:
            await stack.enter_async_context(working_in(house))
        yield Stand(house, google, graph, url)
