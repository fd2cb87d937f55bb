"""The pipeline against its floor: mails from SMTP to committed ticket ÷ do-nothing workflows, one Temporal server."""

from __future__ import annotations

import asyncio
import smtplib
import statistics
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import asyncpg
from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from bench import house, results
from bench.nothing import DoNothing
from tests.letters import letter
from workers.temporal import plugin

MAILS = 400
ROUNDS = 3
CONNECTIONS = 10
SINGLE_MAILS = 100


async def floor(client: Client) -> float:
    """Do-nothing workflows a second, as many as mails, twenty at a time."""
    slots = asyncio.Semaphore(20)

    async def one() -> None:
        async with slots:
            await client.execute_workflow(DoNothing.run, id=f"floor/{uuid4()}", task_queue="floor")

    async with Worker(
        client,
        task_queue="floor",
        workflows=[DoNothing],
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
    ):
        await asyncio.gather(*(one() for _ in range(20)))
        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(MAILS)))
        return MAILS / (time.perf_counter() - began)


async def pipeline(ready: dict[str, Any], database: asyncpg.Connection[asyncpg.Record], count: int = MAILS) -> float:
    """Mails a second from the first SMTP command to the last committed ticket."""
    before = await _tickets(database)
    mails = [letter(f"c{n}@bench.example", "Benchmark", "What does it cost?\n" * 20).as_bytes() for n in range(count)]
    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        loop = asyncio.get_running_loop()
        batches = [mails[n::CONNECTIONS] for n in range(CONNECTIONS)]
        await asyncio.gather(*(loop.run_in_executor(threads, _send, ready["smtp_port"], batch) for batch in batches))
    await _until(lambda: _tickets(database), before + count)
    return count / (time.perf_counter() - began)


async def latencies(ready: dict[str, Any], database: asyncpg.Connection[asyncpg.Record]) -> list[float]:
    """Seconds from the 250 of one mail to its visible ticket, with nothing else going on."""
    found = []
    with smtplib.SMTP("127.0.0.1", ready["smtp_port"]) as connection:
        for number in range(SINGLE_MAILS):
            before = await _tickets(database)
            mail = letter(f"single{number}@bench.example", "How long?").as_bytes()
            connection.sendmail("bench@bench.example", [_address(ready)], mail)
            began = time.perf_counter()
            await _until(lambda: _tickets(database), before + 1, pause=0.002)
            found.append(time.perf_counter() - began)
    return found


async def history(client: Client, database: asyncpg.Connection[asyncpg.Record]) -> tuple[int, int]:
    """Events and bytes of the last plain mail's run."""
    workflow_id = await database.fetchval(
        "select workflow_id from emails where outcome = 'ticket' order by seq desc limit 1"
    )
    handle = client.get_workflow_handle(workflow_id)
    await handle.result()
    info = (await handle.describe()).raw_description.workflow_execution_info
    return info.history_length, info.history_size_bytes


async def main() -> None:
    with house.running() as ready:
        client = await Client.connect(ready["temporal_address"], plugins=[plugin()])
        database = await asyncpg.connect(ready["database_url"])
        await pipeline(ready, database)  # warms every process up
        rounds = [(await floor(client), await pipeline(ready, database)) for _ in range(ROUNDS)]
        single = sorted(await latencies(ready, database))
        events, size = await history(client, database)
        await database.close()
    floors, mails = zip(*rounds, strict=True)
    results.write(
        "Pipeline",
        f"`postroom dev` as in production: {MAILS} mails over {CONNECTIONS} SMTP connections until the last ticket is "
        f"committed, in turn with as many do-nothing workflows on the same Temporal server; {ROUNDS} rounds, medians.",
        [
            ("mails/s, SMTP to committed ticket", f"{statistics.median(mails):.1f} ({_spread(mails)})"),
            ("do-nothing workflows/s (the floor)", f"{statistics.median(floors):.1f} ({_spread(floors)})"),
            ("ratio", f"{statistics.median(m / f for f, m in rounds):.2f}"),
            ("latency at low load, SMTP 250 → ticket visible, p50", f"{_percentile(single, 50) * 1000:.0f} ms"),
            ("the same, p99", f"{_percentile(single, 99) * 1000:.0f} ms"),
            ("history of a plain mail", f"{events} events, {size} bytes"),
        ],
    )


def _send(port: int, mails: list[bytes]) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=120) as connection:
        for mail in mails:
            connection.sendmail("bench@bench.example", ["support@postroom.test"], mail)


def _address(ready: dict[str, Any]) -> str:
    return next(m["address"] for m in ready["mailboxes"] if m["provider"] == "smtp")


async def _tickets(database: asyncpg.Connection[asyncpg.Record]) -> int:
    # The benchmark's login is the superuser's, which row-level security does not bind.
    count: int = await database.fetchval("select coalesce(sum(last), 0)::int from ticket_numbers")
    return count


async def _until(count: Callable[[], Awaitable[int]], wanted: int, pause: float = 0.01) -> None:
    deadline = time.monotonic() + 300
    while await count() < wanted:
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {await count()} of {wanted} tickets")
        await asyncio.sleep(pause)


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _spread(values: tuple[float, ...]) -> str:
    return f"{min(values):.1f}–{max(values):.1f}"
