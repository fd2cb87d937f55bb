"""The console as tests of its pages and of its API meet it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from mail.pool import ParserPool
from storage.database import Database
from tests import postgres
from tests.integration.console.site import Site, open_site


@pytest_asyncio.fixture(scope="session")
async def parser() -> AsyncIterator[ParserPool]:
    pool = ParserPool(processes=1)
    await pool.start()
    yield pool
    await pool.close()


@pytest_asyncio.fixture(scope="module")
async def shared_url(postgres_server: postgres.PostgresServer) -> AsyncIterator[str]:
    """One database for the tests of a module, each of which has tenants of its own."""
    url = await postgres.fresh_database(postgres_server)
    yield url
    await postgres.drop_database(postgres_server, url)


@pytest_asyncio.fixture(scope="module")
async def shared_site(
    shared_url: str, parser: ParserPool, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    db = await Database.connect(shared_url)
    async with open_site(db, parser, tmp_path_factory.mktemp("objects")) as opened:
        yield opened
    await db.close()


@pytest_asyncio.fixture
async def site(db: Database, parser: ParserPool, tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(db, parser, tmp_path / "objects") as opened:
        yield opened
