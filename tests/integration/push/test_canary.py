"""The delivery canary: a mail to oneself that makes no ticket, and is missed when it does not come."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain import canary as domain_canary
from providers.gmail.auth import SEND_SCOPE
from storage import canary
from storage.canary import CanaryView
from tests.integration.push.stand import SOON, Stand
from tests.letters import letter

GMAIL, GRAPH = "help@example.org", "help@example.net"


async def view(stand: Stand, mailbox_id: UUID) -> CanaryView:
    async with stand.house.db.tenant(stand.house.tenant_id) as session:
        return await canary.view(session, stand.house.tenant_id, mailbox_id)


async def sent_earlier(stand: Stand, by: timedelta) -> None:
    """Every canary so far was sent that much earlier."""
    async with stand.house.db.tenant(stand.house.tenant_id) as session:
        await session.execute("update mailbox_canaries set sent_at = sent_at - $1::interval", by)


@pytest.mark.parametrize("provider", ["gmail", "microsoft"])
async def test_a_canary_arrives_without_a_ticket_and_tells_how_long_mail_takes(stand: Stand, provider: str) -> None:
    stand.google.oauth.delegated_scopes.add(SEND_SCOPE)
    stand.graph.login.may_send = True
    connect: Any = getattr(stand, provider)
    box = await connect(GMAIL if provider == "gmail" else GRAPH, canary_minutes=5)
    (email,) = await stand.house.settled(1)
    assert (email["outcome"], email["reason"]) == ("discarded", "canary")
    assert await stand.house.tickets() == []
    seen = await view(stand, box)
    assert seen.latency is not None
    assert timedelta(0) < seen.latency < timedelta(minutes=1)
    assert seen.trouble is None


async def test_it_is_sent_again_only_when_it_is_due(stand: Stand) -> None:
    stand.google.oauth.delegated_scopes.add(SEND_SCOPE)
    box = await stand.gmail(GMAIL, canary_minutes=10, reconcile=SOON)
    await stand.house.settled(1)
    asked = stand.google.faults.count("/history")
    while stand.google.faults.count("/history") < asked + 3:
        await stand.house.settled(1)
    assert stand.google.faults.count("messages/send") == 1
    await sent_earlier(stand, timedelta(minutes=11))
    await stand.house.settled(2)
    assert stand.google.faults.count("messages/send") == 2
    await stand.status(box, "connected: notified")


async def test_without_the_right_to_send_the_status_says_so_and_mail_is_read_on(stand: Stand) -> None:
    box = await stand.microsoft(GRAPH, canary_minutes=5, reconcile=SOON)
    assert "could not be sent" in await stand.status(box, "unhealthy: ")
    stand.graph.mailbox(GRAPH).deliver(letter("alice@example.com").as_bytes())
    (email,) = await stand.house.settled(1)
    assert email["outcome"] == "ticket"


async def test_one_that_does_not_come_back_makes_the_mailbox_unhealthy_until_the_next_does(stand: Stand) -> None:
    stand.google.oauth.delegated_scopes.add(SEND_SCOPE)
    stand.google.faults.answer("messages/send", 200, {"id": "18f0000000000000"})
    box = await stand.gmail(GMAIL, canary_minutes=30, reconcile=SOON)
    while (await view(stand, box)).sent_at is None:
        await stand.house.settled(0)
    assert (await view(stand, box)).trouble is None
    await sent_earlier(stand, timedelta(minutes=20))
    assert "run `postroom mailbox test`" in await stand.status(box, "unhealthy: mail does not arrive")
    await sent_earlier(stand, timedelta(minutes=20))
    await stand.status(box, "connected: notified")


async def test_a_subject_that_somebody_saw_marks_no_mail_of_theirs_in_another_mailbox(stand: Stand) -> None:
    house = stand.house
    keys = house.keyring.derive("reply-token")
    box = await stand.gmail(GMAIL)
    await stand.status(box, "connected: notified")
    made = domain_canary.mail(
        keys, house.tenant_id, house.mailbox_id, box, "x@example.com", (await stand.row(box))["created_at"]
    )
    stand.google.account(GMAIL).deliver(letter("mallory@example.com", str(made["Subject"])).as_bytes())
    (email,) = await house.settled(1)
    assert email["outcome"] == "ticket"
