"""`postroom doctor`: an installation examined step by step, with what to do where something is wrong."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

import aiohttp
import asyncpg
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.scanner import ScannerAway
from storage import mailboxes, migrate
from storage.database import Database
from storage.objects import Objects
from storage.secrets import KeyRing, SecretError
from workers import process, temporal
from workers.settings import ConfigurationError, Settings, load
from workflows import names

# Seconds that one question to another machine may take.
PATIENCE = 10.0
# Signatures, tokens and leases tolerate little more.
LARGEST_SKEW = timedelta(seconds=5)
# A provider delivers a message again days later: until then a closed run's id must keep a second one from starting.
SHORTEST_RETENTION = timedelta(days=7)
# Active mailboxes are read at least once a minute; this long without is a fault.
LATEST_SYNC = timedelta(minutes=15)
WORKER_QUEUES = (names.MAIL_QUEUE, names.SYNC_QUEUE, names.PROVIDER_QUEUE, names.JOBS_QUEUE)

State = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One examined thing. `skipped`: it could not be examined, since something that it needs failed."""

    name: str
    state: State
    detail: str
    advice: str = ""


class Fault(Exception):
    """What is wrong, and what to do about it."""

    def __init__(self, detail: str, advice: str) -> None:
        super().__init__(detail)
        self.advice = advice


@dataclass
class Installation:
    """What the examination has opened so far."""

    settings: Settings
    stack: AsyncExitStack
    db: Database | None = None
    keyring: KeyRing | None = None
    client: Client | None = None
    mailboxes: list[mailboxes.Mailbox] = field(default_factory=list)

    @property
    def database(self) -> Database:
        assert self.db is not None
        return self.db

    @property
    def temporal(self) -> Client:
        assert self.client is not None
        return self.client


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """The findings as they are made."""
    passed: set[str] = set()
    async with AsyncExitStack() as stack:
        at = Installation(settings, stack)
        for name, needs, check in CHECKS:
            if needs - passed:
                yield Finding(name, "skipped", f"needs {', '.join(sorted(needs - passed))}")
                continue
            try:
                detail = await asyncio.wait_for(check(at), 3 * PATIENCE)
            except Fault as fault:
                yield Finding(name, "failed", str(fault), fault.advice)
            except (ConfigurationError, migrate.MigrationError) as error:
                yield Finding(name, "failed", *_sentence(str(error)))
            except Exception as error:
                yield Finding(name, "failed", f"unexpected: {type(error).__name__}", "Look at the log of that service.")
            else:
                passed.add(name)
                yield Finding(name, "ok", detail)
        for mailbox in at.mailboxes:
            yield await _mailbox(at, mailbox)


def _sentence(text: str) -> tuple[str, str]:
    """`What is wrong: what to do.` as its two halves."""
    detail, colon, advice = text.partition(": ")
    return (detail, advice[:1].upper() + advice[1:]) if colon else (text, "")


# Postgres ----------------------------------------------------------------------------------------------


async def _keys(at: Installation) -> str:
    try:
        at.keyring = KeyRing(at.settings.master_keys.get_secret_value())
    except SecretError as error:
        raise Fault(str(error), "`openssl rand -base64 32` makes a key; keep the ones that sealed before.") from None
    return f"{len(at.keyring.derive('doctor'))} in the ring; the first seals"


async def _postgres(at: Installation) -> str:
    with process.database_faults():
        connection = await asyncpg.connect(at.settings.database_url.get_secret_value(), timeout=PATIENCE)
    try:
        version = await connection.fetchval("show server_version")
    finally:
        await connection.close()
    if int(version.partition(".")[0]) < 15:
        raise Fault(f"Postgres {version} is too old", "Upgrade to Postgres 15 or later.")
    return f"Postgres {version} answers"


async def _schema(at: Installation) -> str:
    await migrate.check(at.settings.database_url.get_secret_value())
    return f"schema {len(migrate.available()):04}, this release's"


async def _roles(at: Installation) -> str:
    with process.database_faults():
        at.db = await Database.connect(at.settings.database_url.get_secret_value(), max_size=2)
    at.stack.push_async_callback(at.db.close)
    async with at.db.directory() as session:
        role = await session.fetchrow(
            "select current_user as name, rolsuper or rolbypassrls as free from pg_roles where rolname = current_user"
        )
    if role is None or role["free"]:
        raise Fault("the application's role is above row-level security", "Run `postroom migrate`, which makes it.")
    return f"everything runs as {role['name']}, which row-level security binds"


async def _row_security(at: Installation) -> str:
    async with at.database.directory() as session:
        tables = await session.fetch(
            """select c.relname, c.relrowsecurity and c.relforcerowsecurity as bound
                 from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
                where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not a.attisdropped"""
        )
    loose = sorted(table["relname"] for table in tables if not table["bound"])
    if loose:
        raise Fault(
            f"row-level security is off on {', '.join(loose)}",
            "Somebody altered these tables: `alter table … enable row level security, force row level security`.",
        )
    return f"forced on all {len(tables)} tables of tenants"


