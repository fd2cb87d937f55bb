"""IMAP: what an idle mailbox costs, how fast mail is heard and becomes a ticket, how fast all are back.

Real Dovecot on this machine. The listener alone first, in this process, where memory and processor time are its own;
then the whole house. EXISTS is timed by connections of the benchmark's own that wait in IDLE beside the listener's.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import re
import resource
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from temporalio.client import Client

from bench import house, results
from providers.base import Listed
from providers.imap import watch as watch_module
from providers.imap.listener import Listener
from providers.imap.settings import Password
from providers.imap.sync import FolderState, Origin
from providers.imap.watch import MailboxStatus, Timers
from storage.database import Database
from storage.secrets import KeyRing
from tests.integration.imap.test_mailbox import MEMORY_PROBE
from tests.simulators.dovecot import PASSWORD, Dovecot, running_dovecot
from workers import admin
from workers.temporal import plugin

RENEW = 270.0
ACCELERATION = 10
WARM_UP = 60
LARGE = 25_000_000
_EXISTS = re.compile(rb"\* (\d+) EXISTS")


# The listener alone ---------------------------------------------------------------------------------------


class BenchSink:
    """Knows which mailboxes are idle."""

    def __init__(self) -> None:
        self.idle: set[str] = set()
        self._changed = asyncio.Event()

    async def listed(self, mailbox_id: str, state: FolderState, messages: Sequence[Listed], origin: Origin) -> None:
        pass

    async def unknown(self, mailbox_id: str, messages: Sequence[Listed]) -> int:
        return 0

    async def room(self, mailbox_id: str) -> int:
        return 0

    async def status(self, mailbox_id: str, status: MailboxStatus) -> None:
        (self.idle.add if status.state == "idle" else self.idle.discard)(mailbox_id)
        self._changed.set()

    async def auth_failed(self, mailbox_id: str, detail: str) -> None:
        raise RuntimeError(detail)

    async def until_idle(self, count: int) -> None:
        while len(self.idle) < count:
            self._changed.clear()
            await self._changed.wait()


def memory() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def listener_alone(dovecot: Dovecot, mailboxes: int, outage: float) -> dict[str, float]:
    """Connects, waits, and loses the server twice; the figures by name."""
    sink = BenchSink()
    listener = Listener(sink, allow_private=True, timers=Timers(renew=RENEW / ACCELERATION))
    figures: dict[str, float] = {}
    try:
        await listener.add("warm", dovecot.settings("warm@example.com"), Password(PASSWORD), [])
        await sink.until_idle(1)
        before, began = memory(), time.perf_counter()
        for user in _users(mailboxes):
            await listener.add(user, dovecot.settings(user), Password(PASSWORD), [])
        await sink.until_idle(mailboxes + 1)
        figures["connected"] = time.perf_counter() - began
        figures["kb"] = (memory() - before) / 1024 / mailboxes
        cpu, began = time.process_time(), time.perf_counter()
        await asyncio.sleep(RENEW / ACCELERATION)
        used = (time.process_time() - cpu) / (time.perf_counter() - began)
        figures["core_percent"] = used * 100 / ACCELERATION / mailboxes
        for name, seconds in (("restart", 0.0), ("outage", outage)):
            with _attempts_counted() as attempts:
                figures[name] = await _recovery(dovecot, listener, seconds)
            figures[f"{name}_attempts"] = len(attempts) / (mailboxes + 1)
        figures["kb_after"] = (memory() - before) / 1024 / mailboxes
        figures["process_mb"] = memory() / 2**20
    finally:
        await listener.close()
    return figures


async def _recovery(dovecot: Dovecot, listener: Listener, outage: float) -> float:
    """Seconds from the server's return until every mailbox is in step with it again."""
    await asyncio.to_thread(dovecot.kill)
    await asyncio.sleep(outage)
    began, since = time.perf_counter(), datetime.now(UTC)
    await asyncio.to_thread(dovecot.start)
    while any(s.synced_at is None or s.synced_at < since for s in listener.status().values()):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    return time.perf_counter() - began


@contextmanager
def _attempts_counted() -> Iterator[list[float]]:
    """Every attempt of the listener to connect and log in."""
    attempts: list[float] = []
    connect = watch_module.open_connection

    async def counted(*arguments: Any, **options: Any) -> Any:
        attempts.append(time.perf_counter())
        return await connect(*arguments, **options)

    watch_module.open_connection = counted  # type: ignore[assignment]
    try:
        yield attempts
    finally:
        watch_module.open_connection = connect


