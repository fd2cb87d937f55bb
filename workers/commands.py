"""The operator's commands: mailboxes, delivery, tracing, people, histories."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from storage import mailboxes, migrate
from storage.database import Database
from storage.secrets import KeyRing, SecretError
from workers import admin, process
from workers.settings import ConfigurationError, Settings, load

Command = Callable[[argparse.Namespace, Settings, Database], Awaitable[int]]


class Refused(Exception):
    """The command cannot do what was asked; the text says why, and what to do."""


def add(commands: Any) -> None:
    """Adds every operator command to the parser's `commands`."""
    mailbox = commands.add_parser("mailbox", help="add, list, pause, resume and resync mailboxes").add_subparsers(
        metavar="ACTION", required=True
    )
    added = mailbox.add_parser("add", help="connect a mailbox")
    added.add_argument("provider", choices=["smtp", "raw", "imap"])
    added.add_argument("address", help="the mailbox's mail address")
    added.add_argument("--host", help="imap: the server's name")
    added.add_argument("--port", type=int, default=993, help="imap: the server's port (%(default)s)")
    added.add_argument("--security", choices=["tls", "starttls", "plaintext"], default="tls", help="imap (%(default)s)")
    added.add_argument("--username", help="imap: the login name (the address)")
    added.add_argument("--password-file", help="imap: a file holding the password; - reads it from standard input")
    added.add_argument("--folder", action="append", help="imap: a folder to read, repeatable (INBOX)")
    added.add_argument("--since", metavar="YYYY-MM-DD", help="imap: also mail received since then (from now on)")
    added.set_defaults(run=_with(_mailbox_add))
    mailbox.add_parser("list", help="all mailboxes and how they stand").set_defaults(run=_with(_mailbox_list))
    for name, text in (("pause", "stop reading, keep the cursor"), ("resume", "read on from the cursor")):
        action = mailbox.add_parser(name, help=text)
        action.add_argument("mailbox", help="its address or id")
        action.set_defaults(run=_with(_mailbox_signal), signal=name)
    resync = mailbox.add_parser("resync", help="list everything since a date again; what is known stays as it is")
    resync.add_argument("mailbox", help="its address or id")
    resync.add_argument("--since", required=True, metavar="YYYY-MM-DD")
    resync.set_defaults(run=_with(_mailbox_signal), signal="resync")

    deliver = commands.add_parser("deliver", help="hand mails to an SMTP or raw mailbox from files")
    deliver.add_argument("--mailbox", required=True, metavar="M", help="its address or id")
    deliver.add_argument("files", nargs="+", type=Path, metavar="FILE")
    deliver.set_defaults(run=_with(_deliver))

    trace = commands.add_parser("trace", help="what happened to a message, and why")
    trace.add_argument("message_id", metavar="MESSAGE_ID", help="with or without angle brackets")
    trace.set_defaults(run=_with(_trace))

    user = commands.add_parser("user", help="people who sign in").add_subparsers(metavar="ACTION", required=True)
    user_add = user.add_parser("add", help="add a person and print a sign-in link")
    user_add.add_argument("email")
    user_add.add_argument("--name")
    user_add.add_argument("--role", choices=["viewer", "agent", "admin", "owner"], default="agent")
    user_add.set_defaults(run=_with(_user_add))

    token = commands.add_parser("token", help="tokens for the API").add_subparsers(metavar="ACTION", required=True)
    token_add = token.add_parser("add", help="make a token; it is shown once")
    token_add.add_argument("name", help="what it is for")
    token_add.add_argument("--scope", choices=["read", "write"], default="read")
    token_add.set_defaults(run=_with(_token_add))

    history = commands.add_parser("history", help="workflow histories").add_subparsers(metavar="ACTION", required=True)
    export = history.add_parser("export", help="print a workflow's history as JSON, for replay tests")
    export.add_argument("workflow_id", metavar="WORKFLOW_ID")
    export.set_defaults(run=_history_export)


def _with(command: Command) -> Callable[[argparse.Namespace], int]:
    """Runs a command with settings and database; every fault a person can cause ends in one sentence."""

    async def run(args: argparse.Namespace, settings: Settings) -> int:
        async with process.database(settings) as db:
            return await command(args, settings, db)

    def main(args: argparse.Namespace) -> int:
        return _finish(lambda: run(args, load()))

    return main


def _finish(main: Callable[[], Awaitable[int]]) -> int:
    logging.basicConfig(level=logging.ERROR)
    code = 1
    try:
        code = asyncio.run(main())  # type: ignore[arg-type]
    except (Refused, admin.AdminError, ConfigurationError, SecretError, migrate.MigrationError) as error:
        print(f"postroom: {error}", file=sys.stderr)
    except OSError as error:
        print(f"postroom: {error.strerror}: {error.filename}", file=sys.stderr)
    process.leave(code)


