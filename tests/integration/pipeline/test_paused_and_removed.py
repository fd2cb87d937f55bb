"""A mailbox that is paused stays so, and one that is removed strands no mail that it had taken."""

from __future__ import annotations

from storage import mailbox_admin
from tests.house import House
from tests.letters import letter
from workflows import names


async def paused(house: House) -> None:
    await house.runs.change_mailbox(house.mailbox_id, "pause")
    await until(house, "state = 'paused'")


async def until(house: House, condition: str) -> None:
    async def met() -> bool:
        return bool(await house.rows(f"select from mailboxes where tenant_id = $1 and {condition}"))

    await house.until(met, condition)


async def test_mail_that_a_removed_mailbox_had_taken_becomes_a_ticket(house: House) -> None:
    await paused(house)
    await house.send(letter("alice@example.com", "Taken while paused"))
    async with house.db.tenant(house.tenant_id) as session:
        await mailbox_admin.remove(session, house.tenant_id, house.mailbox_id, actor="ann@example.com")
    await house.runs.end_mailbox(house.mailbox_id)
    upkeep = f"upkeep/{house.mailbox_id}"
    await (await house.client.start_workflow(names.UPKEEP, id=upkeep, task_queue=names.MAIL_QUEUE)).result()
    (email,) = await house.settled(1)
    assert email["outcome"] == "ticket"


async def test_new_credentials_do_not_wake_a_mailbox_that_an_operator_paused(house: House) -> None:
    await paused(house)
    (before,) = await house.rows("select revision from mailboxes where tenant_id = $1")
    await house.runs.change_mailbox(house.mailbox_id, "credentials_changed")
    await until(house, f"revision > {before['revision']}")
    (after,) = await house.rows("select state from mailboxes where tenant_id = $1")
    assert after["state"] == "paused"
