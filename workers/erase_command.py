"""`postroom erase`: what would go, what went, and what stays as evidence."""

from __future__ import annotations

import argparse
import getpass

from storage import deletions, erasure
from storage.database import Database
from storage.objects import Objects
from workers import tenants
from workers.command import Refused
from workers.settings import Settings


async def run(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    tenant_id = await tenants.which(db, args.tenant)
    async with db.tenant(tenant_id) as session:
        find = erasure.find_message if args.kind == "message" else erasure.find_person
        found = await find(session, tenant_id, args.what)
    if args.kind == "message" and not (found.messages or found.still_open):
        raise Refused("No message with this Message-ID or id is there, or it was erased already.")
    if not args.dry_run:
        by = f"cli:{getpass.getuser()}"
        if args.kind == "message":
            await erasure.erase_messages(db, tenant_id, found, by=by, reason=args.reason)
        else:
            await erasure.erase_person(db, tenant_id, args.what, found, by=by, reason=args.reason)
        objects = Objects(settings.objects_url)
        while await deletions.work_off(db, objects, tenant_id):
            pass
    _tell(found, dry_run=args.dry_run, person=args.kind == "person")
    return 1 if found.still_open and not args.dry_run else 0


def _tell(found: erasure.Found, *, dry_run: bool, person: bool) -> None:
    verb = "would be erased" if dry_run else "erased"
    for email_id in found.messages:
        print(f"{email_id}  {verb}")
    for email_id in found.still_open:
        print(f"{email_id}  still waits for something: answer its question or discard it, then erase again")
    if person:
        print(f"contacts {verb}: {found.contacts}")
        print(f"mails of others that were also sent to this address, and stay: {found.mentioned}")
    if not dry_run:
        print("The audit log has who asked, why, and the digests. Backups keep what they have until they run out:")
        print("note this erasure outside postroom, and repeat it whenever one of them is restored.")
