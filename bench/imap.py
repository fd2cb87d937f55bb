"""The IMAP listener against a real Dovecot: what an idle mailbox costs, how fast mail is heard, how fast all are back.

    python -m bench.imap --mailboxes 1000 --outage 30

Prints one JSON object. CPU and memory are those of this process; Dovecot and the senders are others.
"""

from __future__ import annotations

import argparse
import asyncio
import contextvars
import json
import random
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from providers.base import Listed
from providers.imap import idle
from providers.imap import watch as watch_module
from providers.imap.listener import Listener
from providers.imap.settings import Password
from providers.imap.sync import FolderState, Origin
from providers.imap.watch import MailboxStatus, Timers
from tests.simulators.dovecot import PASSWORD, Dovecot, running_dovecot

RENEW = 270.0
ACCELERATION = 10
_announced_at = contextvars.ContextVar[float]("announced_at")


class TimedReader(idle.IdleReader):
    """Notes when the EXISTS that ends a wait was read."""

    async def wait(self, seconds: float) -> idle.Heard:
        _announced_at.set(0.0)  # a wait that fails announces nothing
        heard = await super().wait(seconds)
        _announced_at.set(self._exchange.announced_at if heard.here else 0.0)
        return heard


class TimedExchange(idle.IdleExchange):
    announced_at = 0.0

    def line(self, line: bytes) -> None:
        super().line(line)
        if self.announced and not self.announced_at:
            self.announced_at = time.perf_counter()


class BenchSink:
    """Counts idle mailboxes, and keeps the seconds from EXISTS to here."""

    def __init__(self) -> None:
        self.idle: set[str] = set()
        self.latencies: list[float] = []
        self.listed_count = 0
        self._changed = asyncio.Event()

    async def listed(self, mailbox_id: str, state: FolderState, messages: Sequence[Listed], origin: Origin) -> None:
        if messages:
            if announced_at := _announced_at.get(0.0):  # 0: found by a renewal
                self.latencies.append(time.perf_counter() - announced_at)
            self.listed_count += len(messages)
            self._changed.set()

    async def unknown(self, mailbox_id: str, messages: Sequence[Listed]) -> int:
        return 0

    async def room(self, mailbox_id: str) -> int:
        return 0

    async def status(self, mailbox_id: str, status: MailboxStatus) -> None:
        (self.idle.add if status.state == "idle" else self.idle.discard)(mailbox_id)
        self._changed.set()

    async def auth_failed(self, mailbox_id: str, detail: str) -> None:
        raise RuntimeError(detail)

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()


def memory() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def run(dovecot: Dovecot, mailboxes: int, deliveries: int, rate: float, outage: float) -> dict[str, float]:
    """Connects, waits, delivers, kills and restarts; the figures by name."""
    sink = BenchSink()
    listener = Listener(sink, allow_private=True, timers=Timers(renew=RENEW / ACCELERATION))
    users = [f"user{number}@example.com" for number in range(mailboxes)]
    figures: dict[str, float] = {"mailboxes": mailboxes}
    try:
        await listener.add("warm", dovecot.settings("warm@example.com"), Password(PASSWORD), [])
        await sink.until(lambda: "warm" in sink.idle)
        before, cpu, began = memory(), time.process_time(), time.perf_counter()
        for user in users:
            await listener.add(user, dovecot.settings(user), Password(PASSWORD), [])
        await sink.until(lambda: len(sink.idle) > mailboxes)
        figures["connect_seconds"] = time.perf_counter() - began
        figures["connect_cpu_ms_each"] = (time.process_time() - cpu) * 1000 / mailboxes
        figures["idle_kb_each"] = (memory() - before) / 1024 / mailboxes

        cpu, began = time.process_time(), time.perf_counter()
        await asyncio.sleep(RENEW / ACCELERATION)
        used = (time.process_time() - cpu) / (time.perf_counter() - began)
        figures["idle_core_percent_each"] = used * 100 / ACCELERATION / mailboxes

        cpu = time.process_time()
        await _deliver(dovecot, users, deliveries, rate)
        await sink.until(lambda: sink.listed_count >= deliveries)
        figures["delivery_cpu_ms_each"] = (time.process_time() - cpu) * 1000 / deliveries
        hundredths = statistics.quantiles(sink.latencies, n=100)
        figures["exists_to_sink_ms_p50"] = hundredths[49] * 1000
        figures["exists_to_sink_ms_p99"] = hundredths[98] * 1000

        sink.idle.clear()
        await asyncio.to_thread(dovecot.kill)
        await asyncio.sleep(outage)
        cpu, began, since = time.process_time(), time.perf_counter(), datetime.now(UTC)
        await asyncio.to_thread(dovecot.start)
        await _until_all_synced(listener, since)
        figures["recovery_seconds"] = time.perf_counter() - began
        figures["recovery_cpu_ms_each"] = (time.process_time() - cpu) * 1000 / mailboxes
        figures["kb_each_after_recovery"] = (memory() - before) / 1024 / mailboxes
    finally:
        await listener.close()
    return figures


async def _deliver(dovecot: Dovecot, users: list[str], deliveries: int, rate: float) -> None:
    """`rate` mails a second, each to a mailbox chosen at random."""
    raw = b"Message-ID: <%d@example.org>\r\nSubject: bench\r\n\r\ntext\r\n"
    sending = []
    for number in range(deliveries):
        sending.append(asyncio.create_task(asyncio.to_thread(dovecot.deliver, random.choice(users), raw % number)))
        await asyncio.sleep(1 / rate)
    await asyncio.gather(*sending)


async def _until_all_synced(listener: Listener, since: datetime) -> None:
    """Waits until every mailbox has been in step with the server after `since`."""
    while any(s.synced_at is None or s.synced_at < since for s in listener.status().values()):  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mailboxes", type=int, default=1000)
    parser.add_argument("--deliveries", type=int, default=300)
    parser.add_argument("--rate", type=float, default=20, help="deliveries a second")
    parser.add_argument("--outage", type=float, default=30, help="seconds that the server is away")
    arguments = parser.parse_args()
    idle.IdleExchange = TimedExchange  # type: ignore[misc]
    watch_module.IdleReader = TimedReader  # type: ignore[misc]
    with running_dovecot(clients_per_process=25) as dovecot:
        figures = asyncio.run(run(dovecot, **vars(arguments)))
    print(json.dumps({name: round(value, 5) for name, value in figures.items()}, indent=2))


if __name__ == "__main__":
    main()
