"""The ledger against its sources: rows that were lost and runs that were killed on purpose are found, and mended."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from activities import reconcile
from activities import rescans as answers
from activities.reconcile import Reconciler
from activities.sources import Sources
from domain.mailbox_jobs import Comparison, MailboxJob
from domain.task import TaskResolution
from providers.base import Changes, Listed, RateLimited, Transient
from providers.gmail.mailbox import GmailMailbox
from storage import mail_hours, mailbox_jobs, mailboxes, rescans
from tests.integration.push.stand import Stand
from tests.integration.push.test_setup import Shell, shell
from tests.letters import letter
from tests.simulators.dovecot import PASSWORD, Dovecot, dovecot
from workers import admin, entities
from workflows import names

__all__ = ["dovecot", "shell"]

GMAIL, GRAPH, IMAP = "help@example.org", "help@example.net", "reconciled@example.com"
# Old enough to be no mail that is just arriving, and younger than the mailboxes, which the tests make older.
AGE = 1800.0


def mail(number: int) -> bytes:
    return letter("alice@example.com", f"Question {number}", message_id=f"q{number}@example.com").as_bytes()


@pytest_asyncio.fixture
async def sources(stand: Stand, tmp_path: Path) -> AsyncIterator[Sources]:
    house = stand.house
    opened = Sources(
        house.db, house.keyring, house.objects, endpoints=house.endpoints, max_message_bytes=1 << 20,
        allow_private_hosts=True,
    )  # fmt: skip
    yield opened
    await opened.close()


@pytest.fixture
def reconciler(stand: Stand, sources: Sources) -> Reconciler:
    return Reconciler(stand.house.db, stand.house.runs, sources)


async def connected(stand: Stand, provider: str, server: Dovecot) -> tuple[UUID, Any]:
    """A mailbox that was connected yesterday, and what delivers mail to it that is half an hour old."""
    if provider == "gmail":
        mailbox_id = await stand.gmail(GMAIL, start=False)
        deliver: Any = lambda number: stand.google.account(GMAIL).deliver(mail(number), age=AGE)  # noqa: E731
    elif provider == "microsoft":
        mailbox_id = await stand.microsoft(GRAPH, start=False)
        deliver = lambda number: stand.graph.mailbox(GRAPH).deliver(mail(number), age=AGE)  # noqa: E731
    else:
        mailbox_id = await connected_imap(stand, server, IMAP)
        deliver = lambda number: server.deliver(IMAP, mail(number))  # noqa: E731
    await stand.connected_at(mailbox_id, timedelta(days=1))
    return mailbox_id, deliver


async def connected_imap(stand: Stand, server: Dovecot, address: str) -> UUID:
    house, settings = stand.house, server.settings(address).model_dump(mode="json")
    mailbox_id = await admin.add_imap_mailbox(house.db, house.keyring, house.tenant_id, address, settings, PASSWORD)
    await stand.connected_at(mailbox_id, timedelta(days=1))
    return mailbox_id


async def lose(db_url: str, condition: str) -> None:
    """Rows of the ledger, and all that was made of them, as if an older backup had been restored."""
    connection = await asyncpg.connect(db_url)
    await connection.execute("set session_replication_role = replica")
    for table in ("comments", "decisions", "email_contents", "ticket_message_ids"):
        await connection.execute(f"delete from {table} t using emails e where t.email_id = e.email_id and {condition}")
    await connection.execute(f"delete from emails e where {condition}")
    await connection.close()


async def settle_time(stand: Stand) -> None:
    """As if ten minutes had passed since everything was listed."""
    async with stand.house.db.tenant(stand.house.tenant_id) as session:
        await session.execute(
            "update emails set listed_at = listed_at - interval '10 minutes' where tenant_id = $1",
            stand.house.tenant_id,
        )


@pytest.mark.parametrize("provider", ["gmail", "microsoft", "imap"])
async def test_what_the_ledger_lost_is_found_and_listed_again(
    stand: Stand,
    reconciler: Reconciler,
    dovecot: Dovecot,
    db_url: str,
    provider: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Dovecot gives a mail the time of its delivery: here it is not taken for one that is just arriving.
    monkeypatch.setattr("storage.ledger.SETTLING", timedelta(seconds=-60))
    mailbox_id, deliver = await connected(stand, provider, dovecot)
    tenant_id = stand.house.tenant_id
    for number in range(3):
        deliver(number)
    first = await reconciler.reconcile(tenant_id, mailbox_id, repair=True)
    assert (first.listed, first.missing, first.repaired) == (3, 3, 3)
    await stand.house.settled(3)
    assert (await reconciler.reconcile(tenant_id, mailbox_id)).sound

    await lose(db_url, "e.message_key = 'q1@example.com'")
    found = await reconciler.reconcile(tenant_id, mailbox_id)
    assert (found.listed, found.done, found.missing, found.repaired, found.sound) == (3, 2, 1, 0, False)
    assert (await stand.balance(mailbox_id))["listed"] == 2, "without --repair nothing changes"

    mended = await reconciler.reconcile(tenant_id, mailbox_id, repair=True)
    assert (mended.missing, mended.repaired, mended.sound) == (1, 1, True)
    emails = await stand.house.settled(3)
    assert {e["message_key"]: e["outcome"] for e in emails}["q1@example.com"] == "ticket"
    assert (await reconciler.reconcile(tenant_id, mailbox_id)).missing == 0


async def test_mail_that_is_just_arriving_is_not_missing(stand: Stand, reconciler: Reconciler) -> None:
    mailbox_id = await stand.gmail(GMAIL, start=False)
    stand.google.account(GMAIL).deliver(mail(1), age=2)
    await stand.connected_at(mailbox_id, timedelta(days=1))
    found = await reconciler.reconcile(stand.house.tenant_id, mailbox_id, repair=True)
    assert (found.arriving, found.missing, found.repaired) == (1, 0, 0)


async def test_mail_from_before_the_mailbox_was_connected_is_not_missing(
    stand: Stand, reconciler: Reconciler, dovecot: Dovecot
) -> None:
    mailbox_id, _ = await connected(stand, "gmail", dovecot)
    stand.google.account(GMAIL).deliver(mail(1), age=86400 + 600)
    found = await reconciler.reconcile(
        stand.house.tenant_id, mailbox_id, since=datetime.now(UTC) - timedelta(days=30), repair=True
    )
    assert (found.missing, found.repaired, found.sound) == (0, 0, True)


@pytest.mark.parametrize("choice", [rescans.LEAVE, rescans.TAKE_IN])
async def test_what_a_person_is_asked_about_or_left_alone_is_not_missing(
    stand: Stand,
    reconciler: Reconciler,
    sources: Sources,
    dovecot: Dovecot,
    monkeypatch: pytest.MonkeyPatch,
    choice: str,
) -> None:
    """A folder of three messages that was numbered anew when it had two of them."""
    monkeypatch.setattr("storage.ledger.SETTLING", timedelta(seconds=-60))
    address = f"{choice}-{IMAP}"
    mailbox_id = await connected_imap(stand, dovecot, address)
    tenant_id, db = stand.house.tenant_id, stand.house.db
    for number in range(3):
        dovecot.deliver(address, mail(number))
    source = await sources.get(tenant_id, mailbox_id)
    (now,) = json.loads((await source.changes(None, 10)).cursor)
    backlog = {"since": "2026-01-01", "until_uid": 2, "origin": "rescan", "stage": "held", "unknown": 501}

    async def stands(**more: Any) -> None:
        async with db.tenant(tenant_id) as session:
            await mailboxes.move_cursor(session, tenant_id, mailbox_id, "INBOX", {**now, **more})

    await stands(uidvalidity=now["uidvalidity"] - 1)
    found = await reconciler.reconcile(tenant_id, mailbox_id, repair=True)
    assert (found.missing, found.repaired) == (0, 0), "the listener has yet to see how many are unknown"
    for stage in ("counting", "held"):
        await stands(backlog={**backlog, "stage": stage})
        found = await reconciler.reconcile(tenant_id, mailbox_id, repair=True)
        assert (found.missing, found.repaired) == ((1, 1) if stage == "counting" else (0, 0))
    async with db.tenant(tenant_id) as session:
        await rescans.ask(session, tenant_id, mailbox_id, 500)
        await answers.answer(session, tenant_id, mailbox_id, TaskResolution(choice=choice, by="ann"))
    found = await reconciler.reconcile(tenant_id, mailbox_id, repair=True)
    assert (found.missing, found.repaired, found.sound) == (0, 0, True)
    (email,) = await stand.house.settled(1)
    assert email["message_key"] == "q2@example.com"


async def test_a_run_that_was_terminated_is_found_and_started_again(stand: Stand, reconciler: Reconciler) -> None:
    house = stand.house
    for client in ("One", "Two"):
        client_id = await admin.add_client(house.db, house.tenant_id, client)
        await admin.add_contact(house.db, house.tenant_id, "alice@example.com", "Alice", client_id)
    await house.deliver(mail(1))
    task = await house.task()
    await settle_time(stand)
    waiting = await reconciler.reconcile(house.tenant_id, house.mailbox_id)
    assert (waiting.open, waiting.stuck, waiting.sound) == (1, 0, True), "it waits for a person, and that is in order"

    await house.client.get_workflow_handle(task["workflow_id"]).terminate()
    found = await reconciler.reconcile(house.tenant_id, house.mailbox_id)
    assert (found.stuck, found.some_stuck, found.sound) == (1, [task["workflow_id"]], False)
    mended = await reconciler.reconcile(house.tenant_id, house.mailbox_id, repair=True)
    assert (mended.stuck, mended.repaired, mended.sound) == (1, 1, True)
    assert await house.runs.run_state(task["workflow_id"]) == "running"
    assert [t["task_id"] for t in await house.open_tasks()] == [task["task_id"]], "the question is the same one"

    await house.client.get_workflow_handle(task["workflow_id"]).signal(
        names.RESOLVE_TASK, {"choice": task["candidates"][0]["option"]}
    )
    (email,) = await house.settled(1)
    assert email["outcome"] == "ticket"


async def test_a_run_that_ended_without_its_outcome_being_kept_is_run_again(
    stand: Stand, reconciler: Reconciler, db_url: str
) -> None:
    """As after Postgres was restored to a moment before the end of the run."""
    house = stand.house
    await house.deliver(mail(1))
    (email,) = await house.settled(1)
    await house.client.get_workflow_handle(email["workflow_id"]).result()
    connection = await asyncpg.connect(db_url)
    await connection.execute("set session_replication_role = replica")
    await connection.execute("delete from comments; delete from tickets; delete from ticket_message_ids")
    await connection.execute("update emails set state = 'started', outcome = null, ticket_id = null, comment_id = null")
    await connection.close()
    await settle_time(stand)
    assert (await reconciler.reconcile(house.tenant_id, house.mailbox_id, repair=True)).repaired == 1
    (email,) = await house.settled(1)
    assert email["outcome"] == "ticket"
    assert len(await house.tickets()) == 1


async def test_a_source_that_throttles_in_between_is_read_to_its_end(
    stand: Stand, reconciler: Reconciler, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox_id, deliver = await connected(stand, "gmail", dovecot)
    deliver(1)
    changes, refused = GmailMailbox.changes, []

    async def throttled(self: GmailMailbox, cursor: str | None, limit: int) -> Changes:
        if len(refused) < 2:
            refused.append(cursor)
            raise RateLimited("slower", datetime.now(UTC))
        return await changes(self, cursor, limit)

    monkeypatch.setattr(GmailMailbox, "changes", throttled)
    monkeypatch.setattr("activities.reconcile.FIRST_PAUSE", 0.0)
    found = await reconciler.reconcile(stand.house.tenant_id, mailbox_id)
    assert (found.missing, found.error) == (1, "")


async def test_a_source_that_lists_a_part_of_a_page_again_and_again_is_not_read_for_ever() -> None:
    class Partly:
        async def changes(self, cursor: str | None, limit: int) -> Changes:
            return Changes([Listed("a")], "here", more=True)

    pages = reconcile._pages(Partly())  # type: ignore[arg-type]
    assert [message.locator for message in await anext(pages)] == ["a"]
    with pytest.raises(Transient):
        await anext(pages)


async def test_a_source_that_cannot_be_read_is_a_finding_and_the_stuck_are_found_all_the_same(
    stand: Stand, reconciler: Reconciler, dovecot: Dovecot
) -> None:
    mailbox_id, _ = await connected(stand, "gmail", dovecot)
    await stand.add_secret(mailbox_id, {"kind": "service_account", "client_email": "x", "private_key": "no key",
                                        "private_key_id": "1"})  # fmt: skip
    found = await reconciler.reconcile(stand.house.tenant_id, mailbox_id)
    assert found.error
    assert not found.sound
    async with stand.house.db.tenant(stand.house.tenant_id) as session:
        check = await mailbox_jobs.check(session, stand.house.tenant_id, mailbox_id)
    assert (check["failures_total"], check["complete_at"]) == (1, None)


async def test_counting_what_a_resync_would_list_reads_no_message_and_changes_nothing(
    stand: Stand, reconciler: Reconciler, dovecot: Dovecot
) -> None:
    mailbox_id, deliver = await connected(stand, "gmail", dovecot)
    for number in range(3):
        deliver(number)
    counted = await reconciler.count(stand.house.tenant_id, mailbox_id, datetime.now(UTC) - timedelta(days=7))
    assert (counted.listed, counted.missing, counted.error) == (3, 3, "")
    assert (await stand.balance(mailbox_id))["listed"] == 0
    assert await stand.house.rows("select from mailbox_checks where tenant_id = $1") == []


async def test_the_schedule_has_every_mailbox_compared_once_a_day_and_closes_the_hours(
    stand: Stand, dovecot: Dovecot
) -> None:
    house = stand.house
    mailbox_id, deliver = await connected(stand, "gmail", dovecot)
    deliver(1)

    async def look_after() -> int:
        run = await house.client.start_workflow(
            names.UPKEEP, id=f"upkeep/{mailbox_id}", task_queue=names.MAIL_QUEUE, result_type=int
        )
        return await run.result()

    assert await look_after() == 1, "the house's own mailbox was made just now"
    (email,) = await house.settled(1)
    assert email["mailbox_id"] == mailbox_id

    async def checked() -> bool:
        return bool(await house.rows("select from mailbox_checks where tenant_id = $1 and error = ''"))

    await house.until(checked, "a check of the mailbox")
    assert await look_after() == 0, "it was compared just now"
    async with house.db.tenant(house.tenant_id) as session:
        check = await mailbox_jobs.check(session, house.tenant_id, mailbox_id)
        hours = await mail_hours.since(session, house.tenant_id, datetime.now(UTC) - timedelta(days=1), mailbox_id)
    assert (check["missing_total"], check["repaired_total"], check["checks_total"]) == (1, 1, 1)
    assert [hour["tickets"] for hour in hours] == [1]


async def test_the_worker_makes_the_schedule_and_leaves_one_that_is_there_as_an_operator_set_it(stand: Stand) -> None:
    schedule = stand.house.client.get_schedule_handle(names.UPKEEP_ID)
    await entities.schedule_upkeep(stand.house.runs)
    try:
        await schedule.pause(note="maintenance")
        await entities.schedule_upkeep(stand.house.runs)
        assert (await schedule.describe()).schedule.state.paused
    finally:
        await schedule.delete()


async def test_a_job_that_was_asked_for_writes_down_what_it_finds(stand: Stand) -> None:
    house = stand.house
    mailbox_id = await stand.gmail(GMAIL, start=False, pushed=False)
    async with house.db.tenant(house.tenant_id) as session:
        job_id = await mailbox_jobs.create(session, house.tenant_id, mailbox_id, "diagnose", "ann@example.com")
    await house.runs.start_job(
        MailboxJob(tenant_id=house.tenant_id, job_id=job_id, mailbox_id=mailbox_id, provider="gmail", kind="diagnose")
    )

    async def over() -> bool:
        rows = await house.rows("select state from mailbox_jobs where tenant_id = $1 and job_id = $2", job_id)
        return bool(rows[0]["state"] != "running")

    await house.until(over, "a finished job")
    async with house.db.tenant(house.tenant_id) as session:
        job = await mailbox_jobs.get(session, house.tenant_id, job_id)
    assert job["state"] == "done"
    assert [step["name"] for step in job["steps"]] == ["names", "TLS", "access", "folders", "notifications"]
    assert job["result"] == {"works": True}


async def test_the_command_reports_each_mailbox_and_says_by_its_status_whether_all_is_sound(
    stand: Stand, dovecot: Dovecot, shell: Shell
) -> None:
    mailbox_id, deliver = await connected(stand, "microsoft", dovecot)
    deliver(1)
    status, output = await shell.postroom("reconcile", "--mailbox", GRAPH)
    assert status == 1, output
    assert "FAILED  help@example.net: 1 at the source, 0 done, 0 open, 1 missing, 0 stuck" in output
    assert "        missing: " in output
    assert "postroom reconcile --repair" in output
    status, output = await shell.postroom("reconcile", "--mailbox", GRAPH, "--repair", "--json")
    assert status == 0, output
    report = json.loads(output)
    assert (report["mailbox_id"], report["missing"], report["repaired"]) == (str(mailbox_id), 1, 1)
    await stand.house.settled(1)
    asked = await stand.house.rows(
        "select object, detail from audit where tenant_id = $1 and action = 'examine_mailbox'"
    )
    assert [(row["object"], row["detail"]["repair"]) for row in asked] == [(f"mailbox/{mailbox_id}", True)]
    status, output = await shell.postroom("reconcile")
    assert status == 0, output
    assert len(output.splitlines()) == 2


async def test_sources_that_were_not_used_for_long_are_let_go(
    stand: Stand, sources: Sources, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.sources.KEPT_OPEN", 2)
    tenant_id = stand.house.tenant_id
    imap, _ = await connected(stand, "imap", dovecot)
    others = [await stand.gmail(f"{name}@example.org", start=False, pushed=False) for name in ("a", "b")]
    first, a = await sources.get(tenant_id, imap), await sources.get(tenant_id, others[0])
    assert await sources.get(tenant_id, imap) is first
    await sources.get(tenant_id, others[1])
    assert await sources.get(tenant_id, imap) is first
    assert await sources.get(tenant_id, others[0]) is not a


def test_what_was_repaired_is_sound_and_what_could_not_be_read_is_not() -> None:
    assert Comparison(missing=2, stuck=1, repaired=3).sound
    assert not Comparison(missing=2, repaired=1).sound
    assert not Comparison(error="refused").sound
