"""SIGKILL at random moments: every mail becomes exactly one ticket, with its attachment, and the ledger balances."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import signal
import smtplib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from bench import house
from tests.letters import letter

# What a kill is aimed at: a part of the command line of each process of the house.
VICTIMS = {
    "worker": "workers.cli worker",
    "webhooks": "workers.cli webhooks",
    "listener": "workers.cli listener",
    "temporal": "server start-dev",
    "postgres": "postgres -D",
}
SENDERS = 10


@pytest.fixture(scope="module")
def ready() -> Iterator[dict[str, Any]]:
    with house.running(port_base=18300) as running:
        yield running


async def test_mails_sent_while_every_process_is_killed_again_and_again(
    ready: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    count = int(request.config.getoption("--chaos-mails"))
    chance = random.Random(20)
    contents = [chance.randbytes(2_000) for _ in range(count)]
    mails = [
        letter(f"c{n}@chaos.example", f"Chaos {n}", message_id=f"{n}@chaos.example", attachments=[("a.bin", content)])
        for n, content in enumerate(contents)
    ]
    over = threading.Event()
    with ThreadPoolExecutor(SENDERS + 1) as threads:
        killing = threads.submit(_kill, ready, chance, count // 125 + 1, over)
        sending = [threads.submit(_send, ready["smtp_port"], mails[n::SENDERS]) for n in range(SENDERS)]
        for batch in sending:
            batch.result()
        over.set()
        kills = killing.result()
    print(f"{count} mails accepted; killed {kills}")
    assert set(kills) == set(VICTIMS)
    database = await _settled(ready, count)
    try:
        tickets = await database.fetch("select subject from tickets")
        assert sorted(t["subject"] for t in tickets) == sorted(f"Chaos {n}" for n in range(count))
        assert await database.fetchval("select count(*) from comments") == count
        stored = await database.fetch("select sha256, state from attachments")
        assert sorted(a["sha256"] for a in stored) == sorted(hashlib.sha256(c).hexdigest() for c in contents)
        assert {a["state"] for a in stored} == {"stored"}
        assert await database.fetchval("select count(*) from emails where state = 'done'") == count
        assert await database.fetchval("select count(*) from emails") == count
    finally:
        await database.close()
    objects = next(Path(ready["data_dir"]).rglob("objects"))
    kept = {file.name for file in objects.glob("*/parts/*")}
    assert {hashlib.sha256(content).hexdigest() for content in contents} <= kept


def _send(port: int, mails: list[Any]) -> None:
    """As a mail server does: what was not acknowledged is sent again, the very same bytes."""
    for mail in mails:
        raw = mail.as_bytes()
        while True:
            try:
                with smtplib.SMTP("127.0.0.1", port, timeout=20) as connection:
                    connection.sendmail("chaos@chaos.example", ["support@postroom.test"], raw)
                break
            except (OSError, smtplib.SMTPException):
                time.sleep(0.2)
        # Spread over the kills, so that some are in flight whenever something dies.
        time.sleep(0.5)


def _kill(ready: dict[str, Any], chance: random.Random, rounds: int, over: threading.Event) -> dict[str, int]:
    """Kills every kind of process in `rounds` random orders, and goes on until all mails are accepted."""
    supervisor = psutil.Process(ready["supervisor_pid"])
    kills: dict[str, int] = {}
    order: list[str] = []
    while not over.is_set() or rounds > 0 or order:
        if not order:
            rounds -= 1
            order = list(VICTIMS)
            chance.shuffle(order)
        name = order.pop()
        for process in supervisor.children():
            with contextlib.suppress(psutil.Error):  # it is gone, or a zombie, already
                if VICTIMS[name] in " ".join(process.cmdline()):
                    process.send_signal(signal.SIGKILL)
                    kills[name] = kills.get(name, 0) + 1
        over.wait(chance.uniform(0.5, 3))
    return kills


async def _settled(ready: dict[str, Any], count: int) -> asyncpg.Connection[asyncpg.Record]:
    """Waits until the supervisor has brought everything back and the ledger shows `count` mails done."""
    deadline = time.monotonic() + 300
    while True:
        try:
            database = await asyncpg.connect(ready["database_url"], timeout=5)
            done = await database.fetchval("select count(*) from emails where state = 'done'")
            if done >= count:
                return database
            await database.close()
        except (OSError, asyncpg.PostgresError):
            pass
        if time.monotonic() > deadline:
            raise AssertionError(f"not every mail of {count} has its outcome")
        await asyncio.sleep(0.5)
