"""Gmail, from a message in the account to its ticket."""

from __future__ import annotations

import asyncio

from tests.integration.push.stand import SOON, Stand
from tests.letters import letter

ADDRESS = "help@example.org"


def mail(number: int = 1, **more: str) -> bytes:
    return letter(
        "alice@example.com", f"Question {number}", message_id=f"q{number}@example.com", to=ADDRESS, **more
    ).as_bytes()


async def test_a_message_becomes_a_ticket_because_gmail_pushed(stand: Stand) -> None:
    mailbox_id = await stand.gmail(ADDRESS)
    await stand.status(mailbox_id, "connected: notified")
    stand.google.account(ADDRESS).deliver(mail())
    (email,) = await stand.house.settled(1)
    assert email["outcome"] == "ticket"
    assert email["message_key"] == "q1@example.com"
    assert email["history"] is False
    (ticket,) = await stand.house.tickets()
    assert ticket["subject"] == "Question 1"
