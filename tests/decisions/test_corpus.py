"""Every scenario, played through the real workflow and database: many at a time, each in a tenant of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from storage.database import Database
from tests import postgres, temporal_server
from tests.decisions import scenario
from tests.decisions.stage import Stage
from tests.house import open_house

# Scenarios at a time: enough to keep the workers busy while others wait for their mails.
AT_A_TIME = 12

Outcomes = dict[Path, BaseException | None]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def outcomes(
    request: pytest.FixtureRequest,
    postgres_server: postgres.PostgresServer,
    temporal: temporal_server.TemporalServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Outcomes]:
    """What came of each selected scenario: None, or why it failed."""
    selected = [item.callspec.params["path"] for item in request.session.items if hasattr(item, "callspec")
                and item.path == request.path]  # fmt: skip
    url = await postgres.fresh_database(postgres_server)
    db = await Database.connect(url, max_size=20)
    try:
        async with open_house(db, temporal.address, tmp_path_factory.mktemp("objects")) as house:
            gate = asyncio.Semaphore(AT_A_TIME)

            async def play(path: Path) -> BaseException | None:
                async with gate:
                    try:
                        await Stage(house, scenario.load(path)).play()
                    except Exception as error:
                        return error
                    return None

            yield dict(zip(selected, await asyncio.gather(*map(play, selected)), strict=True))
    finally:
        await db.close()
        await postgres.drop_database(postgres_server, url)


@pytest.mark.parametrize("path", scenario.paths(), ids=scenario.name)
async def test_scenario(outcomes: Outcomes, path: Path) -> None:
    error = outcomes[path]
    if error is not None:
        raise error


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(scenario.paths()) >= 150
