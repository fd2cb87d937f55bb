"""Two listener processes share 200 mailboxes; one is killed, and the other one takes its mailboxes over."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from domain.identity import listener_workflow_id
from tests.house import MASTER_KEYS, House
from tests.integration.imap.test_listener import mail
from tests.simulators.dovecot import PASSWORD, Dovecot, running_dovecot
from tests.temporal_server import TemporalServer
from workers import admin
from workflows import names

ROOT = Path(__file__).resolve().parents[3]
MAILBOXES, SHARDS = 200, 4
USERS = [f"u{number}@failover.example" for number in range(MAILBOXES)]


class Processes:
    """`postroom listener`, as often as wanted."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment = {**os.environ, **environment, "PYTHONPATH": str(ROOT)}
        self._log = log
        self._running: dict[int, asyncio.subprocess.Process] = {}

    async def start(self) -> None:
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "workers.cli", "listener",
                env=self._environment, cwd=ROOT, stdout=log, stderr=log,
            )  # fmt: skip
        self._running[process.pid] = process

    async def kill(self, pid: int) -> None:
        process = self._running.pop(pid)
        process.send_signal(signal.SIGKILL)
        await process.wait()

    async def kill_all(self) -> None:
        for pid in list(self._running):
            with contextlib.suppress(ProcessLookupError):
                await self.kill(pid)


@pytest_asyncio.fixture
async def processes(db_url: str, temporal: TemporalServer, tmp_path: Path) -> AsyncIterator[Processes]:
    processes = Processes(
        {
            "POSTROOM_DATABASE_URL": db_url,
            "POSTROOM_OBJECTS_URL": (tmp_path / "objects").as_uri(),
            "POSTROOM_MASTER_KEYS": MASTER_KEYS,
            "POSTROOM_LISTENER_SHARDS": str(SHARDS),
            "POSTROOM_ALLOW_PRIVATE_HOSTS": "true",
            "TEMPORAL_ADDRESS": temporal.address,
        },
        tmp_path / "listeners.log",
    )
    yield processes
    await processes.kill_all()


async def serving(house: House) -> Counter[int]:
    """How many shards each process serves, by its pid."""
    pids: Counter[int] = Counter()
    for shard in range(SHARDS):
        run = await house.client.get_workflow_handle(f"{listener_workflow_id(shard)}/failover").describe()
        for pending in run.raw_description.pending_activities:
            if pending.last_worker_identity:
                pids[int(pending.last_worker_identity.partition("@")[0])] += 1
    return pids


async def idle(house: House) -> int:
    (row,) = await house.rows(
        "select count(*) as n from mailboxes where tenant_id = $1 and provider = 'imap' and status = 'idle'"
    )
    count: int = row["n"]
    return count


async def deliver(dovecot: Dovecot, users: list[str], label: str) -> None:
    for user in users:
        await asyncio.to_thread(dovecot.deliver, user, mail(f"{label}.{user}"))


async def test_the_mailboxes_of_a_killed_listener_are_served_by_the_other_one(
    house: House, processes: Processes
) -> None:
    with running_dovecot(clients_per_process=25) as dovecot:
        for user in USERS:
            settings = dovecot.settings(user).model_dump(mode="json")
            await admin.add_imap_mailbox(house.db, house.keyring, house.tenant_id, user, settings, PASSWORD)
        runs = [
            await house.client.start_workflow(
                names.LISTENER, shard, id=f"{listener_workflow_id(shard)}/failover", task_queue=names.MAIL_QUEUE
            )
            for shard in range(SHARDS)
        ]
        try:
            await processes.start()
            await processes.start()

            async def all_idle() -> bool:
                return await idle(house) == MAILBOXES

            await house.until(all_idle, "200 idle mailboxes")
            await deliver(dovecot, USERS[:20], "before")
            await house.settled(20)
            victim = (await serving(house)).most_common(1)[0][0]
            await processes.kill(victim)
            await deliver(dovecot, USERS[::3], "after")
            emails = await house.settled(20 + len(USERS[::3]), timeout=90)
            assert victim not in await serving(house)
        finally:
            for run in runs:
                await run.terminate()
    expected = [f"before.{user}" for user in USERS[:20]] + [f"after.{user}" for user in USERS[::3]]
    assert sorted(email["message_key"] for email in emails) == sorted(expected)
    assert {email["outcome"] for email in emails} == {"ticket"}
    assert len(await house.tickets()) == len(expected)