def large_message(dovecot: Dovecot) -> float:
    """Megabytes that fetching a 25 MB message adds to the memory of a process."""
    user = "large@example.com"
    with dovecot.client(user) as client:
        client.append("INBOX", "", "", b"Subject: small\r\n\r\n")
        client.append("INBOX", "", "", b"Subject: large\r\n\r\n" + b"x" * 70 * (LARGE // 70))
        client.select("INBOX", readonly=True)
        uidvalidity = client.response("UIDVALIDITY")[1][0].decode()
    given = {
        "settings": dovecot.settings(user).model_dump(mode="json"),
        "password": PASSWORD,
        "small": f"{uidvalidity}/1/INBOX",
        "large": f"{uidvalidity}/2/INBOX",
    }
    command = [sys.executable, "-c", MEMORY_PROBE, json.dumps(given)]
    megabytes: float = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["megabytes"]
    return megabytes


# The whole house ------------------------------------------------------------------------------------------


class Probe:
    """Waits in IDLE on every mailbox, beside the listener; `heard` has the time of each one's n-th message."""

    def __init__(self) -> None:
        self.heard: dict[str, list[float]] = defaultdict(list)
        self._waiting: list[asyncio.Task[None]] = []

    async def watch(self, dovecot: Dovecot, users: Sequence[str]) -> None:
        for begin in range(0, len(users), 50):
            await asyncio.gather(*(self._begin(dovecot, user) for user in users[begin : begin + 50]))

    async def _begin(self, dovecot: Dovecot, user: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", dovecot.plain_port)
        writer.write(f"a LOGIN {user} {PASSWORD}\r\nb EXAMINE INBOX\r\nc IDLE\r\n".encode())
        while not (line := await reader.readline()).startswith(b"+"):
            self._note(user, line)
        self._waiting.append(asyncio.create_task(self._listen(user, reader, writer)))

    async def _listen(self, user: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            while line := await reader.readline():
                self._note(user, line)

    def _note(self, user: str, line: bytes) -> None:
        if match := _EXISTS.match(line):
            heard = self.heard[user]
            heard += [time.time()] * (int(match[1]) - len(heard))

    def stop(self) -> None:
        for task in self._waiting:
            task.cancel()


async def whole_house(dovecot: Dovecot, mailboxes: int, deliveries: int, rate: float) -> dict[str, float]:
    """From EXISTS to the running workflow and to the ticket, in seconds."""
    users = _users(mailboxes)
    with house.running() as ready:
        database = await Database.connect(ready["database_url"])
        tenant_id = (await admin.ensure_default_tenant(database)).tenant_id
        keyring = KeyRing(_master_keys(ready))
        listener = _listener_process(ready)
        before = listener.memory_info().rss
        for user in users:
            settings = dovecot.settings(user).model_dump(mode="json")
            await admin.add_imap_mailbox(database, keyring, tenant_id, user, settings, PASSWORD)

        async def count(sql: str) -> int:
            async with database.tenant(tenant_id) as session:
                return int(await session.fetchval(sql, tenant_id))

        idle = "select count(*) from mailboxes where tenant_id = $1 and provider = 'imap' and status like 'idle%'"
        await _until(lambda: count(idle), mailboxes)
        figures = {"listener_kb": (listener.memory_info().rss - before) / 1024 / mailboxes}
        client = await Client.connect(ready["temporal_address"], plugins=[plugin()])
        await _all_entities(client, mailboxes)
        probe = Probe()
        await probe.watch(dovecot, users)
        done = "select count(*) from emails where tenant_id = $1 and state = 'done'"
        await _deliver(dovecot, users, "warm", WARM_UP, rate)
        await _until(lambda: count(done), WARM_UP)
        cpu = sum(listener.cpu_times()[:2])
        sent = await _deliver(dovecot, users, "bench", deliveries, rate)
        await _until(lambda: count(done), WARM_UP + deliveries)
        figures["listener_cpu_ms"] = (sum(listener.cpu_times()[:2]) - cpu) * 1000 / deliveries
        announced = {key: probe.heard[user][number] for key, (user, number) in sent.items()}
        started, ticketed = [], []
        async with database.tenant(tenant_id) as session:
            rows = await session.fetch(
                "select message_key, workflow_id, timeline from emails where tenant_id = $1", tenant_id
            )
        starts = {run.id: run.start_time async for run in client.list_workflows("WorkflowType='InboundEmailWorkflow'")}
        for row in rows:
            if row["message_key"] in announced:
                heard = announced[row["message_key"]]
                committed = next(step["at"] for step in row["timeline"] if step["step"] == "ticket")
                ticketed.append(datetime.fromisoformat(committed).timestamp() - heard)
                if row["workflow_id"] in starts:
                    started.append(starts[row["workflow_id"]].timestamp() - heard)
        probe.stop()
        await database.close()
    for name, seconds in (("workflow", started), ("ticket", ticketed)):
        hundredths = statistics.quantiles(seconds, n=100)
        figures |= {f"{name}_p50": hundredths[49], f"{name}_p99": hundredths[98]}
    return figures


async def _deliver(
    dovecot: Dovecot, users: Sequence[str], label: str, count: int, rate: float
) -> dict[str, tuple[str, int]]:
    """`rate` mails a second to mailboxes chosen at random; by Message-ID whose n-th message each is."""
    sending, sent = [], {}
    for number in range(count):
        key, user = f"{label}-{number}@bench.example", random.choice(users)
        _delivered[user] += 1
        sent[key] = (user, _delivered[user] - 1)
        raw = f"From: c{number}@{label}.example\r\nTo: {user}\r\nSubject: bench\r\nMessage-ID: <{key}>\r\n\r\ntext\r\n"
        sending.append(asyncio.create_task(asyncio.to_thread(dovecot.deliver, user, raw.encode())))
        await asyncio.sleep(1 / rate)
    await asyncio.gather(*sending)
    return sent


_delivered: dict[str, int] = defaultdict(int)


async def _all_entities(client: Client, count: int) -> None:
    """Waits until every mailbox has its own workflow, or their starts would be measured as well."""

    async def running() -> int:
        return (await client.count_workflows("WorkflowType='MailboxWorkflow'")).count

    await _until(running, count)


async def _until(count: Callable[[], Any], wanted: int) -> None:
    deadline = time.monotonic() + 240
    while (found := await count()) < wanted:
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {found} of {wanted}")
        await asyncio.sleep(0.1)


def _master_keys(ready: dict[str, Any]) -> str:
    keys: str = json.loads(next(Path(ready["data_dir"]).rglob("secrets.json")).read_text())["master_keys"]
    return keys


def _listener_process(ready: dict[str, Any]) -> psutil.Process:
    children = psutil.Process(ready["supervisor_pid"]).children()
    return next(child for child in children if "workers.cli listener" in " ".join(child.cmdline()))


def _users(mailboxes: int) -> list[str]:
    return [f"user{number}@example.com" for number in range(mailboxes)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mailboxes", type=int, default=1000)
    parser.add_argument("--deliveries", type=int, default=600)
    parser.add_argument("--rate", type=float, default=20, help="deliveries a second")
    parser.add_argument("--outage", type=float, default=30, help="seconds that the server is away")
    options = parser.parse_args()
    with running_dovecot(clients_per_process=100) as dovecot:
        large = large_message(dovecot)
        alone = asyncio.run(listener_alone(dovecot, options.mailboxes, options.outage))
    with running_dovecot(clients_per_process=100) as dovecot:
        whole = asyncio.run(whole_house(dovecot, options.mailboxes, options.deliveries, options.rate))
    results.write(
        "IMAP",
        f"Dovecot on the same machine, TLS, {options.mailboxes:,} idle mailboxes. Memory, processor time and recovery: "
        f"the listener alone, its renewals {ACCELERATION} times as often as usual and counted as usual. Latency: "
        f"`postroom dev` as in production, {options.rate:g} deliveries a second for {options.deliveries} mails, from "
        "the EXISTS that another client of the mailbox saw.",
        [
            ("memory per idle mailbox", f"{alone['kb']:.0f} KB"),
            ("the same, after two recoveries", f"{alone['kb_after']:.0f} KB"),
            ("the whole process then", f"{alone['process_mb']:.0f} MB"),
            ("memory per idle mailbox, `postroom listener` with its ledger", f"{whole['listener_kb']:.0f} KB"),
            ("processor time per idle mailbox", f"{alone['core_percent']:.4f} % of a core"),
            ("connecting all", f"{alone['connected']:.1f} s"),
            ("all back after a restart of the server", f"{alone['restart']:.1f} s"),
            ("the same, logins tried per mailbox", f"{alone['restart_attempts']:.2f}"),
            (f"all back after an outage of {options.outage:g} s", f"{alone['outage']:.1f} s"),
            ("the same, logins tried per mailbox", f"{alone['outage_attempts']:.2f}"),
            ("EXISTS → running workflow, p50", f"{whole['workflow_p50'] * 1000:.0f} ms"),
            ("the same, p99", f"{whole['workflow_p99'] * 1000:.0f} ms"),
            ("EXISTS → ticket, p50", f"{whole['ticket_p50'] * 1000:.0f} ms"),
            ("the same, p99", f"{whole['ticket_p99'] * 1000:.0f} ms"),
            ("processor time of the listener per delivery", f"{whole['listener_cpu_ms']:.1f} ms"),
            ("a 25 MB message, memory while it is fetched", f"{large:.1f} MB"),
        ],
    )


if __name__ == "__main__":
    main()
