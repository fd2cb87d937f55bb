"""However long a tenant's history: no query of `find_thread` reads a large table from end to end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from storage import deciding
from storage.database import Database
from tests import bulk, mails_of_history, postgres

KEYS = {"k1": bytes(32)}
MESSAGES = 20_000
# Tables of one row a tenant or a mailbox may be read whole.
LARGE = {
    "emails", "email_contents", "tickets", "comments", "ticket_message_ids", "ticket_participants", "contacts",
    "outbound_messages",
}  # fmt: skip


class Explaining:
    """A session that explains every statement before it runs it, and keeps the plans."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.plans: list[tuple[str, Any]] = []

    async def _explain(self, sql: str, arguments: tuple[Any, ...]) -> None:
        plan = await self._session.fetchval(f"explain (format json) {sql}", *arguments)
        self.plans.append((sql, plan[0]["Plan"]))

    async def fetch(self, sql: str, *arguments: Any) -> Any:
        await self._explain(sql, arguments)
        return await self._session.fetch(sql, *arguments)

    async def fetchrow(self, sql: str, *arguments: Any) -> Any:
        await self._explain(sql, arguments)
        return await self._session.fetchrow(sql, *arguments)

    async def fetchval(self, sql: str, *arguments: Any) -> Any:
        await self._explain(sql, arguments)
        return await self._session.fetchval(sql, *arguments)

    async def execute(self, sql: str, *arguments: Any) -> Any:
        await self._explain(sql, arguments)
        return await self._session.execute(sql, *arguments)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def long_history(postgres_server: postgres.PostgresServer) -> AsyncIterator[tuple[Database, bulk.History]]:
    url = await postgres.fresh_database(postgres_server)
    history = await bulk.fill(url, MESSAGES)
    db = await Database.connect(url)
    yield db, history
    await db.close()
    await postgres.drop_database(postgres_server, url)


@pytest.mark.parametrize("sort", mails_of_history.SORTS, ids=lambda sort: sort.__name__)
async def test_every_query_is_on_an_index(
    long_history: tuple[Database, bulk.History], sort: mails_of_history.Sort
) -> None:
    db, history = long_history
    async with db.tenant(history.tenant_id) as session:
        email_id = await bulk.arrive(session, history, sort(history, Random(1), KEYS))
        explaining = Explaining(session)
        await deciding.find_thread(explaining, KEYS, history.tenant_id, email_id, (), frozenset())  # type: ignore[arg-type]
    assert explaining.plans
    for sql, plan in explaining.plans:
        read_whole = {n["Relation Name"] for n in _nodes(plan) if n["Node Type"] == "Seq Scan"} & LARGE
        assert not read_whole, f"{read_whole} read from end to end by: {sql}"


@pytest.mark.parametrize(
    ("sort", "most"),
    [(mails_of_history.new_of_stranger, 5), (mails_of_history.new_of_contact, 5), (mails_of_history.reply, 6)],
    ids=["new_of_stranger", "new_of_contact", "reply"],
)
async def test_an_ordinary_mail_costs_few_round_trips(
    long_history: tuple[Database, bulk.History], sort: mails_of_history.Sort, most: int
) -> None:
    db, history = long_history
    async with db.tenant(history.tenant_id) as session:
        email_id = await bulk.arrive(session, history, sort(history, Random(2), KEYS))
        explaining = Explaining(session)
        await deciding.find_thread(explaining, KEYS, history.tenant_id, email_id, (), frozenset())  # type: ignore[arg-type]
    assert len(explaining.plans) <= most, [sql.split()[:6] for sql, _ in explaining.plans]


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in _nodes(child))]
