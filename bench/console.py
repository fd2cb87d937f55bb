"""The console in a long history: `python -m bench console` (or `python -m bench.console --messages 100000`).

A tenant with a million messages on 100,000 tickets, `postroom web` in a process of its own, one reader after another
over HTTP. Then, in a whole house with Temporal: from a person's answer to the mail that has gone on.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import os
import smtplib
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg

from bench import house, results
from storage.database import Database
from tests import bulk, postgres
from tests.letters import letter
from workers import admin

ROUNDS = 40
ANSWERS = 30
TASKS = 200

# What makes a history of many sorts of it: most is closed, some is somebody's, some waits for a person.
_MANIFOLD = (
    """update tickets set status = case when number % 50 = 0 then 'pending' when number % 10 = 0 then 'open'
                                       else 'closed' end,
              tags = case when number % 1000 = 0 then array['rare'] else tags end,
              assignee_id = case when number % 200 = 0 then (select min(user_id::text)::uuid from users) end""",
    f"""insert into tasks (tenant_id, task_id, kind, email_id, mailbox_id, workflow_id, question, options, candidates,
                           default_option, deadline)
        select tenant_id, email_id, case seq % 3 when 0 then 'identify_client' when 1 then 'choose_ticket'
                                    else 'release_message' end, email_id, mailbox_id, workflow_id,
               'Which of them is it?', '[{{"id": "new_ticket", "label": "A new ticket"}}]', '[]', 'new_ticket',
               now() + interval '1 day'
          from emails order by seq desc limit {TASKS}""",
)


async def lists(server: postgres.PostgresServer, messages: int) -> list[results.Row]:
    """Every list page, p50 and p95 of its requests one after another, in milliseconds."""
    url = await postgres.fresh_database(server)
    began = time.perf_counter()
    history = await bulk.fill(url, messages)
    db = await Database.connect(url)
    await admin.add_user(db, history.tenant_id, "bench@postroom.test", "Bench", "owner")
    await _make_manifold(url)
    print(f"{messages:,} messages on {history.tickets:,} tickets, filled in {time.perf_counter() - began:.0f} s")
    rows = []
    async with _web(url) as base, aiohttp.ClientSession(base, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        link = await admin.create_login_link(db, history.tenant_id, "bench@postroom.test", base)
        async with http.post(link, headers={"Sec-Fetch-Site": "same-origin"}, allow_redirects=False) as signed_in:
            assert signed_in.status == 303, signed_in.status
        for name, path in _pages(history, messages).items():
            took = [await _get(http, path) for _ in range(ROUNDS + 3)][3:]
            rows.append((name, _figures(took)))
            print(f"  {rows[-1][0]:50} {rows[-1][1]}", flush=True)
    await db.close()
    return rows


def _figures(milliseconds: list[float]) -> str:
    p95 = statistics.quantiles(milliseconds, n=20)[18]
    return f"p50 {statistics.median(milliseconds):.0f} ms, p95 {p95:.0f} ms"


def _pages(history: bulk.History, messages: int) -> dict[str, str]:
    client = UUID(bytes=hashlib.md5(b"c1").digest())
    return {
        "tasks": "/",
        "tickets": "/tickets",
        "tickets, the last page": "/tickets?before=30",
        "tickets, pending": "/tickets?status=pending",
        "tickets, of one client": f"/tickets?client={client}",
        "tickets, nobody's": "/tickets?assignee=none",
        "tickets, mine": "/tickets?assignee=me",
        "tickets, a rare tag": "/tickets?tag=rare",
        "tickets, a rare word": f"/tickets?q=subject+{history.tickets // 3}",
        "tickets, a word of all": "/tickets?q=subject",
        "tickets, two letters": "/tickets?q=qz",
        "tickets, no such word": "/tickets?q=zebra",
        "one ticket": f"/tickets/{history.tickets // 2}",
        "find email, the latest": "/find",
        "find email, an address": f"/find?q={history.person(history.tickets // 2)}",
        "find email, a rare word": f"/find?q=subject+{history.tickets // 3}",
        "find email, a word of all": "/find?q=subject",
        "find email, two letters": "/find?q=qz",
        "find email, a Message-ID": f"/find?q={history.message_id(messages // 2)}",
        "find email, none": "/find?q=zebra",
        "mailboxes": "/mailboxes",
    }


async def _get(http: aiohttp.ClientSession, path: str) -> float:
    began = time.perf_counter()
    async with http.get(path, allow_redirects=False) as answer:
        await answer.read()
        assert answer.status in (200, 303), (path, answer.status)
    return (time.perf_counter() - began) * 1000


async def _make_manifold(url: str) -> None:
    connection = await asyncpg.connect(url)
    for statement in _MANIFOLD:
        await connection.execute(statement, timeout=600)
    await connection.execute("vacuum analyze", timeout=600)
    await connection.close()


@asynccontextmanager
async def _web(database_url: str) -> AsyncIterator[str]:
    """`postroom web` over this database, and where it is."""
    port = postgres.free_port()
    base = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as objects:
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path.cwd()),
            "POSTROOM_DATABASE_URL": database_url,
            "POSTROOM_OBJECTS_URL": Path(objects).as_uri(),
            "POSTROOM_MASTER_KEYS": "k1:" + base64.b64encode(bytes(32)).decode(),
            "POSTROOM_PUBLIC_URL": base,
            "POSTROOM_WEB_PORT": str(port),
            "POSTROOM_LOG_LEVEL": "ERROR",
        }
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "workers.cli", "web", env=environment)
        try:
            async with aiohttp.ClientSession(base) as http:
                while process.returncode is None:
                    try:
                        async with http.get("/health/live"):
                            break
                    except aiohttp.ClientError:
                        await asyncio.sleep(0.1)
                else:
                    raise RuntimeError("postroom web has ended: its words are above")
            yield base
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def answers() -> results.Row:
    """From the answer's request to the message's outcome, in milliseconds: the signal, the run, its next commit."""
    with house.running() as ready:
        database = await asyncpg.connect(ready["database_url"])
        headers = {"Authorization": f"Bearer {ready['api_token']}"}
        await _ambiguous_sender(database)
        took = []
        async with aiohttp.ClientSession(headers=headers) as http:
            for number in range(ANSWERS + 2):
                task = await _ask(ready, database, number)
                began = time.perf_counter()
                url = f"{ready['api_url']}/tasks/{task}/resolution"
                async with http.post(url, json={"choice": "no_client"}) as answer:
                    assert answer.status == 200, await answer.text()
                while not await database.fetchval("select outcome from emails order by seq desc limit 1"):  # noqa: ASYNC110
                    await asyncio.sleep(0.002)
                took.append((time.perf_counter() - began) * 1000)
        await database.close()
    return "an answer → its run resumed and the ticket made", _figures(took[2:])


async def _ambiguous_sender(database: asyncpg.Connection[asyncpg.Record]) -> None:
    for name in ("One", "Two"):
        await database.execute(
            """with client as (
                 insert into clients (tenant_id, client_id, name) select tenant_id, gen_random_uuid(), $1 from tenants
                 returning tenant_id, client_id)
               insert into contacts (tenant_id, contact_id, client_id, name, address)
               select tenant_id, gen_random_uuid(), client_id, 'Ines', 'ines@bench.example' from client""",
            name,
        )


async def _ask(ready: dict[str, Any], database: asyncpg.Connection[asyncpg.Record], number: int) -> UUID:
    address = await database.fetchval("select address from mailboxes limit 1")
    mail = letter("Ines <ines@bench.example>", f"Which client? {number}", to=address).as_bytes()
    with smtplib.SMTP("127.0.0.1", ready["smtp_port"]) as connection:
        connection.sendmail("ines@bench.example", [address], mail)
    while True:
        task = await database.fetchval("select task_id from tasks where state = 'open' limit 1")
        if task:
            return UUID(str(task))
        await asyncio.sleep(0.01)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["lists", "answers"])
    arguments = parser.parse_args()
    rows: list[results.Row] = []
    if arguments.only != "answers":
        with postgres.server() as server:
            asyncio.run(postgres.migrated_template(server))
            rows += asyncio.run(lists(server, arguments.messages))
    if arguments.only != "lists":
        rows.append(asyncio.run(answers()))
        print(rows[-1])
    if arguments.only is None:
        how = (
            f"Pages as a browser asks for them, one after another, with {arguments.messages:,} messages in the tenant."
        )
        results.write("Console", how, rows)


if __name__ == "__main__":
    main()
    os._exit(0)
