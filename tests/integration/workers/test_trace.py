"""`postroom trace` in words."""

from __future__ import annotations

from storage import trace
from tests.house import House
from tests.letters import letter
from workers.trace_text import describe


async def test_it_says_what_became_of_a_mail_and_why(house: House) -> None:
    mail = letter("alice@example.com", "Printer on fire", message_id="fire@example.com").as_bytes()
    await house.send(mail, b"Received: from b.example\r\n" + mail)
    await house.settled(2)
    async with house.db.tenant(house.tenant_id) as session:
        rows = await trace.page(session, house.tenant_id, message_id="<fire@example.com>", before=None, limit=10)
        texts = [await describe(session, house.tenant_id, row, "http://console.test") for row in rows]
    first = next(text for text in texts if "It became a ticket: #1 Printer on fire" in text)
    assert "fire@example.com in support@postroom.test (smtp)" in first
    assert "matches no contact and no client" in first
    assert "Workflow: inbound-email/" in first
    assert any("second delivery" in text and "#1 Printer on fire" in text for text in texts)
