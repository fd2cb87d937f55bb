"""The histories of this very code: every scenario, played once for the tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionDescription, WorkflowHistory

from storage.database import Database
from tests import postgres, temporal_server
from tests.house import open_house
from tests.replay.scenarios import play


@dataclass
class Played:
    """By the scenario's name: the history of its run, and what Temporal's lists show of it."""

    histories: dict[str, WorkflowHistory] = field(default_factory=dict)
    descriptions: dict[str, WorkflowExecutionDescription] = field(default_factory=dict)


@pytest_asyncio.fixture(scope="package")
async def played(
    postgres_server: postgres.PostgresServer,
    temporal: temporal_server.TemporalServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Played]:
    url, scratch = await postgres.fresh_database(postgres_server), tmp_path_factory.mktemp("played")
    db = await Database.connect(url)
    async with open_house(db, temporal.address, scratch / "objects") as house:
        played = Played()
        async for name, history in play(house, scratch / "imap"):
            played.histories[name] = history
            played.descriptions[name] = await house.client.get_workflow_handle(history.workflow_id).describe()
        # A shard's id is the same in every house: the next one on this server wants it, too.
        await house.client.get_workflow_handle(played.histories["listener"].workflow_id).terminate()
    yield played
    await db.close()
    await postgres.drop_database(postgres_server, url)
