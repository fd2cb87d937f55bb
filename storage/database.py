"""Postgres sessions. The tenant is set with SET LOCAL in the transaction, here and nowhere else."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from domain import tracing

if TYPE_CHECKING:
    from asyncpg.connection import LoggedQuery
    from asyncpg.pool import PoolConnectionProxy

    # What a repository function takes: a connection inside a tenant's transaction.
    Session = PoolConnectionProxy[asyncpg.Record]

APP_ROLE = "postroom_app"

# What a lost, restarting or overloaded server looks like: worth trying again for as long as it takes.
TRANSIENT = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ConnectionDoesNotExistError,
)


class Database:
    """A pool whose every connection acts as the application role, whoever logged in."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    @classmethod
    async def connect(cls, url: str, *, max_size: int = 10) -> Database:
        """Opens the pool. Raises what asyncpg raises when the server cannot be reached or refuses."""
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=max_size,
            server_settings={"role": APP_ROLE, "application_name": "postroom", "jit": "off"},
            init=_init,
            # A session keeps no state: the tenant ends with its transaction. So release costs no round trip.
            reset=_no_reset,
            command_timeout=60,
            timeout=10,
        )
        return cls(pool)

    async def close(self) -> None:
        try:
            await asyncio.wait_for(self._pool.close(), 5)
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def tenant(self, tenant_id: UUID) -> AsyncIterator[Session]:
        """One transaction that sees and writes this tenant's rows only."""
        # The tenant goes into the statement text, not a parameter: one round trip instead of two. A UUID object
        # can hold nothing but hex digits and dashes.
        if not isinstance(tenant_id, UUID):
            raise TypeError("tenant_id must be a UUID")
        async with self._pool.acquire() as session:
            with _traced():
                await session.execute(f"begin; set local app.tenant_id = '{tenant_id}'")
                try:
                    yield session
                except BaseException:
                    if not session.is_closed():
                        await session.execute("rollback")
                    raise
                else:
                    await session.execute("commit")

    @asynccontextmanager
    async def directory(self) -> AsyncIterator[Session]:
        """For the directory functions, the few look-ups that work before a tenant is known."""
        async with self._pool.acquire() as session:
            yield session


async def _init(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=_encode, decoder=json.loads, schema="pg_catalog")
    if tracing.enabled():
        connection.add_query_logger(_note)


async def _no_reset(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    # A transaction that a cancelled caller left open must not reach the next one.
    if connection.is_in_transaction() and not connection.is_closed():
        await connection.execute("rollback")


def _encode(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


# What the present transaction has asked so far; None where nothing is traced.
_statements: ContextVar[list[str] | None] = ContextVar("statements", default=None)


@contextmanager
def _traced() -> Iterator[None]:
    """One span a transaction, with a line for each statement: a span for each would cost more than the statement."""
    if not tracing.recording():
        yield
        return
    asked: list[str] = []
    token = _statements.set(asked)
    try:
        with tracing.span("transaction", {"db.system.name": "postgresql"}, tracing.CLIENT) as span:
            try:
                yield
            finally:
                span.set_attribute("postroom.statements", asked)
    finally:
        _statements.reset(token)


def _note(query: LoggedQuery) -> None:
    """`insert emails 0.8 ms`: what a statement did to which table, neither its text nor its arguments."""
    asked, summary = _statements.get(), _summary(query.query)
    if asked is not None and summary:
        asked.append(f"{summary} {query.elapsed * 1000:.1f} ms")


@lru_cache(1024)
def _summary(query: str) -> str:
    """Empty for what begins and ends a transaction: the span does."""
    verb = query.split(None, 1)[0].lower().rstrip(";")
    table = re.search(r"\b(?:from|into|update|join)\s+([a-z_]+)", query, re.IGNORECASE)
    if verb in ("begin", "commit", "rollback"):
        return ""
    return f"{verb} {table[1].lower()}" if table else verb
