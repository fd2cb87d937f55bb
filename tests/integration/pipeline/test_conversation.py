"""One mail in, one outcome out: the walk of a message through the real house."""

from __future__ import annotations

from tests.house import House
from tests.letters import letter


async def test_a_new_mail_becomes_a_ticket(house: House) -> None:
    await house.send(letter("alice@example.com", "Printer on fire", "It burns.", message_id="one@example.com"))
    (email,) = await house.settled(1)
    (ticket,) = await house.tickets()
    assert (email["outcome"], email["ticket_id"]) == ("ticket", ticket["ticket_id"])
    assert (ticket["subject"], ticket["number"], ticket["queue"]) == ("Printer on fire", 1, "Support")