async def _clock(at: Installation) -> str:
    before = datetime.now(UTC)
    async with at.database.directory() as session:
        theirs: datetime = await session.fetchval("select clock_timestamp()")
    skew = abs(theirs - (before + (datetime.now(UTC) - before) / 2))
    if skew > LARGEST_SKEW:
        raise Fault(
            f"this machine and Postgres differ by {skew.total_seconds():.0f} s",
            "Let both follow a time server (NTP): tokens and signatures count in seconds.",
        )
    return f"this machine and Postgres agree within {skew.total_seconds():.1f} s"


async def _secrets(at: Installation) -> str:
    """Whether the key ring opens what is sealed, and who there is to look at later."""
    assert at.keyring is not None
    locked, sealed = [], 0
    for located in await mailboxes.locate_all(at.database):
        async with at.database.tenant(located.tenant_id) as session:
            mailbox = await mailboxes.get(session, located.tenant_id, located.mailbox_id)
        if mailbox is None:
            continue
        at.mailboxes.append(mailbox)
        sealed += mailbox.sealed_secret is not None
        try:
            mailbox.secret(at.keyring)
        except SecretError:
            locked.append(mailbox.address)
    if locked:
        raise Fault(
            f"the key ring does not open the secrets of {', '.join(locked)}",
            "Put the key that sealed them back into POSTROOM_MASTER_KEYS (behind the first), or connect them again.",
        )
    return f"{sealed} sealed, all of them open"


# Temporal ----------------------------------------------------------------------------------------------


async def _temporal(at: Installation) -> str:
    at.client = await temporal.connect(patience=timedelta(seconds=3))
    return f"answers at {at.client.service_client.config.target_host}"


async def _namespace(at: Installation) -> str:
    try:
        described = await at.temporal.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=at.temporal.namespace)
        )
    except RPCError as error:
        raise Fault(
            f"{at.temporal.namespace}: {error.message}", "Set TEMPORAL_NAMESPACE, or run `postroom temporal-setup`."
        ) from None
    retention = described.config.workflow_execution_retention_ttl.ToTimedelta()
    if retention < SHORTEST_RETENTION:
        raise Fault(
            f"{at.temporal.namespace} forgets closed runs after {retention}",
            "A mail that is delivered again later could be processed twice: run `postroom temporal-setup`.",
        )
    return f"{at.temporal.namespace} keeps closed runs for {retention.days} days"


async def _search_attributes(at: Installation) -> str:
    known = await at.temporal.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=at.temporal.namespace)
    )
    missing = [name for name in names.SEARCH_ATTRIBUTES if name not in known.custom_attributes]
    if missing:
        raise Fault(f"{', '.join(missing)} missing", "Run `postroom temporal-setup`: no workflow starts without them.")
    return f"all {len(names.SEARCH_ATTRIBUTES)} there"


async def _workers(at: Installation) -> str:
    runs = temporal.TemporalRuns(at.temporal)
    found = {queue: await runs.pollers(queue) for queue in WORKER_QUEUES}
    idle = [queue for queue, pollers in found.items() if not pollers]
    if idle:
        raise Fault(f"nobody polls {', '.join(idle)}", "Start `postroom worker`, with this TEMPORAL_NAMESPACE.")
    return ", ".join(f"{queue}: {pollers}" for queue, pollers in found.items())


async def _listener(at: Installation) -> str:
    if not any(mailbox.provider == "imap" for mailbox in at.mailboxes):
        return "not needed: there is no IMAP mailbox"
    pollers = await temporal.TemporalRuns(at.temporal).pollers(names.LISTENER_QUEUE)
    if not pollers:
        raise Fault("nobody polls the queue listener", "Start `postroom listener`: IMAP mail waits for it.")
    return f"{names.LISTENER_QUEUE}: {pollers}"


async def _schedule(at: Installation) -> str:
    try:
        described = await at.temporal.get_schedule_handle(names.UPKEEP_ID).describe()
    except RPCError:
        raise Fault("the daily checks are not scheduled", "`postroom worker` schedules them: is it running?") from None
    if described.schedule.state.paused:
        raise Fault("the daily checks are paused", f"`temporal schedule toggle --unpause -s {names.UPKEEP_ID}`")
    return "the daily checks are scheduled"


# Around it ---------------------------------------------------------------------------------------------


async def _objects(at: Installation) -> str:
    advice = "Correct POSTROOM_OBJECTS_URL, or the rights there: postroom writes, reads and deletes."
    try:
        await asyncio.wait_for(Objects(at.settings.objects_url).probe(), PATIENCE)
    except Exception as error:  # whatever the store raises: obstore has an exception for each of its back ends
        raise Fault(f"writing, reading and deleting failed ({type(error).__name__})", advice) from None
    return "written, read and deleted"


async def _scanner(at: Installation) -> str:
    if at.settings.scanner is None:
        return "POSTROOM_CLAMD is not set: attachments are not scanned"
    try:
        return await at.settings.scanner.version()
    except ScannerAway:
        raise Fault(
            f"nobody answers at {at.settings.clamd}", "Start clamd, or correct POSTROOM_CLAMD: attachments are locked."
        ) from None


