"""One address in several tenants: over SMTP it is one mailbox's in the whole installation, else each tenant's own."""

from __future__ import annotations

import asyncio

import pytest

from domain.inbound import Provider
from storage import mailbox_admin, mailboxes, people
from storage.database import Database
from storage.mailboxes import AddressInUse
from tests.integration.storage.tenants import Tenant, tenant

ADDRESS = "help@example.org"


async def add(db: Database, to: Tenant, provider: Provider = "smtp", address: str = ADDRESS) -> people.AddedMailbox:
    async with db.tenant(to.tenant_id) as session:
        return await people.add_mailbox(session, to.tenant_id, address, provider)


async def registered_before_it_was_refused(db: Database, to: Tenant) -> people.AddedMailbox:
    """A second SMTP mailbox with the address, as earlier versions let it in."""
    added = await add(db, to, "raw")
    async with db.tenant(to.tenant_id) as session:
        await session.execute("update mailboxes set provider = 'smtp' where mailbox_id = $1", added.mailbox_id)
    return added


async def test_a_second_smtp_mailbox_with_the_address_is_refused_until_the_first_is_removed(db: Database) -> None:
    alpha, beta = await tenant(db, "alpha"), await tenant(db, "beta")
    first = await add(db, alpha)
    assert await add(db, alpha) == people.AddedMailbox(first.mailbox_id, "smtp", created=False)
    with pytest.raises(AddressInUse):
        await add(db, beta, address="Help@Example.org")
    async with db.tenant(beta.tenant_id) as session:
        assert [row["address"] for row in await people.mailbox_names(session, beta.tenant_id)] == [
            "support@beta.example"
        ]
    async with db.tenant(alpha.tenant_id) as session:
        await mailbox_admin.remove(session, alpha.tenant_id, first.mailbox_id, actor="ann@example.com")
    second = await add(db, beta)
    located = await mailboxes.locate_smtp(db, ADDRESS)
    assert located is not None
    assert located.mailbox_id == second.mailbox_id
    with pytest.raises(AddressInUse):
        await add(db, alpha)


async def test_of_many_at_the_same_time_one_gets_the_address(db: Database) -> None:
    tenants = [await tenant(db, f"t{n}") for n in range(6)]
    added = await asyncio.gather(*(add(db, t) for t in tenants), return_exceptions=True)
    assert [type(result) for result in added].count(people.AddedMailbox) == 1
    assert [type(result) for result in added].count(AddressInUse) == 5


async def test_where_two_have_it_from_before_the_first_receives_and_both_stay_as_they_are(db: Database) -> None:
    alpha, beta = await tenant(db, "alpha"), await tenant(db, "beta")
    first = await add(db, alpha)
    second = await registered_before_it_was_refused(db, beta)
    for _ in range(2):
        located = await mailboxes.locate_smtp(db, ADDRESS)
        assert located is not None
        assert located.mailbox_id == first.mailbox_id
    assert not (await add(db, beta)).created
    async with db.tenant(alpha.tenant_id) as session:
        await mailbox_admin.remove(session, alpha.tenant_id, first.mailbox_id, actor="ann@example.com")
    located = await mailboxes.locate_smtp(db, ADDRESS)
    assert located is not None
    assert located.mailbox_id == second.mailbox_id


@pytest.mark.parametrize("provider", ["gmail", "microsoft", "imap", "raw"])
async def test_elsewhere_it_may_belong_to_several_tenants_once_to_each(db: Database, provider: Provider) -> None:
    tenants = [await tenant(db, name) for name in ("alpha", "beta", "gamma")]
    receives = await add(db, tenants[0])
    added = [await add(db, t, provider) for t in tenants[1:]]
    assert [a.created for a in added] == [True, True]
    assert not (await add(db, tenants[1], provider)).created
    assert {found.mailbox_id for found in await mailboxes.locate_address(db, ADDRESS)} == {
        a.mailbox_id for a in (receives, *added)
    }
    located = await mailboxes.locate_smtp(db, ADDRESS)
    assert located is not None
    assert located.mailbox_id == receives.mailbox_id
