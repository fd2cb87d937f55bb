"""The webhooks while the pipeline is busy: verified pushes a second, and how long each waits for its answer."""

from __future__ import annotations

import asyncio
import base64
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from bench import results
from storage import push
from storage.database import Database
from storage.migrate import migrate
from storage.push import StoredWatch
from tests import postgres, temporal_server
from tests.house import House, open_house, working_in
from tests.integration.push.processes import PostroomProcess
from tests.integration.push.stand import Stand
from tests.letters import letter
from tests.simulators.google import PUSH_ACCOUNT, google
from tests.simulators.microsoft import microsoft

SECONDS = 5.0
CONNECTIONS = 32
FEW, MANY = 50, 300
HOW = (
    f"Verified notifications over {CONNECTIONS} connections for {SECONDS:.0f} s to one `postroom webhooks` process, "
    "each answered once its hint is durable; meanwhile twenty mails a second come in and are worked on. Client, "
    "workers, Postgres and Temporal share the machine. The ratio is to answers of the same process that do nothing "
    "(`/health/live`), measured just before."
)
# Path, body, headers; without a body it is a GET.
Request = tuple[str, bytes, dict[str, str]]
NOTHING: Request = ("/health/live", b"", {})


async def main() -> None:
    rows: list[tuple[str, str]] = []
    async with _stand() as (stand, process):
        few = [await _mailbox(stand, number) for number in range(FEW)]
        many = [await _mailbox(stand, FEW + number) for number in range(MANY)]
        for name, make in (("Pub/Sub pushes", _push), ("Graph notifications", _notification)):
            for mailboxes in (few, many):
                requests = [make(stand, process, mailbox_id) for mailbox_id in mailboxes]
                async with _busy(stand.house):
                    floor, _ = await _fire(process, [NOTHING])
                    used = process.cpu_seconds()
                    rate, waits = await _fire(process, requests)
                    used = process.cpu_seconds() - used
                    told = await _told(stand)
                cuts = statistics.quantiles(waits, n=100)
                p50, p99 = f"{cuts[49] * 1000:.0f} ms", f"{cuts[98] * 1000:.0f} ms"
                cost = f"{used / len(waits) * 1000:.2f} CPU-ms each"
                figure = (
                    f"{rate:.0f}/s ({rate / floor:.2f} of doing nothing), p50 {p50}, p99 {p99}, {cost}; "
                    f"the last one told {told:.1f} s after the end"
                )
                rows.append((f"{name} for {len(mailboxes)} mailboxes", figure))
    results.write("Webhooks", HOW, rows)


async def _told(stand: Stand) -> float:
    """Seconds until every mailbox's workflow knows of its last hint."""
    began = time.perf_counter()
    while await push.hints_owed(stand.house.db):  # noqa: ASYNC110 (another process tells)
        await asyncio.sleep(0.05)
    return time.perf_counter() - began


async def _fire(process: PostroomProcess, requests: list[Request]) -> tuple[float, list[float]]:
    """As many as get answered, one after another on each connection; answers a second, and seconds until each."""
    order = {
        "port": process.port,
        "connections": CONNECTIONS,
        "seconds": SECONDS,
        "requests": [base64.b64encode(_rendered(process, *request)).decode() for request in requests],
    }
    flood = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.flood", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    answer, _ = await flood.communicate(json.dumps(order).encode())
    waits, refused = (result := json.loads(answer))["waits"], result["refused"]
    if refused:
        raise RuntimeError(f"{len(refused)} of {len(waits)} were not accepted: {refused[:5]}")
    return len(waits) / SECONDS, waits


def _rendered(process: PostroomProcess, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    verb = "POST" if body else "GET"
    lines = [f"{verb} {path} HTTP/1.1", f"Host: 127.0.0.1:{process.port}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _push(stand: Stand, process: PostroomProcess, mailbox_id: UUID) -> Request:
    path = f"/webhooks/google/{mailbox_id}"
    token = stand.google.oauth.push_token(aud=process.url + path, email=PUSH_ACCOUNT)
    body = json.dumps({"emailAddress": f"{mailbox_id}@example.org", "historyId": 1}).encode()
    return path, body, {"Authorization": f"Bearer {token}"}


def _notification(stand: Stand, process: PostroomProcess, mailbox_id: UUID) -> Request:
    item = {"subscriptionId": str(mailbox_id), "clientState": "state", "changeType": "created", "resourceData": {}}
    return "/webhooks/microsoft", json.dumps({"value": [item]}).encode(), {}


async def _mailbox(stand: Stand, number: int) -> UUID:
    """One that both kinds of notification can be for; its workflow is started and its source never asked."""
    house = stand.house
    mailbox_id = await stand.add("gmail", f"box{number}@example.org", {"push_service_account": PUSH_ACCOUNT}, {})
    async with house.db.tenant(house.tenant_id) as session:
        await session.execute(
            """update mailboxes set address = mailbox_id || '@example.org', state = 'needs_reauth'
                where tenant_id = $1 and mailbox_id = $2""",
            house.tenant_id,
            mailbox_id,
        )
        now = await session.fetchval("select now() + interval '1 day'")
        watch = StoredWatch("mailbox", str(mailbox_id), now, now)
        await push.store_watch(session, house.tenant_id, mailbox_id, watch, "state")
    await stand.start(mailbox_id, "gmail")
    return mailbox_id


@asynccontextmanager
async def _busy(house: House) -> AsyncIterator[None]:
    """Mail comes in by SMTP all the while."""

    async def send() -> None:
        while True:
            await house.deliver(letter("alice@example.com"))
            await asyncio.sleep(0.05)

    sending = asyncio.create_task(send())
    try:
        yield
    finally:
        sending.cancel()


@asynccontextmanager
async def _stand() -> AsyncIterator[tuple[Stand, PostroomProcess]]:
    async with AsyncExitStack() as stack:
        # In threads: both wait for their servers with an event loop of their own.
        database = await asyncio.to_thread(stack.enter_context, postgres.server())
        temporal = await asyncio.to_thread(stack.enter_context, temporal_server.server())
        directory = Path(stack.enter_context(TemporaryDirectory()))
        await migrate(database.url("postgres"))
        db = await Database.connect(database.url("postgres"))
        stack.push_async_callback(db.close)
        gmail = await stack.enter_async_context(google())
        graph = await stack.enter_async_context(microsoft())
        house = await stack.enter_async_context(open_house(db, temporal.address, directory / "objects", working=False))
        house.endpoints = gmail.endpoints()
        process = PostroomProcess(house, database.url("postgres"), temporal.address, directory / "objects")
        await process.start()
        stack.push_async_callback(process.kill)
        house.endpoints = replace(house.endpoints, webhooks_url=process.url)
        await stack.enter_async_context(working_in(house))
        yield Stand(house, gmail, graph, process.url), process
