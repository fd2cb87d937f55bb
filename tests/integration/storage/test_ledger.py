"""The ledger: one row a sighting, however often and by however many it is listed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from uuid import UUID

import pytest
import pytest_asyncio

from domain.identity import MAX_WORKFLOW_ID, sighting
from storage import commit, ledger
from storage.database import Database
from storage.ledger import ListedEmail, Sighting
from tests.integration.storage.tenants import Tenant, tenant


@pytest_asyncio.fixture
async def alpha(db: Database) -> Tenant:
    return await tenant(db, "alpha")


async def listed(db: Database, to: Tenant, *sightings: Sighting) -> list[ListedEmail]:
    async with db.tenant(to.tenant_id) as session:
        return await ledger.list_emails(session, to.tenant_id, to.mailbox_id, "imap", sightings)


async def rows(db: Database, of: Tenant) -> list[tuple[str, str]]:
    async with db.tenant(of.tenant_id) as session:
        found = await session.fetch("select locator, workflow_id from emails order by seq")
    return [(row["locator"], row["workflow_id"].removeprefix(f"inbound-email/{of.mailbox_id}/")) for row in found]


async def test_a_new_message_gets_a_row_and_the_workflow_id_of_its_message_id(db: Database, alpha: Tenant) -> None:
    (email,) = await listed(db, alpha, Sighting("INBOX/1/1", "<One@Example.COM>"))
    assert email.workflow_id == f"inbound-email/{alpha.mailbox_id}/One@example.com"
    assert email.message_key == "One@example.com"
    assert (email.email.stored, email.email.size) == (False, 0)


async def test_a_known_locator_is_not_listed_again_whatever_its_message_id_says(db: Database, alpha: Tenant) -> None:
    await listed(db, alpha, Sighting("INBOX/1/1", "<one@example.com>"))
    assert await listed(db, alpha, Sighting("INBOX/1/1", "<one@example.com>")) == []
    assert await listed(db, alpha, Sighting("INBOX/1/1", "<two@example.com>")) == []
    assert len(await rows(db, alpha)) == 1


async def test_another_sighting_of_the_same_message_id_gets_a_workflow_of_its_own(db: Database, alpha: Tenant) -> None:
    await listed(db, alpha, Sighting("INBOX/1/1", "<one@example.com>"))
    (second,) = await listed(db, alpha, Sighting("Archive/1/1", "<one@example.com>"))
    assert second.workflow_id.endswith(f"/one@example.com~{sighting('Archive/1/1')}")
    assert second.message_key == "one@example.com"


async def test_two_sightings_in_one_listing_are_told_apart(db: Database, alpha: Tenant) -> None:
    both = await listed(
        db, alpha, Sighting("INBOX/1/1", "<one@example.com>"), Sighting("INBOX/1/2", "<one@example.com>")
    )
    assert {email.workflow_id.partition("~")[2] for email in both} == {"", sighting("INBOX/1/2")}


async def test_one_mailboxs_message_ids_do_not_concern_another_mailbox(db: Database, alpha: Tenant) -> None:
    beta = await tenant(db, "beta")
    for to in (alpha, beta):
        (email,) = await listed(db, to, Sighting("INBOX/1/1", "<one@example.com>"))
        assert email.workflow_id == f"inbound-email/{to.mailbox_id}/one@example.com"


@pytest.mark.parametrize("message_id", [None, "", "<>", "two words@example.com", "<\u00e9@example.com>", "x" * 600])
async def test_without_a_usable_message_id_every_locator_is_a_message(
    db: Database, alpha: Tenant, message_id: str | None
) -> None:
    both = await listed(db, alpha, Sighting("INBOX/1/1", message_id), Sighting("INBOX/1/2", message_id))
    assert len({email.workflow_id for email in both}) == 2
    assert all(email.message_key.startswith("<locator-") for email in both)


async def test_a_message_id_that_looks_like_a_second_sighting_takes_nobodys_place(db: Database, alpha: Tenant) -> None:
    forged = f"one@example.com~{sighting('INBOX/1/2')}"
    emails = await listed(
        db,
        alpha,
        Sighting("INBOX/1/1", "<one@example.com>"),
        Sighting("INBOX/1/2", "<one@example.com>"),
        Sighting("INBOX/1/3", f"<{forged}>"),
    )
    assert len({email.workflow_id for email in emails}) == 3
    assert {email.message_key for email in emails} == {"one@example.com", forged}


async def test_a_message_id_as_long_as_may_be_still_fits_a_workflow_id(db: Database, alpha: Tenant) -> None:
    long = "a" * 490 + "@example.com"
    emails = await listed(db, alpha, Sighting("INBOX/1/1", f"<{long}>"), Sighting("INBOX/1/2", f"<{long}>"))
    assert len({email.workflow_id for email in emails}) == 2
    assert all(len(email.workflow_id) <= MAX_WORKFLOW_ID for email in emails)
    assert {email.message_key for email in emails} == {long}


async def test_fifty_listings_of_overlapping_batches_at_once_list_each_message_once(
    db: Database, alpha: Tenant
) -> None:
    chance = random.Random(7)  # every third message is a second sighting of another one's Message-ID
    everything = [Sighting(f"INBOX/1/{uid}", f"<m{uid - uid % 3 // 2}@example.com>") for uid in range(120)]

    async def one_listing(batch: Sequence[Sighting]) -> list[UUID]:
        return [row.email.email_id for row in await listed(db, alpha, *batch)]

    batches = [chance.sample(everything, 40) for _ in range(49)] + [everything]
    new = await asyncio.gather(*(one_listing(batch) for batch in batches))
    ids = [email_id for batch in new for email_id in batch]
    assert len(ids) == len(set(ids)) == 120
    assert len({locator for locator, _ in await rows(db, alpha)}) == 120
    assert len({workflow_id for _, workflow_id in await rows(db, alpha)}) == 120


async def test_a_listing_that_is_rolled_back_listed_nothing(db: Database, alpha: Tenant) -> None:
    async def list_and_fail() -> None:
        async with db.tenant(alpha.tenant_id) as session:
            sighting = Sighting("INBOX/1/1", "<one@example.com>")
            await ledger.list_emails(session, alpha.tenant_id, alpha.mailbox_id, "imap", [sighting])
            raise RuntimeError("the cursor could not be moved")

    with pytest.raises(RuntimeError):
        await list_and_fail()
    assert await rows(db, alpha) == []


# What was never started, and how the books stand -----------------------------------------------------------------


async def test_what_was_listed_and_never_started_is_found_oldest_first(db: Database, alpha: Tenant) -> None:
    emails = await listed(db, alpha, *(Sighting(f"INBOX/1/{n}", f"<m{n}@example.com>") for n in range(5)))
    async with db.tenant(alpha.tenant_id) as session:
        await ledger.mark_started(session, alpha.tenant_id, [emails[0].email.email_id, emails[3].email.email_id])
        waiting = await ledger.unstarted(session, alpha.tenant_id, alpha.mailbox_id, limit=2)
        everything = await ledger.unstarted(session, alpha.tenant_id, alpha.mailbox_id, limit=10)
    assert waiting == everything[:2]
    assert {row.workflow_id for row in everything} == {emails[n].workflow_id for n in (1, 2, 4)}


async def test_listed_is_done_plus_open_at_every_moment(db: Database, alpha: Tenant) -> None:
    async def balance() -> dict[str, int]:
        async with db.tenant(alpha.tenant_id) as session:
            return await ledger.balance(session, alpha.tenant_id, alpha.mailbox_id)

    assert await balance() == {"listed": 0, "done": 0, "open": 0}
    emails = await listed(db, alpha, *(Sighting(f"INBOX/1/{n}", f"<m{n}@example.com>") for n in range(4)))
    assert await balance() == {"listed": 4, "done": 0, "open": 4}
    for email, outcome in zip(emails, ("gone", "discarded", "discarded"), strict=False):
        async with db.tenant(alpha.tenant_id) as session:
            await commit.conclude(session, alpha.tenant_id, email.email.email_id, outcome, "because")
        now = await balance()
        assert now["listed"] == now["done"] + now["open"] == 4
    assert now == {"listed": 4, "done": 3, "open": 1, "gone": 1, "discarded": 2}


async def test_an_outcome_once_it_stands_stays(db: Database, alpha: Tenant) -> None:
    (email,) = await listed(db, alpha, Sighting("INBOX/1/1", "<one@example.com>"))
    async with db.tenant(alpha.tenant_id) as session:
        await commit.conclude(session, alpha.tenant_id, email.email.email_id, "gone", "gone_at_source")
        again = await commit.conclude(session, alpha.tenant_id, email.email.email_id, "discarded", "repair_message")
    assert (again.outcome, again.reason) == ("gone", "gone_at_source")
