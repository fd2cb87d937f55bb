"""The operator's commands: delivery, tracing, dry runs, histories."""

from __future__ import annotations

import argparse
import asyncio
import sys

from storage import tenants
from storage import trace as ledger_trace
from storage.database import Database
from storage.objects import Objects
from webhooks.ingress import Ingress
from webhooks.starter import Starter
from workers import mailbox_commands
from workers.command import Refused, locate
from workers.settings import Settings


async def deliver(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    from workers.temporal import TemporalRuns, lazy_client

    located = await locate(db, args.mailbox)
    if located.provider not in ("smtp", "raw"):
        raise Refused("Only SMTP and raw mailboxes take mail from files; this one is read from its source.")
    starter = Starter(TemporalRuns(await lazy_client()))
    ingress = Ingress(db, Objects(settings.objects_url), starter, max_message_bytes=settings.max_message_bytes)
    for file in args.files:
        raw = await asyncio.to_thread(file.read_bytes)
        if len(raw) > settings.max_message_bytes:
            raise Refused(f"{file} is larger than POSTROOM_MAX_MESSAGE_BYTES.")
        print(f"{await ingress.accept(located, raw)}  {file}")
    # Durable already; whatever Temporal does not take within a moment, the mailbox's tick starts.
    try:
        await asyncio.wait_for(starter.drained(), 10)
    except TimeoutError:
        print("Temporal is not reachable: the messages are kept and start when it is back.", file=sys.stderr)
    return 0


async def trace(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    from workers.trace_text import describe

    found = False
    for tenant_id in await tenants.ids(db):
        async with db.tenant(tenant_id) as session:
            for email in await ledger_trace.page(session, tenant_id, message_id=args.message_id, before=None, limit=50):
                print(("\n" if found else "") + await describe(session, tenant_id, email, settings.public_url))
                found = True
    if not found:
        raise Refused("No message with this Message-ID was ever listed: look at `postroom mailbox list`.")
    return 0


async def rules_replay(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    from workers import explain_command

    args.since = mailbox_commands.date(args.since)
    return await explain_command.replay(args, settings, db)


async def history_export(args: argparse.Namespace) -> int:
    from temporalio.service import RPCError

    from workers.temporal import connect

    client = await connect()
    try:
        print((await client.get_workflow_handle(args.workflow_id).fetch_history()).to_json())
    except RPCError:
        raise Refused("Temporal knows no workflow with this id (or its retention has passed).") from None
    return 0
