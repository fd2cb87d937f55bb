"""Doors into a database of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests import postgres
from tests.integration.webhooks.door import Door, open_door


@pytest_asyncio.fixture
async def door(db_url: str, tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(db_url, tmp_path / "objects") as opened:
        yield opened


@pytest.fixture(scope="package")
def stoppable() -> Iterator[postgres.PostgresServer]:
    """A server that a test may stop, since nobody else uses it."""
    with postgres.server() as server:
        asyncio.run(postgres.migrated_template(server))
        yield server


@pytest_asyncio.fixture
async def fragile(stoppable: postgres.PostgresServer, tmp_path: Path) -> AsyncIterator[Door]:
    """A door whose Postgres can be stopped."""
    async with open_door(await postgres.fresh_database(stoppable), tmp_path / "objects") as opened:
        yield opened
