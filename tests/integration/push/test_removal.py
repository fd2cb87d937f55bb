"""A mailbox that is removed in the console: its notifications end at the source, and nothing holds the removal up."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from storage import mailbox_admin
from tests.integration.console.site import Person
from tests.integration.push.stand import Stand
from tests.integration.push.test_console_setup import person
from tests.integration.storage.tenants import tenant
from tests.letters import letter
from workflows import names

__all__ = ["person"]

GMAIL, GRAPH = "help@example.org", "help@example.net"


async def remove(stand: Stand, person: Person, mailbox_id: UUID, address: str) -> None:
    status, page = await person.post(f"/mailboxes/{mailbox_id}/remove", {"address": address})
    assert status == 200, page
    row = await stand.row(mailbox_id)
    assert (row["state"], row["sealed_secret"], row["settings"]) == ("removed", None, {})


async def over(stand: Stand) -> None:
    """Waits until the worker has done what it could, and has forgotten what it did it with."""

    async def forgotten() -> bool:
        return not await stand.house.rows("select from mailbox_jobs where tenant_id = $1")

    await stand.house.until(forgotten, "end of the work on the removed mailbox")


async def test_graphs_subscriptions_end_and_those_of_other_mailboxes_stay(stand: Stand, person: Person) -> None:
    removed = await stand.microsoft(GRAPH, folders=["inbox", "archive"])
    await stand.status(removed, "connected: notified")
    ended = set(stand.graph.subscriptions)
    other = await stand.microsoft("other@example.net")
    await stand.status(other, "connected: notified")
    await remove(stand, person, removed, GRAPH)
    await over(stand)
    assert len(stand.graph.subscriptions) == 1
    assert not ended & set(stand.graph.subscriptions)


@pytest.mark.parametrize("consent", [False, True], ids=["service account", "a user's consent"])
async def test_gmails_watch_ends(stand: Stand, person: Person, consent: bool) -> None:
    oauth = stand.google.oauth
    secret = {"kind": "user", "client_id": oauth.client_id, "client_secret": oauth.client_secret,
              "refresh_token": oauth.grant(GMAIL)}  # fmt: skip
    mailbox_id = await stand.gmail(GMAIL, secret=secret if consent else None)
    await stand.status(mailbox_id, "connected: notified")
    assert stand.google.account(GMAIL).watch_topic is not None
    oauth.forget_access_tokens()
    await remove(stand, person, mailbox_id, GMAIL)
    await over(stand)
    assert stand.google.account(GMAIL).watch_topic is None
    assert (await stand.row(mailbox_id))["sealed_secret"] is None


async def test_gmails_watch_stays_while_another_tenant_reads_the_account(stand: Stand, person: Person) -> None:
    other = await tenant(stand.house.db, "other")
    elsewhere = replace(stand, house=replace(stand.house, tenant_id=other.tenant_id))
    mailboxes = [await side.gmail(GMAIL) for side in (stand, elsewhere)]
    for side, mailbox_id in zip((stand, elsewhere), mailboxes, strict=True):
        await side.status(mailbox_id, "connected: notified")
    await remove(stand, person, mailboxes[0], GMAIL)
    await over(stand)
    assert stand.google.account(GMAIL).watch_topic is not None
    assert stand.google.faults.count("/stop") == 0


async def test_a_source_that_is_away_holds_nothing_up_and_is_asked_again(stand: Stand, person: Person) -> None:
    mailbox_id = await stand.microsoft(GRAPH)
    await stand.status(mailbox_id, "connected: notified")
    stand.graph.faults.answer("DELETE /v1.0/subscriptions", 503, times=2)
    await remove(stand, person, mailbox_id, GRAPH)
    await over(stand)
    assert stand.graph.subscriptions == {}
    assert stand.graph.faults.count("DELETE /v1.0/subscriptions") == 3


async def test_credentials_that_are_refused_end_the_attempt_and_are_forgotten(stand: Stand, person: Person) -> None:
    mailbox_id = await stand.microsoft(GRAPH)
    await stand.status(mailbox_id, "connected: notified")
    stand.graph.faults.answer("DELETE /v1.0/subscriptions", 403, times=None)
    await remove(stand, person, mailbox_id, GRAPH)
    await over(stand)
    assert len(stand.graph.subscriptions) == 1


async def test_what_no_worker_was_told_of_the_schedule_finds(stand: Stand) -> None:
    """The console died between its commit and the call that starts the work."""
    house = stand.house
    mailbox_id = await stand.microsoft(GRAPH)
    await stand.status(mailbox_id, "connected: notified")
    async with house.db.tenant(house.tenant_id) as session:
        await mailbox_admin.remove(session, house.tenant_id, mailbox_id, actor="ann@example.com")
    await house.runs.end_mailbox(mailbox_id)
    run = await house.client.start_workflow(names.UPKEEP, id=f"upkeep/{mailbox_id}", task_queue=names.MAIL_QUEUE)
    await run.result()
    await over(stand)
    assert stand.graph.subscriptions == {}


async def test_mail_that_was_listed_and_not_read_ends_as_gone(stand: Stand) -> None:
    house = stand.house
    mailbox_id = await stand.microsoft(GRAPH)
    await stand.status(mailbox_id, "connected: notified")
    stand.graph.faults.answer("/$value", 503, times=None)
    stand.graph.mailbox(GRAPH).deliver(letter("alice@example.com", "Never read").as_bytes())

    async def tried() -> bool:
        return bool(stand.graph.faults.count("/$value"))

    await house.until(tried, "a try to read it")
    async with house.db.tenant(house.tenant_id) as session:
        await mailbox_admin.remove(session, house.tenant_id, mailbox_id, actor="ann@example.com")
    await house.runs.end_mailbox(mailbox_id)
    (email,) = await house.settled(1)
    assert email["outcome"] == "gone"
    assert await house.open_tasks() == []
