"""Erasing and retention in a house at work: what was written is nowhere, and what stays is evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
import pytest

from domain.policy import Retention, TenantPolicy
from storage import audit, deletions, erasure, policies
from storage.erasure import StillOpen
from tests.house import House
from tests.letters import letter
from workers import admin
from workflows import names

SUBJECT, BODY, FILE, NAME = "Quittungxylophon", "Leberkaesrezept", "zahnarztbefund.pdf", "Hildegundis"
ADDRESS = "hildegundis@geheimdomaene.example"
WORDS = (SUBJECT, BODY, "zahnarztbefund", NAME, "hildegundis")


async def everything(db_url: str) -> str:
    """Every row of every table, as the superuser sees it."""
    owner = await asyncpg.connect(db_url)
    try:
        tables = await owner.fetch(
            "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
        )
        rows = [row[0] for (name,) in tables for row in await owner.fetch(f'select t::text from "{name}" t')]
    finally:
        await owner.close()
    return "\n".join(rows)


def stored(house: House, tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]


def hits(text: str) -> list[str]:
    return [word for word in WORDS if word.casefold() in text.casefold()]


async def a_conversation(house: House) -> list[Any]:
    """A mail with an attachment, its answer by somebody else, and a question about a third."""
    sender = f"{NAME} <{ADDRESS}>"
    mail = letter(sender, SUBJECT, BODY, message_id="first@ids.example", attachments=[(FILE, b"%PDF " + BODY.encode())])
    await house.send(mail)
    await house.settled(1)
    return await house.emails()


async def test_an_erased_person_is_nowhere_and_the_evidence_is(house: House, db_url: str, tmp_path: Path) -> None:
    client = await admin.add_client(house.db, house.tenant_id, "Bakery")
    await admin.add_contact(house.db, house.tenant_id, ADDRESS, NAME, client)
    (email,) = await a_conversation(house)
    before = await everything(db_url)
    assert set(hits(before)) == set(WORDS)
    assert len(stored(house, tmp_path)) == 2

    async with house.db.tenant(house.tenant_id) as session:
        found = await erasure.find_person(session, house.tenant_id, ADDRESS.upper())
    assert (found.messages, found.contacts) == ([email["email_id"]], 1)
    await erasure.erase_person(house.db, house.tenant_id, ADDRESS, found, by="ann", reason="asked for by letter")
    while await deletions.work_off(house.db, house.objects, house.tenant_id):
        pass

    assert hits(await everything(db_url)) == []
    assert stored(house, tmp_path) == []
    (row,) = await house.emails()
    assert (row["state"], row["outcome"], row["raw_sha256"]) == ("done", "ticket", email["raw_sha256"])
    entries = await house.rows("select * from audit where tenant_id = $1 and action = 'erase' order by audit_id")
    assert [entry["object"] for entry in entries] == [
        f"email/{email['email_id']}",
        f"person/{erasure.digest(house.tenant_id, ADDRESS)}",
    ]
    assert {entry["actor"] for entry in entries} == {"ann"}
    assert entries[0]["detail"]["raw_sha256"] == email["raw_sha256"]
    assert len(entries[0]["detail"]["attachments"]) == 1
    async with house.db.tenant(house.tenant_id) as session:
        assert (await audit.verify(session, house.tenant_id)).broken is None
    assert len(await house.tickets()) == 1


async def test_the_source_offering_an_erased_mail_again_brings_nothing_back(
    house: House, db_url: str, tmp_path: Path
) -> None:
    mail = letter(f"{NAME} <{ADDRESS}>", SUBJECT, BODY, message_id="again@ids.example")
    await house.deliver(mail)
    (email,) = await house.settled(1)
    async with house.db.tenant(house.tenant_id) as session:
        await erasure.erase_message(session, house.tenant_id, email["email_id"], by="ann", reason="wrong recipient")
    await house.deliver(mail)
    while await deletions.work_off(house.db, house.objects, house.tenant_id):
        pass
    assert len(await house.emails()) == 1
    # The contact is the person's, not the message's.
    assert not {SUBJECT, BODY} & set(hits(await everything(db_url)))
    assert stored(house, tmp_path) == []


async def test_of_two_mails_with_the_same_attachment_the_others_stays(house: House) -> None:
    for number in (1, 2):
        await house.send(
            letter(f"p{number}@example.com", f"Mail {number}", attachments=[("plan.bin", b"shared content")])
        )
    first, second = await house.settled(2)
    async with house.db.tenant(house.tenant_id) as session:
        await erasure.erase_message(session, house.tenant_id, first["email_id"], by="ann", reason="asked for")
    while await deletions.work_off(house.db, house.objects, house.tenant_id):
        pass
    rows = await house.rows("select email_id, sha256, state from attachments where tenant_id = $1")
    assert {row["email_id"]: row["state"] for row in rows} == {
        first["email_id"]: "skipped",
        second["email_id"]: "stored",
    }
    assert await house.objects.exists(f"{house.tenant_id}/parts/{rows[0]['sha256']}")


async def test_a_mail_that_waits_for_a_person_is_not_erased_before_it_is_done(house: House) -> None:
    for name in ("Bakery", "Books"):
        client = await admin.add_client(house.db, house.tenant_id, name)
        await admin.add_contact(house.db, house.tenant_id, ADDRESS, NAME, client)
    await house.send(letter(ADDRESS, SUBJECT, BODY))
    task = await house.task()
    async with house.db.tenant(house.tenant_id) as session:
        found = await erasure.find_person(session, house.tenant_id, ADDRESS)
        assert (found.messages, found.still_open) == ([], [task["email_id"]])
        with pytest.raises(StillOpen):
            await erasure.erase_message(session, house.tenant_id, task["email_id"], by="ann", reason="asked for")


async def test_the_retention_workflow_lets_go_what_the_policy_says_and_nothing_else(
    house: House, tmp_path: Path
) -> None:
    await a_conversation(house)
    await house.send(letter("bob@example.com", "Of today", "Fresh.", attachments=[("new.bin", b"new")]))
    await house.settled(2)
    policy = TenantPolicy(retention=Retention(raw_days=30, content_days=30, attachments_days=30))
    async with house.db.tenant(house.tenant_id) as session:
        await policies.set_tenant(session, house.tenant_id, policy, actor="ann")
        await session.execute(
            "update emails set done_at = now() - interval '31 days' where message_key = 'first@ids.example'"
        )
    run = await house.client.start_workflow(
        names.RETENTION, id=f"retention/{house.mailbox_id}", task_queue=names.MAIL_QUEUE, result_type=int
    )
    assert await run.result() > 0
    old, new = await house.emails()
    assert old["raw_deleted_at"] is not None
    assert new["raw_deleted_at"] is None
    contents = await house.rows("select email_id from email_contents where tenant_id = $1")
    assert [row["email_id"] for row in contents] == [new["email_id"]]
    parts = await house.rows("select * from attachments where tenant_id = $1 order by filename")
    assert [(part["filename"], part["state"], part["reason"]) for part in parts] == [
        ("new.bin", "stored", ""),
        (FILE, "skipped", "retention"),
    ]
    assert {path.name for path in stored(house, tmp_path)} == {new["raw_sha256"], parts[0]["sha256"]}
    # What is on the ticket stays: it is the organisation's own record.
    assert len(await house.rows("select from comments where tenant_id = $1 and text like '%Leberkaes%'")) == 1
