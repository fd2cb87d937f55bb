"""Setting postroom up and letting people in: what `postroom dev` and the administration commands call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from domain.inbound import Provider
from domain.standard_webhooks import new_secret
from providers.imap.settings import ImapSettings
from storage import access, api_tokens, audit, mailbox_admin, mailboxes, people, tenants, users
from storage.database import Database
from storage.secrets import KeyRing

# The same on every start, so that a second start finds the first one's tenant.
DEFAULT_TENANT = uuid5(NAMESPACE_URL, "https://postroom.dev/tenants/default")
DEFAULT_NAME = "Default"
OWNER = "owner@postroom.test"
# Who set postroom up or used its commands, as the audit log names them.
CLI = "postroom command"
SUPPORT = "support@postroom.test"


class AdminError(Exception):
    """What was asked for cannot be done; the text says why to a person."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant that is ready to receive. `owner` is its first user's address, `mailbox_id` its SMTP mailbox."""

    tenant_id: UUID
    name: str
    owner: str
    mailbox_id: UUID


@dataclass(frozen=True, slots=True)
class RawMailbox:
    """`webhook_secret` (`whsec_…`, Standard Webhooks) is known this once; None when the mailbox was there already."""

    mailbox_id: UUID
    webhook_secret: str | None


async def ensure_default_tenant(db: Database, *, address: str = SUPPORT) -> Tenant:
    """What `postroom dev` begins with: the first tenant with an owner and an SMTP mailbox. Safe to repeat.

    In production people and mailboxes are those that somebody adds, so no command calls this.
    """
    async with db.tenant(DEFAULT_TENANT) as session:
        await tenants.ensure(session, DEFAULT_TENANT, DEFAULT_NAME, actor=CLI)
        await people.add_user(session, DEFAULT_TENANT, OWNER, "Owner", "owner")
    mailbox_id = await add_smtp_mailbox(db, DEFAULT_TENANT, address, again=False)
    return Tenant(DEFAULT_TENANT, DEFAULT_NAME, OWNER, mailbox_id)


async def create_login_link(
    db: Database, tenant_id: UUID, user_email: str, public_url: str, *, hours: float = 24
) -> str:
    """A URL that signs this user in once. Raises AdminError for an unknown user."""
    token = await _link(db, tenant_id, user_email, timedelta(hours=hours), "sign_in")
    return f"{public_url.rstrip('/')}/login/{token}"


async def create_password_link(db: Database, tenant_id: UUID, user_email: str, public_url: str) -> str:
    """A URL at which this user sets a password, once. Raises AdminError for an unknown user."""
    token = await _link(db, tenant_id, user_email, access.INVITATION, "password")
    return f"{public_url.rstrip('/')}/password/{token}"


async def _link(db: Database, tenant_id: UUID, user_email: str, lifetime: timedelta, purpose: access.Purpose) -> str:
    """Whoever has it can be this user, so it is audited. Raises AdminError."""
    async with db.tenant(tenant_id) as session:
        try:
            token = await access.create_link(session, tenant_id, user_email, lifetime, purpose)
        except LookupError:
            raise AdminError("Nobody with this address may sign in: add them with `postroom user add`.") from None
        user_id = await users.find(session, tenant_id, user_email)
        await audit.record(session, tenant_id, CLI, f"make_{purpose}_link", f"user/{user_id}")
    return token


async def create_api_token(
    db: Database, tenant_id: UUID, name: str, scope: api_tokens.Scope = "write", *, days: int | None = None
) -> str:
    """A bearer token for the API, shown this once; without `days` it holds until it is revoked."""
    lifetime = None if days is None else timedelta(days=days)
    async with db.tenant(tenant_id) as session:
        _, token = await api_tokens.create(session, tenant_id, name, scope, actor=CLI, lifetime=lifetime)
    return token


async def add_user(db: Database, tenant_id: UUID, email: str, name: str, role: access.Role = "agent") -> UUID:
    """The user with this address; one who is there already stays as they are."""
    async with db.tenant(tenant_id) as session:
        try:
            return await users.add(session, tenant_id, email, name, role, actor=CLI, by="owner")
        except users.Refused:
            return await people.add_user(session, tenant_id, email, name, role)


async def add_smtp_mailbox(db: Database, tenant_id: UUID, address: str, *, again: bool = True) -> UUID:
    """A mailbox that receives over postroom's own SMTP inbox; `again`: also one that was removed. Raises AdminError."""
    try:
        async with db.tenant(tenant_id) as session:
            added = await mailbox_admin.add(session, tenant_id, address, "smtp", actor=CLI, again=again)
    except mailboxes.AddressInUse:
        raise AdminError(f"Mail for {address} goes to another SMTP mailbox of this installation already.") from None
    return _of(added, "smtp", address).mailbox_id


async def add_raw_mailbox(db: Database, keyring: KeyRing, tenant_id: UUID, address: str) -> RawMailbox:
    """A mailbox that other systems hand raw mail to, over `POST /webhooks/raw/{mailbox_id}`."""
    secret = new_secret()
    async with db.tenant(tenant_id) as session:
        added = _of(await mailbox_admin.add(session, tenant_id, address, "raw", actor=CLI), "raw", address)
        if not added.created:
            return RawMailbox(added.mailbox_id, None)
        sealed = _seal(keyring, tenant_id, added.mailbox_id, {"webhook_secret": secret})
        await mailbox_admin.connect(session, tenant_id, added.mailbox_id, {}, sealed, actor=CLI)
    return RawMailbox(added.mailbox_id, secret)


async def add_imap_mailbox(
    db: Database, keyring: KeyRing, tenant_id: UUID, address: str, settings: dict[str, Any], password: str
) -> UUID:
    """A mailbox that is read over IMAP; `settings` are those of `ImapSettings`. A known one gets the new settings.

    Raises pydantic's ValidationError for settings that do not hold.
    """
    valid = ImapSettings.model_validate(settings).model_dump(mode="json")
    async with db.tenant(tenant_id) as session:
        added = _of(await mailbox_admin.add(session, tenant_id, address, "imap", actor=CLI), "imap", address)
        sealed = _seal(keyring, tenant_id, added.mailbox_id, {"password": password})
        await mailbox_admin.connect(session, tenant_id, added.mailbox_id, valid, sealed, actor=CLI)
    return added.mailbox_id


async def add_client(db: Database, tenant_id: UUID, name: str, domains: Sequence[str] = ()) -> UUID:
    async with db.tenant(tenant_id) as session:
        return await people.add_client(session, tenant_id, name, domains)


async def add_contact(db: Database, tenant_id: UUID, address: str, name: str, client_id: UUID | None = None) -> UUID:
    async with db.tenant(tenant_id) as session:
        return await people.add_contact(session, tenant_id, address, name, client_id)


def _of(added: people.AddedMailbox, provider: Provider, address: str) -> people.AddedMailbox:
    if added.provider != provider:
        raise AdminError(f"{address} is already registered as a mailbox of the kind {added.provider}.")
    return added


def _seal(keyring: KeyRing, tenant_id: UUID, mailbox_id: UUID, secret: dict[str, str]) -> str:
    return keyring.seal(json.dumps(secret).encode(), tenant_id=tenant_id, table="mailboxes", row=str(mailbox_id))
