"""Outgoing events: signed, durable, in order for each ticket, retried, given up in the end, and without content."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from temporalio.testing import ActivityEnvironment

from activities.events import DeliverEvents
from domain.events import EVENT_KINDS, RETRY_AFTER, EndpointRef
from storage import events, mailboxes
from storage.database import Database
from tests.house import House, open_house, working_in
from tests.letters import letter
from tests.receiver import Receiver, open_receiver
from tests.temporal_server import TemporalServer


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as opened:
        yield opened


async def subscribe(house: House, receiver: Receiver, *kinds: str) -> EndpointRef:
    async with house.db.tenant(house.tenant_id) as session:
        endpoint_id, receiver.secret = await events.add_endpoint(
            session, house.keyring, house.tenant_id, receiver.url, kinds or EVENT_KINDS
        )
    return EndpointRef(tenant_id=house.tenant_id, endpoint_id=endpoint_id)


async def taken(house: House, receiver: Receiver, count: int) -> list[dict[str, object]]:
    async def check() -> bool:
        return len(receiver.taken) >= count

    await house.until(check, f"{count} events")
    return receiver.taken


async def bring_forward(house: House) -> None:
    """As if the time of every retry had come."""
    await house.rows("update event_deliveries set next_at = now() where tenant_id = $1 and state = 'pending'")


async def one_state(house: House) -> tuple[str, str]:
    row = (await house.rows("select state, last_error from event_deliveries where tenant_id = $1 order by seq"))[0]
    return row["state"], row["last_error"]


async def test_mail_is_announced_with_ids_and_without_content(house: House, receiver: Receiver) -> None:
    await subscribe(house, receiver)
    await house.send(letter("a@ids.example", "Plantedsubject", "Plantedbody").as_bytes())
    first, second = await taken(house, receiver, 2)
    (ticket,) = await house.tickets()
    assert (first["type"], second["type"]) == ("ticket.created", "comment.added")
    assert first["data"]["ticket_id"] == second["data"]["ticket_id"] == str(ticket["ticket_id"])  # type: ignore[index]
    assert first["data"]["number"] == ticket["number"]  # type: ignore[index]
    told = json.dumps(receiver.taken).lower()
    assert "planted" not in told
    assert "ids.example" not in told


async def test_events_of_a_ticket_wait_for_its_first_and_others_do_not(house: House, receiver: Receiver) -> None:
    receiver.answer = lambda event: web.Response(status=503 if event["data"].get("number") == 1 else 200)
    await subscribe(house, receiver, "ticket.created", "comment.added")
    await house.send(letter("a@ids.example", "First").as_bytes())
    await house.settled(1)
    await house.send(letter("b@ids.example", "Second").as_bytes())
    await taken(house, receiver, 2)
    assert [event["type"] for event in receiver.taken] == ["ticket.created", "comment.added"]
    assert receiver.taken[0]["data"]["number"] == 2
    assert await one_state(house) == ("pending", "503")

    receiver.answer = lambda event: web.Response()
    await bring_forward(house)
    await taken(house, receiver, 4)
    assert [event["type"] for event in receiver.taken[2:]] == ["ticket.created", "comment.added"]
    assert receiver.taken[2]["id"] == receiver.refused[0]["id"], "a repetition has the same webhook-id"


async def test_what_is_given_up_is_listed_and_can_be_sent_again(house: House, receiver: Receiver) -> None:
    receiver.answer = lambda event: web.Response(status=500)
    endpoint = await subscribe(house, receiver, "ticket.created")
    await house.send(letter("a@ids.example", "First").as_bytes())

    for attempt in range(1, len(RETRY_AFTER) + 2):

        async def refused(wanted: int = attempt) -> bool:
            rows = await house.rows("select attempts from event_deliveries where tenant_id = $1")
            return bool(rows) and rows[0]["attempts"] >= wanted

        await house.until(refused, f"attempt {attempt}")
        await bring_forward(house)
    assert await one_state(house) == ("dead", "500")

    receiver.answer = lambda event: web.Response()
    async with house.db.tenant(house.tenant_id) as session:
        (letter_,) = await events.dead_letters(session, house.tenant_id, endpoint.endpoint_id)
        assert letter_["kind"] == "ticket.created"
        assert await events.retry(session, house.tenant_id, endpoint.endpoint_id, letter_["seq"]) == 1
    await taken(house, receiver, 1)


async def test_endpoint_that_is_gone_is_paused_and_keeps_what_it_is_owed(house: House, receiver: Receiver) -> None:
    receiver.answer = lambda event: web.Response(status=410)
    endpoint = await subscribe(house, receiver, "ticket.created")
    await house.send(letter("a@ids.example", "First").as_bytes())

    async def paused() -> bool:
        async with house.db.tenant(house.tenant_id) as session:
            return (await events.endpoints(session, house.tenant_id))[0].state == "paused"

    await house.until(paused, "a paused endpoint")
    receiver.answer = lambda event: web.Response()
    async with house.db.tenant(house.tenant_id) as session:
        assert (await events.endpoints(session, house.tenant_id))[0].pending == 1
        await events.set_state(session, house.tenant_id, endpoint.endpoint_id, "active")
    await bring_forward(house)
    await taken(house, receiver, 1)


async def test_redirect_is_a_failure_and_is_not_followed(house: House, receiver: Receiver) -> None:
    receiver.answer = lambda event: web.Response(status=302, headers={"Location": receiver.url})
    await subscribe(house, receiver, "ticket.created")
    await house.send(letter("a@ids.example", "First").as_bytes())

    async def refused() -> bool:
        return bool(receiver.refused) and (await one_state(house))[1] != ""

    await house.until(refused, "a refused delivery")
    assert await one_state(house) == ("pending", "302")
    assert receiver.taken == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f000001"])
async def test_private_network_is_not_reached(
    db: Database, temporal: TemporalServer, tmp_path: Path, receiver: Receiver, host: str
) -> None:
    async with open_house(db, temporal.address, tmp_path, working=False) as house:
        receiver.url = receiver.url.replace("127.0.0.1", host)
        endpoint = await subscribe(house, receiver, "ticket.created")
        await house.rows("select emit_event($1, 'ticket.created', 'ticket/1', '{}')")
        deliver = DeliverEvents(house.db, house.keyring, allow_private_hosts=False)
        report = await ActivityEnvironment().run(deliver.deliver_events, endpoint)
        assert (report.delivered, report.failed) == (0, 1)
        assert (await one_state(house))[1] == "private network"
    assert receiver.taken == receiver.refused == []


async def test_event_of_a_time_without_workers_is_delivered_when_they_are_back(
    db: Database, temporal: TemporalServer, tmp_path: Path, receiver: Receiver
) -> None:
    async with open_house(db, temporal.address, tmp_path, working=False) as house:
        await subscribe(house, receiver, "mailbox.status")
        async with house.db.tenant(house.tenant_id) as session:
            await mailboxes.set_state(session, house.tenant_id, house.mailbox_id, "paused")
        async with working_in(house):
            (event,) = await taken(house, receiver, 1)
    assert event["data"]["state"] == "paused"  # type: ignore[index]


async def test_what_is_old_and_owed_to_nobody_is_forgotten(
    db: Database, temporal: TemporalServer, tmp_path: Path, receiver: Receiver
) -> None:
    async with open_house(db, temporal.address, tmp_path, working=False) as house:
        await house.rows("select emit_event($1, 'ticket.created', 'ticket/1', '{}')")
        await subscribe(house, receiver, "ticket.created")
        await house.rows("select emit_event($1, 'ticket.created', 'ticket/2', '{}')")
        await house.rows("update events set created_at = now() - interval '31 days' where tenant_id = $1")
        async with db.tenant(house.tenant_id) as session:
            await events.forget(session, house.tenant_id)
        assert [e["about"] for e in await house.rows("select about from events where tenant_id = $1")] == ["ticket/2"]
