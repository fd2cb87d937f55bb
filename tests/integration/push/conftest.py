"""The house with simulated sources, and the webhooks they push to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from providers.gmail import mailbox as gmail_mailbox
from providers.microsoft import mailbox as microsoft_mailbox
from storage.database import Database
from tests.integration.push.stand import Stand, open_stand
from tests.simulators.google import GoogleSimulator, google
from tests.simulators.microsoft import MicrosoftSimulator, microsoft
from tests.temporal_server import TemporalServer


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many tries at a message as ever, sooner one after the other."""
    monkeypatch.setattr(gmail_mailbox, "READ_RETRIES", (0.1, 0.3))
    monkeypatch.setattr(microsoft_mailbox, "MISSING_RETRIES", (0.2, 1.0))


@pytest_asyncio.fixture
async def gmail() -> AsyncIterator[GoogleSimulator]:
    async with google() as simulator:
        yield simulator


@pytest_asyncio.fixture
async def graph() -> AsyncIterator[MicrosoftSimulator]:
    async with microsoft() as simulator:
        yield simulator


@pytest_asyncio.fixture
async def stand(
    db: Database, temporal: TemporalServer, tmp_path: Path, gmail: GoogleSimulator, graph: MicrosoftSimulator
) -> AsyncIterator[Stand]:
    """Workers and webhooks at work on an empty tenant; mailboxes are for the test to add."""
    async with open_stand(db, temporal.address, tmp_path, gmail, graph) as opened:
        yield opened


@pytest_asyncio.fixture
async def doors(
    db: Database, temporal: TemporalServer, tmp_path: Path, gmail: GoogleSimulator, graph: MicrosoftSimulator
) -> AsyncIterator[Stand]:
    """The webhooks alone, without workers: for who may come in."""
    async with open_stand(db, temporal.address, tmp_path, gmail, graph, working=False) as opened:
        yield opened