async def _console(at: Installation) -> str:
    url = at.settings.public_url.rstrip("/")
    status = await _status(f"{url}/health/live", "GET", {})
    if status[0] != 200:
        raise Fault(
            f"{url} {_said(status[0])}", "Start `postroom web`, or set POSTROOM_PUBLIC_URL to where people reach it."
        )
    return f"{url} answers"


async def _webhooks(at: Installation) -> str:
    url = at.settings.endpoints.webhooks_url
    if not url:
        return "POSTROOM_WEBHOOKS_URL is not set: Gmail and Microsoft mailboxes are polled"
    token = uuid4().hex
    status, text = await _status(at.settings.endpoints.microsoft_push, "POST", {"validationToken": token})
    if status != 200 or text != token:
        raise Fault(
            f"{url} {_said(status)}" if status != 200 else f"{url} is not our webhooks",
            "`postroom webhooks` must be reachable there, with no login, firewall or redirect before it.",
        )
    return f"{url} answers as our webhooks"


async def _status(url: str, method: str, parameters: dict[str, str]) -> tuple[int, str]:
    """Status and text; 0 for no answer."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as http,
            http.request(method, url, params=parameters, allow_redirects=False) as response,
        ):
            return response.status, (await response.content.read(4096)).decode("utf-8", "replace")
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return 0, ""


def _said(status: int) -> str:
    return f"answers {status}" if status else "does not answer"


async def _mailbox(at: Installation, mailbox: mailboxes.Mailbox) -> Finding:
    name = f"mailbox {mailbox.address}"
    async with at.database.tenant(mailbox.tenant_id) as session:
        row: Any = await session.fetchrow(
            """select m.last_sync_at, m.created_at, now() as now, c.error, c.missing + c.stuck - c.repaired as amiss
                 from mailboxes m left join mailbox_checks c using (tenant_id, mailbox_id)
                where m.tenant_id = $1 and m.mailbox_id = $2""",
            mailbox.tenant_id,
            mailbox.mailbox_id,
        )
    if mailbox.state == "needs_reauth":
        return Finding(name, "failed", mailbox.status, "Connect it again: console, Mailboxes, Reconnect.")
    if mailbox.provider == "smtp":
        receiving = await mailboxes.locate_smtp(at.database, mailbox.address)
        if receiving is not None and receiving.mailbox_id != mailbox.mailbox_id:
            advice = "Remove one of the two: the one that was registered first receives."
            return Finding(name, "failed", "another tenant's SMTP mailbox receives for this address", advice)
    if mailbox.state == "paused":
        return Finding(name, "ok", "paused by an operator")
    since = row["last_sync_at"] or row["created_at"]
    if row["now"] - since > LATEST_SYNC:
        minutes = int((row["now"] - since).total_seconds() // 60)
        status = f" ({mailbox.status})" if mailbox.status else ""
        advice = f"`postroom mailbox test {mailbox.address}` says what to do."
        return Finding(name, "failed", f"not read for {minutes} minutes{status}", advice)
    if row["amiss"] is not None and row["amiss"] > 0:
        advice = f"`postroom reconcile --mailbox {mailbox.address} --repair` mends it."
        return Finding(name, "failed", f"{row['amiss']} messages missing or stuck at the last check", advice)
    return Finding(name, "ok", mailbox.status or "read")


Check = Callable[[Installation], Awaitable[str]]
CHECKS: list[tuple[str, set[str], Check]] = [
    ("master keys", set(), _keys),
    ("Postgres", set(), _postgres),
    ("schema", {"Postgres"}, _schema),
    ("role", {"schema"}, _roles),
    ("row-level security", {"role"}, _row_security),
    ("clock", {"role"}, _clock),
    ("secrets", {"role", "master keys"}, _secrets),
    ("object store", set(), _objects),
    ("scanner", set(), _scanner),
    ("Temporal", set(), _temporal),
    ("namespace", {"Temporal"}, _namespace),
    ("search attributes", {"namespace"}, _search_attributes),
    ("workers", {"namespace"}, _workers),
    ("listener", {"namespace", "secrets"}, _listener),
    ("schedule", {"namespace"}, _schedule),
    ("console", set(), _console),
    ("webhooks", set(), _webhooks),
]
_MARKS: dict[State, str] = {"ok": "ok     ", "failed": "FAILED ", "skipped": "-      "}


def _show(finding: Finding, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(finding)), flush=True)
        return
    print(f"{_MARKS[finding.state]} {finding.name}: {finding.detail}", flush=True)
    if finding.advice:
        print(f"         {finding.advice}", flush=True)


async def run(args: argparse.Namespace) -> int:
    """0 when everything is in order, 1 otherwise."""
    try:
        settings = load()
    except ConfigurationError as error:
        _show(Finding("settings", "failed", *_sentence(str(error))), as_json=args.json)
        return 1
    _show(Finding("settings", "ok", "every POSTROOM_* variable holds"), as_json=args.json)
    sound = True
    async for finding in examine(settings):
        sound = sound and finding.state == "ok"
        _show(finding, as_json=args.json)
    return 0 if sound else 1
