"""`postroom mailbox …`: add, list, test, pause, resume, resync."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from domain.runs import NotRunning
from storage import mailbox_admin, mailboxes
from storage.database import Database
from storage.secrets import KeyRing
from storage.tenants import names as tenant_names
from workers import admin, imap_setup, mailbox_setup, tenants
from workers.command import Refused, locate
from workers.settings import Settings
from workers.sources import open_sources


async def add(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    keyring = KeyRing(settings.master_keys.get_secret_value())
    tenant_id = await tenants.which_or_first(db, args.tenant)
    args.address = args.address.lower()
    if args.provider == "smtp":
        print(await admin.add_smtp_mailbox(db, tenant_id, args.address))
    elif args.provider == "raw":
        raw = await admin.add_raw_mailbox(db, keyring, tenant_id, args.address)
        print(raw.mailbox_id)
        if raw.webhook_secret:
            print(f"Sign with this secret, which is not shown again: {raw.webhook_secret}")
    elif args.provider == "imap":
        mailbox_id = await imap_setup.add(args, settings, db, tenant_id)
        print(mailbox_id)
        await mailbox_setup.set_canary(args, db, tenant_id, mailbox_id)
    elif args.provider == "gmail":
        print(await mailbox_setup.add_gmail(args, settings, db, tenant_id))
    else:
        print(await mailbox_setup.add_microsoft(args, settings, db, tenant_id))
    return 0


async def show(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    names = await tenant_names(db)
    for located in await mailboxes.locate_all(db):
        async with db.tenant(located.tenant_id) as session:
            mailbox = await mailboxes.get(session, located.tenant_id, located.mailbox_id)
            if mailbox is None:
                continue
            standing = await mailboxes.standing(session, located.tenant_id, located.mailbox_id)
        read = _ago(standing.last_sync_at)
        print(
            f"{mailbox.mailbox_id}  {mailbox.provider:9}  {mailbox.state:12}  {mailbox.address}  "
            f"{mailbox.status or '-'}  ({read}){f'  {names[located.tenant_id]}' if len(names) > 1 else ''}"
        )
    return 0


def _ago(at: datetime | None) -> str:
    """How far a mailbox lags behind its source at most."""
    if at is None:
        return "not read yet"
    seconds = int((datetime.now(UTC) - at).total_seconds())
    return f"in step {seconds} s ago" if seconds < 600 else f"in step {seconds // 60} min ago"


async def test(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    from activities.diagnosis import diagnose

    located, passed = await locate(db, args.mailbox), True
    async with open_sources(settings, db) as opened:
        async for step in diagnose(db, opened, located.tenant_id, located.mailbox_id):
            print(f"{'ok    ' if step.works else 'FAILED'}  {step.name}: {step.detail}")
            if not step.works:
                passed = False
                print(f"        {step.advice}")
    return 0 if passed else 1


async def signal(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    from workers.temporal import TemporalRuns, connect

    located = await locate(db, args.mailbox)
    tenant_id, mailbox_id = located.tenant_id, located.mailbox_id
    since = [date(args.since)] if args.signal == "resync" else []
    runs = TemporalRuns(await connect())
    try:
        # Told within the transaction: where that cannot be, nothing has changed.
        async with db.tenant(tenant_id) as session:
            if args.signal == "pause":
                await mailbox_admin.pause(session, tenant_id, mailbox_id, actor=admin.CLI)
            elif args.signal == "resume":
                await mailbox_admin.resume(session, tenant_id, mailbox_id, actor=admin.CLI)
            else:
                await mailbox_admin.resync(session, tenant_id, mailbox_id, *since, actor=admin.CLI)
            await runs.change_mailbox(mailbox_id, args.signal, *since)
    except LookupError:
        raise Refused("This mailbox was removed.") from None
    except NotRunning:
        raise Refused("This mailbox has no workflow yet: start `postroom worker`, then try again.") from None
    print(f"{args.signal}: asked; `postroom mailbox list` shows when it is done")
    return 0


def date(text: str) -> datetime:
    """A day in UTC. Raises Refused."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Refused("--since wants a date as YYYY-MM-DD.") from None
