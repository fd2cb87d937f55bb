"""What lists, searches and live pages ask of Postgres in a long history: every statement finds its rows by an index."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from storage import mailbox_views, pulse, quarantine, task_views, tickets, trace
from storage.database import Database
from storage.tickets import Filter
from tests import bulk, postgres

MESSAGES = 20_000
LARGE = {"emails", "email_contents", "tickets", "comments", "tasks", "audit", "contacts"}
Asking = Callable[[Any, bulk.History], Awaitable[Any]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def long_history(postgres_server: postgres.PostgresServer) -> AsyncIterator[tuple[Database, bulk.History]]:
    """A database that tells the plan of every statement, those within functions too."""
    url = await postgres.fresh_database(postgres_server)
    history = await bulk.fill(url, MESSAGES)
    name = url.rpartition("/")[2]
    owner = await asyncpg.connect(url)
    for setting, value in (
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("auto_explain.log_nested_statements", "on"),
        ("auto_explain.log_format", "json"),
        ("auto_explain.log_level", "notice"),
        # Small tables are read whole for good reasons; in this one nothing is, unless there is no other way.
        ("enable_seqscan", "off"),
    ):
        await owner.execute(f"alter database {name} set {setting} = '{value}'")
    await owner.close()
    db = await Database.connect(url)
    yield db, history
    await db.close()
    await postgres.drop_database(postgres_server, url)


def listing(**wanted: Any) -> Asking:
    return lambda session, history: tickets.page(session, history.tenant_id, Filter(**wanted), before=None, limit=51)


def searching(query: str, before: int | None = None) -> Asking:
    return lambda session, history: trace.search(session, history.tenant_id, query, before=before, limit=51)


ASKING: dict[str, Asking] = {
    "tickets": listing(),
    "tickets of a status": listing(status="pending"),
    "tickets by words": listing(words="subject 333"),
    "tickets by a short word": listing(words="qz"),
    "tickets of nobody": listing(unassigned=True),
    "tickets with a tag": listing(tag="rare"),
    "the latest mail": lambda session, history: trace.page(session, history.tenant_id, before=None, limit=50),
    "mail by words": searching("subject 333"),
    "mail by words, a later page": searching("subject 333", 10_000),
    "mail by an address": searching("p77@c7.example"),
    "mail by its Message-ID": searching("m77@example.com"),
    "mail by a ticket's number": searching("#77"),
    "mail by a ticket's number, a later page": searching("#77", 10_000),
    "discarded mail, a later page": lambda session, history: quarantine.emails(
        session, history.tenant_id, "discarded", before=10_000, limit=51
    ),
    "open tasks": lambda session, history: task_views.open_tasks(session, history.tenant_id),
    "mailboxes": lambda session, history: mailbox_views.page(session, history.tenant_id),
    "what has changed": lambda session, history: pulse.read(session, history.tenant_id),
}


@pytest.mark.parametrize("asking", ASKING.values(), ids=ASKING)
async def test_no_list_reads_a_table_from_end_to_end(
    long_history: tuple[Database, bulk.History], asking: Asking
) -> None:
    db, history = long_history
    plans: list[dict[str, Any]] = []

    def note(_: Any, message: Any) -> None:
        plans.append(json.loads(message.message.partition("plan:\n")[2]))

    async with db.tenant(history.tenant_id) as session:
        session.add_log_listener(note)
        await asking(session, history)
        await session.fetchval("select 1")  # a plan is told when the next statement begins
        session.remove_log_listener(note)
    assert plans
    for plan in plans:
        read_whole = {node["Relation Name"] for node in _nodes(plan["Plan"]) if node["Node Type"] == "Seq Scan"} & LARGE
        assert not read_whole, f"{read_whole} read from end to end by: {plan['Query Text']}"


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in _nodes(child))]
