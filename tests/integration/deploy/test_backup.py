"""deploy/runbooks/backup-restore.md, step by step: backed up, everything destroyed, restored, and at work again."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from activities.reconcile import Reconciler
from activities.sources import Sources
from domain.mailbox_jobs import Comparison
from domain.task import TaskResolution
from storage import deletions, erasure, tasks
from storage.database import Database
from storage.migrate import migrate
from storage.objects import Objects
from tests import temporal_server
from tests.house import House, open_house, working_in
from tests.integration.deploy.production import DEPLOY, Production, production
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
    shutil.rmtree(objects)
    emptied(server)
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


def emptied(server: Production) -> None:
    """The statements of step 2 in the runbook."""
    text = (DEPLOY / "runbooks" / "backup-restore.md").read_text("utf-8")
    for statement in re.findall(r"(?:drop|create|revoke|grant) [^\n;]*(?=;)", text):
        server.sql(statement)


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


async def test_what_was_erased_is_in_no_later_backup(server: Production, tmp_path: Path) -> None:
    """The older one keeps it until it runs out; whoever restores that one erases again."""
    await migrate(server.url("postroom_owner"))
    directory, backups = tmp_path / "objects", tmp_path / "backups"
    objects = Objects(directory.as_uri())
    db = await Database.connect(server.url("postroom"))
    with temporal_server.server() as temporal:
        async with open_house(db, temporal.address, directory) as house:
            tenant_id = house.tenant_id
            await house.send(letter("ann@example.com", "Kept"))
            await house.send(letter("bob@example.com", "Erased", attachments=[("a.pdf", b"%PDF-1.4 a")]))
            await house.settled(2)
            older = backed_up(server, directory, backups)
            assert await erased(db, objects, tenant_id, "bob@example.com") == 1
            next(directory.rglob("raw")).joinpath("half of an object#1").write_bytes(b"")
            later = backed_up(server, directory, backups)
    await db.close()
    (kept,) = held(later / "objects")
    assert (older / "objects" / kept).samefile(later / "objects" / kept)
    assert len(held(older / "objects")) == 3

    for backup, messages in ((later, 0), (older, 1)):
        shutil.rmtree(directory)
        emptied(server)
        places = {"POSTROOM_RESTORE_URL": server.url("postgres"), "POSTROOM_OBJECTS_URL": directory.as_uri()}
        server.run("backup/restore", str(backup), **places)
        assert held(directory) == held(backup / "objects")
        db = await Database.connect(server.url("postroom"))
        assert await erased(db, objects, tenant_id, "bob@example.com") == messages
        await db.close()
        assert held(directory) == {kept}


@pytest.mark.parametrize("gone", [True, False])
def test_an_object_that_cannot_be_copied_fails_the_backup_unless_it_was_deleted(
    server: Production, tmp_path: Path, gone: bool
) -> None:
    objects, backups, programs = tmp_path / "objects", tmp_path / "backups", tmp_path / "programs"
    for directory in (objects, programs):
        directory.mkdir()
    for name in ("one", "two"):
        (objects / name).write_bytes(b"1")
    # Copies the one and fails at the two, which was deleted at that moment or not.
    deletion = "rm two" if gone else ""
    (programs / "cp").write_text(f"#!/bin/sh\n/bin/cp one {backups}/.2*/objects/\n{deletion}\nexit 1\n")
    (programs / "cp").chmod(0o755)
    made = server.run(
        "backup/backup", str(backups), check=False, programs=programs,
        POSTROOM_BACKUP_URL=server.url("postroom_backup"), POSTROOM_OBJECTS_URL=objects.as_uri(),
    )  # fmt: skip
    assert made.returncode == (0 if gone else 1), made.stderr
    assert [held(path / "objects") for path in backups.iterdir()] == ([{"one"}] if gone else [])
    assert gone or "not copied: ./two" in made.stderr


def backed_up(server: Production, objects: Path, backups: Path) -> Path:
    while any(path.name == time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) for path in backups.glob("*")):
        time.sleep(0.05)  # a backup is named by its second
    places = {"POSTROOM_BACKUP_URL": server.url("postroom_backup"), "POSTROOM_OBJECTS_URL": objects.as_uri()}
    return Path(server.run("backup/backup", str(backups), **places).stdout.strip())


def held(objects: Path) -> set[str]:
    """The keys of what lies in a directory of objects."""
    return {str(path.relative_to(objects)) for path in objects.rglob("*") if path.is_file()}


async def erased(db: Database, objects: Objects, tenant_id: UUID, address: str) -> int:
    """`postroom erase person`; how many messages it was about."""
    async with db.tenant(tenant_id) as session:
        found = await erasure.find_person(session, tenant_id, address)
    await erasure.erase_person(db, tenant_id, address, found, by="alex", reason="asked for")
    while await deletions.work_off(db, objects, tenant_id):
        pass
    return len(found.messages)


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
