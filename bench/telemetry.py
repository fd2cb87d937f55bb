"""What tracing and metrics cost: two houses side by side, one with all of it and one with none, in turn.

The watched house traces every message, exports by OTLP to a receiver that throws everything away, and is scraped. What
a machine does besides hits both alike, so the figures are ratios within a pair of rounds; processor time per mail says
the same and is steadier.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import psutil

from bench import house, results
from bench.pipeline import pipeline

MAILS = 200
ROUNDS = 7
SCRAPE_EVERY = 15.0


class Side:
    """One of the two houses."""

    def __init__(self, ready: dict[str, Any], database: asyncpg.Connection[asyncpg.Record]) -> None:
        self._ready = ready
        self._database = database
        self._supervisor = psutil.Process(ready["supervisor_pid"])

    async def round(self, mails: int) -> tuple[float, float]:
        """Mails a second, and processor milliseconds a mail of every process of the house."""
        before = self._cpu()
        rate = await pipeline(self._ready, self._database, mails)
        return rate, (self._cpu() - before) * 1000 / mails

    def _cpu(self) -> float:
        used = 0.0
        for process in self._supervisor.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # a backend of Postgres that has just ended
                times = process.cpu_times()
                used += times.user + times.system
        return used


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--mails", type=int, default=MAILS, help="in each round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="pairs of rounds (%(default)s)")
    args = parser.parse_args()
    async with _receiver() as url:
        watched_by = {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
        with (
            house.running(21500, OTEL_SDK_DISABLED="true") as plain_ready,
            house.running(21600, **watched_by) as watched_ready,
        ):
            scraping = asyncio.create_task(_scrape(watched_ready))
            sides = [Side(r, await asyncpg.connect(r["database_url"])) for r in (plain_ready, watched_ready)]
            for side in sides:
                await side.round(args.mails)  # warms every process up
            pairs = [await _pair(sides, args.mails, turn) for turn in range(args.rounds)]
            scraping.cancel()
    rates = [watched[0] / plain[0] for plain, watched in pairs]
    costs = [watched[1] / plain[1] for plain, watched in pairs]
    results.write(
        "Tracing and metrics",
        f"Two houses by `postroom dev` side by side, {args.rounds} pairs of rounds of {args.mails} mails in turn: one "
        "with every message traced, exported by OTLP and scraped, one with `OTEL_SDK_DISABLED=true`; medians of the "
        "ratios within each pair.",
        [
            ("throughput, watched ÷ unwatched", f"{statistics.median(rates):.2f} ({_spread(rates)})"),
            ("processor time a mail, watched ÷ unwatched", f"{statistics.median(costs):.2f} ({_spread(costs)})"),
            ("processor time a mail, unwatched", f"{statistics.median(p[1] for p, _ in pairs):.1f} ms"),
            ("processor time a mail, watched", f"{statistics.median(w[1] for _, w in pairs):.1f} ms"),
        ],
    )


async def _pair(sides: list[Side], mails: int, turn: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """A round of each, the first one in turn; unwatched and watched."""
    order = sides if turn % 2 == 0 else sides[::-1]
    found = {id(side): await side.round(mails) for side in order}
    return found[id(sides[0])], found[id(sides[1])]


async def _scrape(ready: dict[str, Any]) -> None:
    while True:
        await asyncio.sleep(SCRAPE_EVERY)
        await asyncio.to_thread(_get, f"{ready['console_url']}/metrics")


def _get(url: str) -> None:
    with urllib.request.urlopen(url, timeout=10) as answer:
        answer.read()


@asynccontextmanager
async def _receiver() -> AsyncIterator[str]:
    """Takes whatever is posted and answers 200: a collector's own work is not what is measured."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                await reader.readexactly(int(sizes[0].split(b":")[1]))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def _spread(values: list[float]) -> str:
    return f"{min(values):.2f}–{max(values):.2f}"


if __name__ == "__main__":
    asyncio.run(main())
