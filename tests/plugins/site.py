"""The console as tests of its pages and of its API meet it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from mail.pool import ParserPool
from storage.database import Database
from tests.integration.console.site import Site, open_site


@pytest_asyncio.fixture(scope="session")
async def parser() -> AsyncIterator[ParserPool]:
    pool = ParserPool(processes=1)
    await pool.start()
    yield pool
    await pool.close()


@pytest_asyncio.fixture
async def site(db: Database, parser: ParserPool, tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(db, parser, tmp_path / "objects") as opened:
        yield opened
