"""Fixtures that every kind of test may use."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
import pytest_asyncio

from storage.database import Database
from tests import postgres, temporal_server
from tests.house import House, open_house

pytest_plugins = ["tests.plugins.skips", "tests.plugins.unsteady", "tests.plugins.site"]

# In CI the same examples every time: what chance finds is found by developers, not by whoever lands next.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chaos-mails", default="60", help="how many mails the SIGKILL test sends")
    parser.addoption("--imap-hours", default="24", help="how many simulated hours the IMAP faults go on")
    parser.addoption("--burst", default="120", help="how many mails a burst test throws in at once")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    with postgres.server() as server:
        asyncio.run(postgres.migrated_template(server))
        yield server


@pytest_asyncio.fixture
async def db_url(postgres_server: postgres.PostgresServer) -> AsyncIterator[str]:
    """A freshly migrated database of the test's own."""
    url = await postgres.fresh_database(postgres_server)
    yield url
    await postgres.drop_database(postgres_server, url)


@pytest_asyncio.fixture
async def db(db_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(db_url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def temporal() -> Iterator[temporal_server.TemporalServer]:
    """A real Temporal server, shared by the session: workflow ids hold the mailbox id, so tests do not meet."""
    with temporal_server.server() as server:
        yield server


@pytest_asyncio.fixture
async def house(db: Database, temporal: temporal_server.TemporalServer, tmp_path: Path) -> AsyncIterator[House]:
    """The whole house at work, with a tenant and the SMTP mailbox support@postroom.test."""
    async with open_house(db, temporal.address, tmp_path / "objects") as opened:
        yield opened
