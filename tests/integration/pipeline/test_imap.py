"""Mail over IMAP, from a real Dovecot through listener, ledger, fetch and workflow to its ticket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import pytest_asyncio
from temporalio.worker import Worker

from activities.listen import Listen
from activities.watching import Watching
from domain.identity import listener_workflow_id, shard_of
from tests.house import House
from tests.letters import letter
from tests.simulators.dovecot import PASSWORD, Dovecot, dovecot
from workers import admin
from workflows import names

__all__ = ["dovecot"]

SHARDS = 4


def _listener(house: House) -> Worker:
    """What `postroom listener` runs."""
    listen = Listen(
        Watching(house.db, house.objects, house.keyring, house.runs, shards=SHARDS, allow_private_hosts=True)
    )
    return Worker(house.client, task_queue=names.LISTENER_QUEUE, activities=[listen.listen])


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    return request.node.name.replace("[", "-").rstrip("]").lower() + "@example.com"


@pytest_asyncio.fixture
async def mailbox(house: House, dovecot: Dovecot, user: str) -> AsyncIterator[UUID]:
    """An IMAP mailbox of the house that a listener watches."""
    settings = dovecot.settings(user).model_dump(mode="json")
    mailbox_id = await admin.add_imap_mailbox(house.db, house.keyring, house.tenant_id, user, settings, PASSWORD)
    shard = shard_of(mailbox_id, SHARDS)
    run = await house.client.start_workflow(
        names.LISTENER, shard, id=f"{listener_workflow_id(shard)}/{mailbox_id}", task_queue=names.MAIL_QUEUE
    )
    yield mailbox_id
    await run.terminate()


async def _idle(house: House, mailbox_id: UUID) -> None:
    async def check() -> bool:
        (row,) = await house.rows("select status from mailboxes where tenant_id = $1 and mailbox_id = $2", mailbox_id)
        return bool(row["status"].startswith("idle"))

    await house.until(check, "idle IMAP mailbox")


@pytest.mark.parametrize(("size", "fetched"), [(5, False), (100_000, True)])
async def test_a_delivered_mail_becomes_a_ticket_with_its_attachment(
    house: House, mailbox: UUID, dovecot: Dovecot, user: str, size: int, fetched: bool
) -> None:
    """A small one was read by the listener; a worker fetches the large one."""
    async with _listener(house):
        await _idle(house, mailbox)
        mail = letter("alice@example.com", "Over IMAP", attachments=[("a.bin", bytes(size))])
        dovecot.deliver(user, mail.as_bytes())
        (email,) = await house.settled(1)
    assert (email["outcome"], email["mailbox_id"]) == ("ticket", mailbox)
    (attachment,) = await house.rows("select * from attachments where tenant_id = $1")
    assert (attachment["filename"], attachment["size"], attachment["state"]) == ("a.bin", size, "stored")
    events = (await house.client.get_workflow_handle(email["workflow_id"]).fetch_history()).events
    steps = {event.activity_task_scheduled_event_attributes.activity_type.name for event in events}
    assert ("fetch_message" in steps) == fetched


async def test_mail_that_arrives_while_no_listener_runs_is_taken_by_the_next(
    house: House, mailbox: UUID, dovecot: Dovecot, user: str
) -> None:
    async with _listener(house):
        await _idle(house, mailbox)
        dovecot.deliver(user, letter("alice@example.com", "First").as_bytes())
        await house.settled(1)
    for number in range(5):
        dovecot.deliver(user, letter("alice@example.com", f"Unheard {number}").as_bytes())
    async with _listener(house):
        await house.settled(6)
    assert len(await house.tickets()) == 6


async def test_a_reply_over_imap_joins_the_ticket_of_a_mail_by_smtp(
    house: House, mailbox: UUID, dovecot: Dovecot, user: str
) -> None:
    await house.send(letter("alice@example.com", "By SMTP", message_id="smtp@example.com"))
    await house.settled(1)
    async with _listener(house):
        await _idle(house, mailbox)
        dovecot.deliver(user, letter("alice@example.com", "Re: By SMTP", in_reply_to="smtp@example.com").as_bytes())
        await house.settled(2)
    assert len(await house.tickets()) == 1


async def test_the_same_message_in_two_mailboxes_is_one_ticket(
    house: House, mailbox: UUID, dovecot: Dovecot, user: str
) -> None:
    mail = letter("alice@example.com", "To both", to=f"support@postroom.test, {user}").as_bytes()
    async with _listener(house):
        await _idle(house, mailbox)
        await house.send(mail)
        dovecot.deliver(user, mail)
        emails = await house.settled(2)
    assert sorted(e["outcome"] for e in emails) == ["duplicate", "ticket"]
    assert len({e["ticket_id"] for e in emails}) == len(await house.tickets()) == 1
