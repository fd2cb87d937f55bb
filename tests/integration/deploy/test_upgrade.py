"""An installation of an earlier release, brought to this one: its data, its tickets and its open question go on.

`release_0003/` was made by that release itself: a ticket with a reply and an attachment, and a question that waited.
What runs that are open meet when their code changes, tests/replay shows.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from domain.runs import NotRunning
from domain.task import TaskResolution
from storage import ledger, migrate
from storage.database import Database
from tests import postgres
from tests.house import House, open_house
from tests.letters import letter
from tests.temporal_server import TemporalServer

RELEASE = Path(__file__).parent / "release_0003"


@pytest_asyncio.fixture
async def old_url(postgres_server: postgres.PostgresServer, tmp_path: Path) -> AsyncIterator[str]:
    """A database as that release left it."""
    url = await postgres.empty_database(postgres_server)
    (tmp_path / "migrations").mkdir()
    for version in ("0001", "0002", "0003"):
        (file,) = migrate.DIRECTORY.glob(f"{version}_*.sql")
        shutil.copy(file, tmp_path / "migrations")
    await migrate.migrate(url, tmp_path / "migrations")
    await asyncio.to_thread(
        subprocess.run,
        [postgres.BIN / "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-f", RELEASE / "data.sql", url],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    yield url
    await postgres.drop_database(postgres_server, url)


@pytest_asyncio.fixture
async def upgraded(old_url: str, temporal: TemporalServer, tmp_path: Path) -> AsyncIterator[House]:
    """This release at work on it."""
    assert await migrate.migrate(old_url)
    shutil.copytree(RELEASE / "objects", tmp_path / "objects")
    db = await Database.connect(old_url)
    async with open_house(db, temporal.address, tmp_path / "objects") as house:
        yield house
    await db.close()


async def test_a_conversation_goes_on(upgraded: House) -> None:
    (ticket,) = await upgraded.tickets()
    await upgraded.send(
        letter("ann@example.com", "Re: Printer on floor 3", "Fire is out.", in_reply_to="second@old.example")
    )
    await upgraded.settled(3)
    assert [t["ticket_id"] for t in await upgraded.tickets()] == [ticket["ticket_id"]]
    comments = await upgraded.rows("select text from comments where tenant_id = $1 order by created_at")
    assert [c["text"] for c in comments] == ["It is out of paper.", "Now it is on fire.", "Fire is out."]


async def test_the_open_question_is_answered_in_this_release(upgraded: House) -> None:
    (question,) = await upgraded.open_tasks()
    async with upgraded.db.tenant(upgraded.tenant_id) as session:
        row = await ledger.open_email(session, upgraded.tenant_id, question["email_id"])
    assert row is not None
    # This Temporal server never knew its run: what `postroom reconcile --repair` would do.
    await upgraded.runs.restart_email(row.email, row.workflow_id, row.message_key, history=row.history)
    choice = question["candidates"][0]["option"]

    async def answered() -> bool:
        with suppress(NotRunning):  # an earlier one was heard meanwhile
            await upgraded.runs.resolve_task(question["workflow_id"], TaskResolution(choice=choice, by="alex"))
        return len(await upgraded.tickets()) == 2

    await upgraded.until(answered, "a ticket of the answered question")


async def test_what_was_stored_is_there(upgraded: House) -> None:
    (attachment,) = await upgraded.rows("select * from attachments where tenant_id = $1")
    assert await upgraded.objects.get(f"{upgraded.tenant_id}/parts/{attachment['sha256']}") == b"warm"
    balance = await upgraded.balance()
    assert balance["listed"] == balance["done"] + balance["open"] == 3


async def test_migrating_again_and_going_back_are_safe(old_url: str, tmp_path: Path) -> None:
    await migrate.migrate(old_url)
    assert await migrate.migrate(old_url) == []
    connection = await asyncpg.connect(old_url)
    assert await connection.fetchval("select count(*) from emails") == 3
    await connection.close()
    with pytest.raises(migrate.MigrationError, match="newer than this postroom"):
        await migrate.migrate(old_url, tmp_path / "migrations")
