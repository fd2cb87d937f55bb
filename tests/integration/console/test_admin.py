"""Setting up: every step may be repeated, and secrets are shown once and kept sealed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from storage import mailboxes
from storage.database import Database
from storage.secrets import KeyRing
from tests.house import MASTER_KEYS
from workers import admin

IMAP = {"host": "imap.example.com", "username": "orders@example.com"}


@pytest.fixture
def keyring() -> KeyRing:
    return KeyRing(MASTER_KEYS)


async def counts(db: Database, tenant: admin.Tenant) -> dict[str, int]:
    tables = ("users", "mailboxes", "inbound_defaults", "clients", "client_domains", "contacts")
    async with db.tenant(tenant.tenant_id) as session:
        return {table: await session.fetchval(f"select count(*) from {table}") for table in tables}


async def test_a_second_start_finds_the_first_ones_tenant(db: Database) -> None:
    first = await admin.ensure_default_tenant(db)
    assert await admin.ensure_default_tenant(db) == first
    assert await counts(db, first) == {
        "users": 1, "mailboxes": 1, "inbound_defaults": 1, "clients": 0, "client_domains": 0, "contacts": 0,
    }  # fmt: skip
    async with db.tenant(first.tenant_id) as session:
        mailbox = await session.fetchrow("select * from mailboxes")
    assert (mailbox["address"], mailbox["provider"], mailbox["state"]) == (admin.SUPPORT, "smtp", "active")
    assert mailbox["defaults_id"] is not None


async def test_people_are_added_once(db: Database) -> None:
    tenant = await admin.ensure_default_tenant(db)
    clients = [await admin.add_client(db, tenant.tenant_id, "Bakery", ["Bakery.example"]) for _ in range(2)]
    assert clients[0] == clients[1]
    contacts = [await admin.add_contact(db, tenant.tenant_id, "Ada@x.example", "Ada", clients[0]) for _ in range(2)]
    assert contacts[0] == contacts[1]
    assert await admin.add_contact(db, tenant.tenant_id, "ada@x.example", "Ada") != contacts[0]
    users = [await admin.add_user(db, tenant.tenant_id, "Ben@x.example", "Ben") for _ in range(2)]
    assert users[0] == users[1]
    assert (await counts(db, tenant))["client_domains"] == 1


async def test_a_webhook_secret_is_told_once_and_kept_sealed(db: Database, keyring: KeyRing) -> None:
    tenant = await admin.ensure_default_tenant(db)
    made = await admin.add_raw_mailbox(db, keyring, tenant.tenant_id, "raw@postroom.test")
    again = await admin.add_raw_mailbox(db, keyring, tenant.tenant_id, "raw@postroom.test")
    assert made.webhook_secret is not None
    assert made.webhook_secret.startswith("whsec_")
    assert (again.mailbox_id, again.webhook_secret) == (made.mailbox_id, None)
    mailbox = await stored(db, tenant, made.mailbox_id)
    assert made.webhook_secret not in (mailbox.sealed_secret or "")
    assert mailbox.secret(keyring) == {"webhook_secret": made.webhook_secret}


async def test_an_imap_mailbox_takes_new_settings(db: Database, keyring: KeyRing) -> None:
    tenant = await admin.ensure_default_tenant(db)
    first = await admin.add_imap_mailbox(db, keyring, tenant.tenant_id, "orders@example.com", IMAP, "old")
    changed = {**IMAP, "port": 1993}
    assert await admin.add_imap_mailbox(db, keyring, tenant.tenant_id, "Orders@example.com", changed, "new") == first
    mailbox = await stored(db, tenant, first)
    assert mailbox.settings["port"] == 1993
    assert mailbox.secret(keyring) == {"password": "new"}
    assert "new" not in json.dumps(mailbox.settings)


async def test_wrong_settings_leave_no_mailbox_behind(db: Database, keyring: KeyRing) -> None:
    tenant = await admin.ensure_default_tenant(db)
    with pytest.raises(ValueError, match="username"):
        await admin.add_imap_mailbox(db, keyring, tenant.tenant_id, "orders@example.com", {"host": "x"}, "secret")
    assert (await counts(db, tenant))["mailboxes"] == 1


async def test_an_address_is_one_kind_of_mailbox(db: Database, keyring: KeyRing) -> None:
    tenant = await admin.ensure_default_tenant(db)
    with pytest.raises(admin.AdminError, match="already registered as a mailbox of the kind smtp"):
        await admin.add_imap_mailbox(db, keyring, tenant.tenant_id, admin.SUPPORT, IMAP, "secret")


async def test_nobody_gets_a_link_for_somebody_unknown(db: Database) -> None:
    tenant = await admin.ensure_default_tenant(db)
    with pytest.raises(admin.AdminError, match="postroom user add"):
        await admin.create_login_link(db, tenant.tenant_id, "nobody@postroom.test", "http://console.test")


async def stored(db: Database, tenant: admin.Tenant, mailbox_id: Any) -> mailboxes.Mailbox:
    async with db.tenant(tenant.tenant_id) as session:
        mailbox = await mailboxes.get(session, tenant.tenant_id, mailbox_id)
    assert mailbox is not None
    return mailbox
