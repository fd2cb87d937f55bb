"""`postroom user`, `postroom token` and `postroom audit`: who comes in, and who did what."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC
from typing import Any
from uuid import UUID

from storage import api_tokens, audit, users
from storage.database import Database
from storage.tenants import names
from workers import admin, tenants
from workers.command import Refused
from workers.settings import Settings

_LISTED = 1000


async def user_add(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    tenant_id = await tenants.which_or_first(db, args.tenant)
    await admin.add_user(db, tenant_id, args.email.lower(), args.name or args.email, args.role)
    print(await admin.create_login_link(db, tenant_id, args.email.lower(), settings.public_url))
    return 0


async def user_link(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    tenant_id = await tenants.which(db, args.tenant)
    make = admin.create_login_link if args.once else admin.create_password_link
    print(await make(db, tenant_id, args.email, settings.public_url))
    return 0


async def user_list(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    tenant_id = await tenants.which(db, args.tenant)
    async with db.tenant(tenant_id) as session:
        for row in await users.page(session, tenant_id, after=None, limit=_LISTED):
            seen = f"last signed in {_day(row['last_sign_in_at'])}" if row["last_sign_in_at"] else "never signed in"
            print(f"{row['email']:40} {row['role']:7} {seen}{'' if row['active'] else ', may not sign in'}")
    return 0


async def user_stop(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    """Ends, or gives back, somebody's access."""
    tenant_id = await tenants.which(db, args.tenant)
    async with db.tenant(tenant_id) as session:
        user_id = await users.find(session, tenant_id, args.email)
        if user_id is None:
            raise Refused("There is no user with this address: `postroom user list` shows them.")
        try:
            await users.change(session, tenant_id, user_id, actor=admin.CLI, by="owner", active=args.active)
        except users.Refused as refused:
            raise Refused(str(refused)) from None
    return 0


async def token_add(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    tenant_id = await tenants.which_or_first(db, args.tenant)
    print(await admin.create_api_token(db, tenant_id, args.name, args.scope, days=args.days))
    return 0


async def token_list(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    tenant_id = await tenants.which(db, args.tenant)
    async with db.tenant(tenant_id) as session:
        for row in await api_tokens.page(session, tenant_id, before=None, limit=_LISTED):
            print(f"{row['token_id']}  {row['prefix'] or '':9}  {row['scope']:5}  {_state(row):20}  {row['name']}")
    return 0


async def token_revoke(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    tenant_id = await tenants.which(db, args.tenant)
    async with db.tenant(tenant_id) as session:
        try:
            await api_tokens.revoke(session, tenant_id, UUID(args.token), actor=admin.CLI)
        except (LookupError, ValueError):
            raise Refused("There is no token with this id: `postroom token list` shows them.") from None
    return 0


async def audit_verify(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    """Checks every tenant's chain, and that the link noted earlier (`--expect POSITION:HASH`) is still there."""
    sound, expected = True, args.expect is None
    for tenant_id in await names(db):
        async with db.tenant(tenant_id) as session:
            verified = await audit.verify(session, tenant_id)
            if args.expect is not None:
                expected = expected or await _has(session, tenant_id, args.expect)
        position, digest = verified.head
        if verified.broken is None:
            print(f"tenant {tenant_id}: {verified.links} entries hold; the newest is {position}:{digest.hex()}")
        else:
            sound = False
            print(f"tenant {tenant_id}: the chain is broken at entry {verified.broken}.", file=sys.stderr)
    if not expected:
        print(f"No chain has the entry {args.expect}: its end was cut off, or it was rewritten.", file=sys.stderr)
    if not (sound and expected):
        print(
            "Somebody changed the log in the database. Compare it with a backup; see docs/people.md.", file=sys.stderr
        )
    return 0 if sound and expected else 1


async def _has(session: Any, tenant_id: UUID, expect: str) -> bool:
    position, _, digest = expect.partition(":")
    try:
        wanted = bytes.fromhex(digest)
        found = await audit.link(session, tenant_id, int(position))
    except ValueError:
        raise Refused("--expect takes POSITION:HASH as `postroom audit verify` prints it.") from None
    return found == wanted


def _state(row: Any) -> str:
    if row["revoked_at"]:
        return "revoked"
    if row["ended"]:
        return "ended"
    return f"until {_day(row['expires_at'])}" if row["expires_at"] else "until revoked"


def _day(moment: Any) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"
