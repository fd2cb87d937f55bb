"""A storm of automated mail, all at once: one question, and its answer holds for the whole storm."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from domain.policy import LoopLimits, TenantPolicy
from domain.task import TaskResolution
from storage import loops, policies
from tests.house import House
from tests.letters import letter

STORM = 20
ALLOWED = 4


def _alerts() -> list[EmailMessage]:
    mails = [letter("robot@example.org", f"Alert {n}") for n in range(STORM)]
    for mail in mails:
        mail["Auto-Submitted"] = "auto-generated"
    return mails


@pytest.mark.parametrize("choice", ["release:loop", "discard"])
async def test_a_storm_asks_once_and_follows_the_answer(house: House, choice: str) -> None:
    async with house.db.tenant(house.tenant_id) as session:
        policy = TenantPolicy(loops=LoopLimits(pair=ALLOWED))
        await policies.set_tenant(session, house.tenant_id, policy, actor="test")
    await house.send(*_alerts())
    task = await house.task()

    async def stands_still() -> bool:
        emails = await house.emails()
        waiting = [e for e in emails if e["waits_for"] == task["email_id"]]
        return len(waiting) + sum(e["state"] in ("done", "waiting") for e in emails) == STORM

    await house.until(stands_still, "storm that waits behind its alert")
    (task,) = await house.open_tasks()
    assert task["kind"] == "release_message"
    before = len(await house.tickets())
    assert before >= ALLOWED

    await house.runs.resolve_task(task["workflow_id"], TaskResolution(choice=choice, by="test"))
    emails = await house.settled(STORM)
    assert not await house.open_tasks()
    async with house.db.tenant(house.tenant_id) as session:
        (circuit,) = await loops.circuits(session, house.tenant_id)
    if choice == "discard":
        assert circuit["state"] == "open"
        assert sorted({(e["outcome"], e["reason"]) for e in emails}) == [
            ("discarded", "release_message"),
            ("excluded", "loop"),
            ("ticket", ""),
        ]
        assert len(await house.tickets()) == before
    else:
        assert (circuit["state"], circuit["closed_by"]) == ("closed", "released")
        assert {e["outcome"] for e in emails} == {"ticket"}
