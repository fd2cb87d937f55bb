"""The console and API on a port, over real Postgres and objects; mail enters by the activities themselves."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
from aiohttp.test_utils import TestServer
from temporalio.testing import ActivityEnvironment

from activities.attachments import StoreAttachments
from activities.decide import DecideMessage
from activities.parse import ParseMessage
from activities.scanner import Scanner
from activities.services import Services as ActivityServices
from activities.tasks import HumanTaskActivities
from console.application import make_application
from console.calls import REACH
from console.delivery import Delivery
from console.reach import Reach
from console.services import Services
from domain.deciding import Decide
from domain.identity import header_message_id
from domain.mailbox_jobs import MailboxJob
from domain.runs import NotRunning
from domain.task import AskPerson, TaskResolution
from mail.pool import ParserPool
from storage import ledger, people
from storage.access import Role
from storage.database import Database
from storage.ledger import Sighting, new_id
from storage.objects import Objects, raw_key
from storage.secrets import KeyRing
from tests.house import MASTER_KEYS, SUPPORT
from workers import admin

# A name that browsers take for a site of its own; the console is served on 127.0.0.1.
PUBLIC_URL = "http://127.0.0.1"


@dataclass
class Temporal:
    """Stands for a Temporal server that is there, away, or has ended the run; keeps what it was told."""

    state: str = "up"
    delivered: list[tuple[str, TaskResolution]] = field(default_factory=list)
    signals: list[tuple[Any, ...]] = field(default_factory=list)
    jobs: list[MailboxJob] = field(default_factory=list)

    async def resolve_task(self, workflow_id: str, resolution: TaskResolution) -> None:
        if self.state == "away":
            raise RuntimeError("connection refused")
        if self.state == "ended":
            raise NotRunning(workflow_id)
        self.delivered.append((workflow_id, resolution))

    async def change_mailbox(self, mailbox_id: UUID, signal: str, *arguments: object) -> None:
        self._answer()
        self.signals.append((mailbox_id, signal, *arguments))

    async def end_mailbox(self, mailbox_id: UUID) -> None:
        self._answer()
        self.signals.append((mailbox_id, "end"))

    async def start_job(self, job: MailboxJob) -> None:
        self._answer()
        self.jobs.append(job)

    async def pollers(self, queue: str) -> int:
        self._answer()
        return 1

    async def ping(self) -> None:
        self._answer()

    def _answer(self) -> None:
        if self.state == "away":
            raise RuntimeError("connection refused")

    async def parent_done(self, workflow_id: str, email_id: UUID) -> None:
        """Waiting replies have no run here."""


@dataclass
class Person:
    """Somebody with a browser."""

    http: aiohttp.ClientSession
    tenant_id: UUID
    email: str

    async def get(self, path: str, **options: Any) -> tuple[int, str]:
        async with self.http.get(path, **options) as response:
            return response.status, await response.text()

    async def csrf(self) -> str:
        _, page = await self.get("/")
        found = re.search(r'name="csrf" value="([^"]+)"', page)
        assert found, "no form token: not signed in?"
        return found[1]

    async def post(self, path: str, form: dict[str, str], *, csrf: str | None = None) -> tuple[int, str]:
        """A form as the browser sends it from our own page."""
        token = await self.csrf() if csrf is None else csrf
        headers = {"Sec-Fetch-Site": "same-origin"}
        async with self.http.post(path, data={**form, "csrf": token}, headers=headers) as response:
            return response.status, await response.text()


@dataclass
class Site:
    """The console, two tenants of which the second is a stranger to the first, and what tests do with them."""

    db: Database
    objects: Objects
    keyring: KeyRing
    temporal: Temporal
    delivery: Delivery
    server: TestServer
    parser: ParserPool
    tenant: admin.Tenant
    stack: AsyncExitStack
    # Looks at the attachments of what is received from here on.
    scanner: Scanner | None = None

    @property
    def reach(self) -> Reach:
        """The console's eye on Temporal; nobody makes it look but the tests."""
        return self.server.app[REACH]

    @property
    def url(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    async def browser(self) -> aiohttp.ClientSession:
        """A browser of its own: cookies for an address, no redirects followed by themselves."""
        jar = aiohttp.CookieJar(unsafe=True)
        return await self.stack.enter_async_context(aiohttp.ClientSession(self.url, cookie_jar=jar))

    async def person(self, role: Role, tenant_id: UUID | None = None) -> Person:
        """Somebody of this role, signed in."""
        tenant_id = tenant_id or self.tenant.tenant_id
        email = f"{role}@postroom.test"
        await admin.add_user(self.db, tenant_id, email, role.capitalize(), role)
        http = await self.browser()
        link = await admin.create_login_link(self.db, tenant_id, email, self.url)
        async with http.post(link, headers={"Sec-Fetch-Site": "same-origin"}, allow_redirects=False) as response:
            assert response.status == 303
        return Person(http, tenant_id, email)

    async def api(self, scope: Any = "admin", tenant_id: UUID | None = None) -> aiohttp.ClientSession:
        token = await admin.create_api_token(self.db, tenant_id or self.tenant.tenant_id, "tests", scope)
        return await self.stack.enter_async_context(
            aiohttp.ClientSession(f"{self.url}/api/v1/", headers={"Authorization": f"Bearer {token}"})
        )

    async def other_tenant(self) -> admin.Tenant:
        tenant_id = new_id()
        async with self.db.tenant(tenant_id) as session:
            await people.ensure_tenant(session, tenant_id, "Other")
            await people.add_defaults(session, tenant_id, "Standard", "Support")
            # No SMTP mailbox: of all tenants only one could have its address.
            added = await people.add_mailbox(session, tenant_id, "help@other.test", "raw")
        return admin.Tenant(tenant_id, "Other", "", added.mailbox_id)

    async def receive(self, mail: EmailMessage | bytes, tenant: admin.Tenant | None = None) -> Any:
        """Takes a mail through every step up to its outcome or its question, and returns its ledger row."""
        tenant = tenant or self.tenant
        raw = mail if isinstance(mail, bytes) else mail.as_bytes()
        sha256 = hashlib.sha256(raw).hexdigest()
        await self.objects.put(raw_key(tenant.tenant_id, sha256), raw)
        sighting = Sighting(sha256, header_message_id(raw), raw_sha256=sha256, raw_size=len(raw))
        async with self.db.tenant(tenant.tenant_id) as session:
            (listed,) = await ledger.list_emails(session, tenant.tenant_id, tenant.mailbox_id, "smtp", [sighting])
        services, email, activity = self.activity_services(), listed.email, ActivityEnvironment()
        await activity.run(ParseMessage(services).parse_message, email)
        decide = DecideMessage(services)
        decided = await activity.run(decide.find_thread, Decide(email=email))
        if decided.action == "ask":
            question = AskPerson(email=email, workflow_id=listed.workflow_id, number=1)
            await activity.run(HumanTaskActivities(services).open_task, question)
        elif decided.action != "wait":
            await activity.run(decide.create_ticket, email)
            await activity.run(StoreAttachments(services).store_attachments, email)
        async with self.db.tenant(tenant.tenant_id) as session:
            return await ledger.get(session, tenant.tenant_id, email.email_id)

    async def row(self, sql: str, *arguments: Any) -> Any:
        """One row of the first tenant, which is `$1`."""
        async with self.db.tenant(self.tenant.tenant_id) as session:
            return await session.fetchrow(sql, self.tenant.tenant_id, *arguments)

    def activity_services(self) -> ActivityServices:
        return ActivityServices(
            db=self.db,
            objects=self.objects,
            parser=self.parser,
            runs=self.temporal,  # type: ignore[arg-type]
            keyring=self.keyring,
            token_keys=self.keyring.derive("reply-token"),
            public_url=PUBLIC_URL,
            max_message_bytes=1 << 20,
            scanner=self.scanner,
        )


@asynccontextmanager
async def open_site(
    db: Database,
    parser: ParserPool,
    objects: Path,
    *,
    undo_for: timedelta = timedelta(0),
    scanner: Scanner | None = None,
) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        tenant = await admin.ensure_default_tenant(db, address=SUPPORT)
        store, keyring, temporal = Objects(objects.as_uri()), KeyRing(MASTER_KEYS), Temporal()
        services = Services(
            db=db,
            objects=store,
            runs=temporal,  # type: ignore[arg-type]
            keyring=keyring,
            token_keys=keyring.derive("reply-token"),
            public_url=PUBLIC_URL,
            temporal_ui_url="http://temporal.test",
            undo_for=undo_for,
            ask_scanner=scanner.version if scanner else None,
        )
        delivery = Delivery(services)
        server = TestServer(make_application(services, delivery), host="127.0.0.1")
        await server.start_server()
        stack.push_async_callback(server.close)
        yield Site(db, store, keyring, temporal, delivery, server, parser, tenant, stack, scanner)
