"""deploy/runbooks/backup-restore.md, step by step: backed up, everything destroyed, restored, and at work again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activities.reconcile import Reconciler
from activities.sources import Sources
from domain.mailbox_jobs import Comparison
from domain.task import TaskResolution
from storage import tasks
from storage.database import Database
from storage.migrate import migrate
from tests import temporal_server
from tests.house import House, open_house, working_in
from tests.integration.deploy.production import Production, production
from tests.letters import letter
from workers import admin


@pytest.fixture
def server() -> Iterator[Production]:
    with production() as opened:
        yield opened


async def everything_happens(house: House) -> Any:
    """A ticket with an attachment, and a question that waits for a person."""
    await house.send(letter("ann@example.com", "First", attachments=[("a.pdf", b"%PDF-1.4 a")]))
    await house.settled(1)
    for client in ("North", "South"):
        client_id = await admin.add_client(house.db, house.tenant_id, client)
        await admin.add_contact(house.db, house.tenant_id, "pat@example.com", "Pat", client_id)
    await house.send(letter("pat@example.com", "Which client am I?"))
    return await house.task()


async def test_restored_house_balances_and_its_questions_can_be_answered(server: Production, tmp_path: Path) -> None:
    await migrate(server.url("postroom_owner"))
    objects, backups = tmp_path / "objects", tmp_path / "backups"
    places = {
        "POSTROOM_BACKUP_URL": server.url("postroom_backup"),
        "POSTROOM_RESTORE_URL": server.url("postgres"),
        "POSTROOM_OBJECTS_URL": objects.as_uri(),
    }
    db = await Database.connect(server.url("postroom"))
    with temporal_server.server() as temporal:
        async with open_house(db, temporal.address, objects) as house:
            question = await everything_happens(house)
            tenant_id, mailbox_id = house.tenant_id, house.mailbox_id
            backup = server.run("backup/backup", str(backups), **places).stdout.strip()
    await db.close()

    # Everything is gone: Temporal's state with its server, the database, the objects.
    server.sql("drop database postroom with (force)")
    shutil.rmtree(objects)
    server.sql("create database postroom owner postroom_owner")
    server.sql("grant connect on database postroom to postroom")
    restored = server.run("backup/restore", backup, **places)
    assert "2 messages" in restored.stdout
    assert await migrate(server.url("postroom_owner")) == []

    db = await Database.connect(server.url("postroom"))
    with temporal_server.server() as temporal:
        async with open_house(db, temporal.address, objects, working=False) as house:
            assert (house.tenant_id, house.mailbox_id) == (tenant_id, mailbox_id)
            # A disaster takes longer than mail that is just arriving is left alone.
            await house.rows("update emails set listed_at = listed_at - interval '1 hour' where tenant_id = $1")
            found = await reconciled(house)
            assert (found.stuck, found.repaired) == (1, 1)
            async with working_in(house):
                await answered(house, question)
                await house.settled(2)
                assert len(await house.tickets()) == 2
                (attachment,) = await house.rows("select * from attachments where tenant_id = $1")
                assert await house.objects.get(f"{tenant_id}/parts/{attachment['sha256']}") == b"%PDF-1.4 a"
                balance = await house.balance()
                assert balance["listed"] == balance["done"] + balance["open"] == 2
    await db.close()


async def reconciled(house: House) -> Comparison:
    """`postroom reconcile --repair`."""
    sources = Sources(
        house.db, house.keyring, house.objects, endpoints=house.endpoints, max_message_bytes=1 << 20,
        allow_private_hosts=True,
    )  # fmt: skip
    try:
        return await Reconciler(house.db, house.runs, sources).reconcile(house.tenant_id, house.mailbox_id, repair=True)
    finally:
        await sources.close()


async def answered(house: House, question: Any) -> None:
    """As the console does it: settled, then told to the run, of which the question was no part when it was asked."""
    (task,) = await house.open_tasks()
    assert task["task_id"] == question["task_id"]
    resolution = TaskResolution(choice=question["candidates"][0]["option"], by="alex")
    async with house.db.tenant(house.tenant_id) as session:
        await tasks.settle(session, house.tenant_id, task["task_id"], resolution, delivered=False)
    await house.runs.resolve_task(task["workflow_id"], resolution)


def test_backups_share_what_they_have_in_common_and_only_so_many_are_kept(server: Production, tmp_path: Path) -> None:
    objects, backups = tmp_path / "objects", tmp_path / "backups"
    objects.mkdir()
    (objects / "one").write_bytes(b"1")
    places = {
        "POSTROOM_BACKUP_URL": server.url("postroom_backup"),
        "POSTROOM_OBJECTS_URL": objects.as_uri(),
        "POSTROOM_BACKUPS_KEPT": "2",
    }
    for old in ("20200101T000000Z", "20200102T000000Z"):
        (backups / old / "objects").mkdir(parents=True)
        (backups / old / "objects" / "one").write_bytes(b"1")
    made = Path(server.run("backup/backup", str(backups), **places).stdout.strip())
    assert sorted(path.name for path in backups.iterdir()) == ["20200102T000000Z", made.name]
    before = backups / "20200102T000000Z" / "objects" / "one"
    assert (made / "objects" / "one").read_bytes() == b"1"
    assert before.read_bytes() == b"1"


@pytest.mark.parametrize("fault", ["tables", "objects", "no dump"])
def test_restore_overwrites_nothing(server: Production, tmp_path: Path, fault: str) -> None:
    objects, backup = tmp_path / "objects", tmp_path / "backup"
    (backup / "objects").mkdir(parents=True)
    objects.mkdir()
    places = {"POSTROOM_RESTORE_URL": server.url("postgres"), "POSTROOM_OBJECTS_URL": objects.as_uri()}
    if fault != "no dump":
        (backup / "postroom.dump").write_bytes(b"")
    if fault == "tables":
        server.sql("create table precious (n integer)", "postroom")
    if fault == "objects":
        (objects / "precious").write_bytes(b"1")
    refused = server.run("backup/restore", str(backup), check=False, **places)
    assert refused.returncode == 1
    said = {"tables": "1 tables already", "objects": "is not empty", "no dump": "holds no postroom.dump"}
    assert said[fault] in refused.stderr
