"""What a new installation needs before the first mail: a tenant, mailboxes, a way in. Safe to repeat on every start."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from storage import mailbox_views
from storage.database import Database
from storage.secrets import KeyRing
from workers import admin
from workers.dev import demo_mails
from workers.dev.data_dir import DataDir, Secrets
from workers.dev.ports import HOST, Ports
from workers.dev.providers_demo import Simulators

API_ACCESS_FILE = "api-token"


@dataclass(frozen=True)
class Mailbox:
    """A registered mailbox."""

    id: UUID
    address: str
    provider: str


@dataclass(frozen=True)
class Access:
    """How to get at this installation; `login_url` signs in once."""

    login_url: str
    api_token: str
    mailboxes: list[Mailbox]


async def set_up(
    data: DataDir,
    ports: Ports,
    secrets: Secrets,
    database_url: str,
    console_url: str,
    *,
    demo: bool,
    providers: Simulators | None,
) -> Access:
    """Makes what is missing. The API token is made once and kept in the data directory; the login link is new.

    `providers` are running.
    """
    db = await Database.connect(database_url, max_size=2)
    try:
        tenant = await admin.ensure_default_tenant(db, address=demo_mails.SUPPORT)
        if demo:
            await _set_up_demo(db, tenant.tenant_id, ports, secrets)
        if providers is not None:
            await providers.connect(db, KeyRing(secrets.master_keys), tenant.tenant_id)
        token = data.remembered(API_ACCESS_FILE)
        if token is None:
            token = await admin.create_api_token(db, tenant.tenant_id, "postroom dev", "admin")
            data.remember(API_ACCESS_FILE, token)
        async with db.tenant(tenant.tenant_id) as session:
            rows = await mailbox_views.page(session, tenant.tenant_id)
        return Access(
            login_url=await admin.create_login_link(db, tenant.tenant_id, tenant.owner, console_url),
            api_token=token,
            mailboxes=[Mailbox(row["mailbox_id"], row["address"], row["provider"]) for row in rows],
        )
    finally:
        await db.close()


async def _set_up_demo(db: Database, tenant_id: UUID, ports: Ports, secrets: Secrets) -> None:
    for name, domain in demo_mails.CLIENT_DOMAINS.items():
        client_id = await admin.add_client(db, tenant_id, name, [domain])
        # Of both clients: mail from her is what a person has to decide.
        await admin.add_contact(db, tenant_id, demo_mails.ACCOUNTANT, demo_mails.ACCOUNTANT_NAME, client_id)
    settings = {
        "host": HOST,
        "port": ports.demo_imap,
        "security": "plaintext",
        "username": demo_mails.ORDERS,
        # The demo's mail may arrive before the listener looks for the first time.
        "since": (datetime.now(UTC) - timedelta(days=1)).date(),
    }
    await admin.add_imap_mailbox(
        *(db, KeyRing(secrets.master_keys), tenant_id, demo_mails.ORDERS, settings, secrets.demo_imap_password)
    )
