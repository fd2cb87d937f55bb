"""`postroom reconcile`: every mailbox compared with its source and with Temporal; the same work as the daily check."""

from __future__ import annotations

import argparse
import json
import sys

from activities.reconcile import Reconciler
from domain.mailbox_jobs import Comparison
from storage import audit, mailboxes
from storage.database import Database
from workers.admin import CLI
from workers.command import locate
from workers.mailbox_commands import date
from workers.settings import Settings
from workers.sources import open_sources
from workers.temporal import TemporalRuns, connect


async def run(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    """0 when every ledger is sound, now; 1 when something is missing, stuck, or could not be read."""
    wanted = [await locate(db, args.mailbox)] if args.mailbox else await mailboxes.locate_all(db)
    since = date(args.since) if args.since else None
    sound = True
    async with open_sources(settings, db) as sources:
        reconciler = Reconciler(db, TemporalRuns(await connect()), sources)
        for located in wanted:
            async with db.tenant(located.tenant_id) as session:
                mailbox = await mailboxes.get(session, located.tenant_id, located.mailbox_id)
                if args.repair:
                    detail = {"kind": "reconcile", "repair": True, "since": args.since}
                    thing = f"mailbox/{located.mailbox_id}"
                    await audit.record(session, located.tenant_id, CLI, "examine_mailbox", thing, detail)
            address = mailbox.address if mailbox else str(located.mailbox_id)
            progress = _Progress(address)
            found = await reconciler.reconcile(
                located.tenant_id, located.mailbox_id, since=since, repair=args.repair, progress=progress.show
            )
            progress.clear()
            sound = sound and found.sound
            if args.json:
                print(json.dumps({"mailbox_id": str(located.mailbox_id), "mailbox": address,
                                  **found.model_dump(mode="json"), "sound": found.sound}))  # fmt: skip
            else:
                print(_line(address, found, repair=args.repair))
    return 0 if sound else 1


def _line(address: str, found: Comparison, *, repair: bool) -> str:
    parts = [f"{found.listed} at the source", f"{found.done} done", f"{found.open} open"]
    parts += [f"{found.missing} missing", f"{found.stuck} stuck"]
    if found.arriving:
        parts.append(f"{found.arriving} just arriving")
    if repair:
        parts.append(f"{found.repaired} repaired")
    line = f"{'ok    ' if found.sound else 'FAILED'}  {address}: {', '.join(parts)}"
    if found.error:
        line += (
            f"\n        The source could not be read to its end: {found.error}. See `postroom mailbox test {address}`."
        )
    for what, named in (("missing", found.some_missing), ("stuck", found.some_stuck)):
        line += "".join(f"\n        {what}: {name}" for name in named)
    if not found.error and not found.sound:
        line += "\n        `postroom reconcile --repair` lists what is missing and starts again what is stuck."
    return line


class _Progress:
    """How far a long comparison is, on a terminal only."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def show(self, found: Comparison) -> None:
        if sys.stderr.isatty():
            print(f"\r{self._address}: {found.listed} compared", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
