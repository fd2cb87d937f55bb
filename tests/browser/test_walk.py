"""From an empty house to an answered question, in a browser, with Temporal, Postgres, workers and SMTP as they are."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator
from datetime import timedelta
from email.message import EmailMessage

import pytest_asyncio
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from console.application import make_application
from console.delivery import Delivery
from console.services import Services
from tests.house import House
from tests.letters import letter
from workers import admin

DESK = "desk@postroom.test"


@pytest_asyncio.fixture
async def console(house: House) -> AsyncIterator[str]:
    """The console of the house; answers go on at once."""
    services = Services(
        db=house.db,
        objects=house.objects,
        runs=house.runs,
        keyring=house.keyring,
        token_keys=house.keyring.derive("reply-token"),
        public_url="http://127.0.0.1",
        undo_for=timedelta(0),
    )
    server = TestServer(make_application(services, Delivery(services)), host="127.0.0.1")
    await server.start_server()
    yield str(server.make_url("")).rstrip("/")
    await server.close()


async def sign_in(house: House, browser: Browser, console: str, name: str) -> Page:
    page = await (await browser.new_context(base_url=console)).new_page()
    page.set_default_timeout(30_000)
    await admin.add_user(house.db, house.tenant_id, f"{name}@postroom.test", name.capitalize(), "admin")
    await page.goto(await admin.create_login_link(house.db, house.tenant_id, f"{name}@postroom.test", console))
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"{console}/")
    return page


async def send(house: House, mail: EmailMessage) -> None:
    def deliver() -> None:
        with smtplib.SMTP("127.0.0.1", house.smtp_port, timeout=60) as connection:
            connection.sendmail("someone@example.org", [DESK], mail.as_bytes())

    await asyncio.to_thread(deliver)


async def test_from_the_first_mailbox_to_the_answered_question(house: House, browser: Browser, console: str) -> None:
    ann = await sign_in(house, browser, console, "ann")
    await expect(ann.get_by_text("Nothing waits for you")).to_be_visible()

    # The first mailbox, and the first mail arriving in it.
    await ann.get_by_role("link", name="Mailboxes").first.click()
    await ann.get_by_role("link", name="Add a mailbox").click()
    await ann.get_by_label("Address").fill(DESK)
    await ann.get_by_label("SMTP inbox").check()
    await ann.get_by_role("button", name="Next").click()
    await ann.locator("section[aria-labelledby=start] button.primary").click()
    await send(house, letter("Alice <alice@example.com>", "The door is stuck", to=DESK))
    await expect(ann.locator("#arrivals")).to_contain_text("The door is stuck", timeout=60_000)

    # A mail that could be of two clients: a question, which appears by itself.
    for name in ("Bakery", "Books"):
        client_id = await admin.add_client(house.db, house.tenant_id, name)
        await admin.add_contact(house.db, house.tenant_id, "ines@example.org", "Ines", client_id)
    await ann.goto("/")
    await send(house, letter("Ines <ines@example.org>", "One report is missing", to=DESK))
    await expect(ann.locator("a.task")).to_contain_text("One report is missing", timeout=60_000)

    # Two people look at it; one answers by keyboard, the other is told who won.
    bob = await sign_in(house, browser, console, "bob")
    await bob.locator("a.task").click()
    await expect(bob.locator(".letter-subject")).to_have_text("One report is missing")
    bobs_answer = bob.get_by_role("button", name="Books")
    await ann.keyboard.press("j")  # nothing but this task: a key that leads nowhere does nothing
    await ann.locator("a.task").click()
    await expect(ann.locator(".letter-subject")).to_have_text("One report is missing")
    await bob.evaluate(
        "document.querySelectorAll('[data-live]').forEach((region) => region.removeAttribute('data-live'))"
    )
    await ann.keyboard.press("1")
    await expect(ann.locator(".toast")).to_contain_text("Answered “Bakery”")
    await bobs_answer.click()
    await expect(bob.get_by_role("alert")).to_contain_text("ann@postroom.test answered first: “Bakery”")

    # The same run has gone on: the mail is a ticket of that client.
    await house.settled(2)
    await ann.goto("/tickets")
    await ann.get_by_role("link", name="One report is missing").click()
    await expect(ann.get_by_role("heading", level=1)).to_have_text("One report is missing")
    await expect(ann.get_by_role("link", name="Bakery")).to_be_visible()
    for page in (ann, bob):
        await page.context.close()
