"""A first client and its people are added by a person: with and without JavaScript."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Desk
from tests.letters import letter


@pytest.mark.parametrize("javascript", [True, False], ids=["with a script", "without"])
async def test_a_client_is_added_and_its_mail_is_known(desk: Desk, javascript: bool) -> None:
    page = await (await desk.signed_in("admin", java_script_enabled=javascript)).new_page()
    await page.goto("/senders")
    await page.get_by_role("navigation", name="About senders").get_by_role("link", name="Clients").click()
    await page.get_by_role("link", name="Add a client").click()
    await page.get_by_label("Name", exact=True).fill("North")
    await page.get_by_label("Domains, one a line").fill("north.example\ngmail.com")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("anybody can have an address at gmail.com")
    await page.get_by_label("Domains, one a line").fill("north.example")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("link", name="North")).to_be_visible()

    await page.get_by_role("navigation", name="About senders").get_by_role("link", name="Contacts").click()
    await page.get_by_role("link", name="Add a contact").click()
    await page.get_by_label("Address", exact=True).fill("ann@home.example")
    await page.get_by_label("Client").fill("North")
    await page.get_by_label("Further addresses, one a line").fill("ann@work.example")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("cell", name="ann@work.example")).to_be_visible()

    for sender in ("ben@north.example", "ann@work.example"):
        email = await desk.site.receive(letter(sender))
        row = await desk.site.row(
            """select c.name from tickets t join clients c using (tenant_id, client_id)
                where t.tenant_id = $1 and t.ticket_id = $2""",
            email["ticket_id"],
        )
        assert row["name"] == "North"