async def _mailbox_add(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    keyring = KeyRing(settings.master_keys.get_secret_value())
    tenant_id = (await admin.ensure_default_tenant(db)).tenant_id
    address = args.address.lower()
    if args.provider == "smtp":
        print(await admin.add_smtp_mailbox(db, tenant_id, address))
    elif args.provider == "raw":
        mailbox = await admin.add_raw_mailbox(db, keyring, tenant_id, address)
        print(mailbox.mailbox_id)
        if mailbox.webhook_secret:
            print(f"Sign with this secret, which is not shown again: {mailbox.webhook_secret}")
    else:
        if not args.host or not args.password_file:
            raise Refused("An IMAP mailbox needs --host and --password-file.")
        file = args.password_file
        text = sys.stdin.read() if file == "-" else await asyncio.to_thread(Path(file).read_text, "utf-8")
        password = text.rstrip("\r\n")
        imap = {
            "host": args.host,
            "port": args.port,
            "security": args.security,
            "username": args.username or address,
            "folders": args.folder or ["INBOX"],
            "since": args.since,
        }
        try:
            print(await admin.add_imap_mailbox(db, keyring, tenant_id, address, imap, password))
        except ValueError as error:
            raise Refused(f"These settings do not hold: {error}") from None
    return 0


async def _mailbox_list(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    for located in await mailboxes.locate_all(db):
        async with db.tenant(located.tenant_id) as session:
            mailbox = await mailboxes.get(session, located.tenant_id, located.mailbox_id)
        if mailbox is not None:
            status = mailbox.status or "-"
            print(f"{mailbox.mailbox_id}  {mailbox.provider:9}  {mailbox.state:12}  {mailbox.address}  {status}")
    return 0


async def _mailbox_signal(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    from domain.runs import NotRunning
    from workers.temporal import TemporalRuns, connect

    located = await _located(db, args.mailbox)
    since = [_date(args.since)] if args.signal == "resync" else []
    try:
        await TemporalRuns(await connect()).change_mailbox(located.mailbox_id, args.signal, *since)
    except NotRunning:
        raise Refused("This mailbox has no workflow yet: start `postroom worker`, then try again.") from None
    print(f"{args.signal}: asked; `postroom mailbox list` shows when it is done")
    return 0


async def _deliver(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    from storage.objects import Objects
    from webhooks.ingress import Ingress
    from webhooks.starter import Starter
    from workers.temporal import TemporalRuns, lazy_client

    located = await _located(db, args.mailbox)
    if located.provider not in ("smtp", "raw"):
        raise Refused("Only SMTP and raw mailboxes take mail from files; this one is read from its source.")
    starter = Starter(TemporalRuns(await lazy_client()))
    ingress = Ingress(db, Objects(settings.objects_url), starter, max_message_bytes=settings.max_message_bytes)
    for file in args.files:
        raw = file.read_bytes()
        if len(raw) > settings.max_message_bytes:
            raise Refused(f"{file} is larger than POSTROOM_MAX_MESSAGE_BYTES.")
        print(f"{await ingress.accept(located, raw)}  {file}")
    # Durable already; whatever Temporal does not take within a moment, the mailbox's tick starts.
    try:
        await asyncio.wait_for(starter.drained(), 10)
    except TimeoutError:
        print("Temporal is not reachable: the messages are kept and start when it is back.", file=sys.stderr)
    return 0


async def _trace(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    from storage import trace
    from workers.trace_text import describe

    found = False
    for tenant_id in await _tenants(db):
        async with db.tenant(tenant_id) as session:
            for email in await trace.page(session, tenant_id, message_id=args.message_id, before=None, limit=50):
                print(("\n" if found else "") + await describe(session, tenant_id, email, settings.public_url))
                found = True
    if not found:
        raise Refused("No message with this Message-ID was ever listed: look at `postroom mailbox list`.")
    return 0


async def _user_add(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    tenant_id = (await admin.ensure_default_tenant(db)).tenant_id
    await admin.add_user(db, tenant_id, args.email.lower(), args.name or args.email, args.role)
    print(await admin.create_login_link(db, tenant_id, args.email.lower(), settings.public_url))
    return 0


async def _token_add(args: argparse.Namespace, settings: Settings, db: Database) -> int:
    tenant_id = (await admin.ensure_default_tenant(db)).tenant_id
    print(await admin.create_api_token(db, tenant_id, args.name, args.scope))
    return 0


def _history_export(args: argparse.Namespace) -> int:
    async def run() -> int:
        from temporalio.service import RPCError

        from workers.temporal import connect

        client = await connect()
        try:
            print((await client.get_workflow_handle(args.workflow_id).fetch_history()).to_json())
        except RPCError:
            raise Refused("Temporal knows no workflow with this id (or its retention has passed).") from None
        return 0

    return _finish(run)


async def _located(db: Database, name: str) -> mailboxes.Located:
    try:
        located = await mailboxes.locate(db, UUID(name))
    except ValueError:
        located = await mailboxes.locate_address(db, name.lower())
    if located is None:
        raise Refused(f"There is no mailbox {name}: `postroom mailbox list` shows them.")
    return located


async def _tenants(db: Database) -> list[UUID]:
    async with db.directory() as session:
        return [row["tenant_id"] for row in await session.fetch("select * from directory_tenants()")]


def _date(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Refused("--since wants a date as YYYY-MM-DD.") from None
