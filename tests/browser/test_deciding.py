"""Rules and what is put right on a ticket, as a person does it: with and without JavaScript."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Desk
from tests.letters import letter


@pytest.mark.parametrize("javascript", [True, False], ids=["with a script", "without"])
async def test_a_rule_is_written_tried_out_and_acts(desk: Desk, javascript: bool) -> None:
    page = await (await desk.signed_in("admin", java_script_enabled=javascript)).new_page()
    await page.goto("/")
    await page.get_by_role("link", name="Rules").click()
    await page.get_by_role("link", name="New rule").click()
    await page.get_by_label("Name", exact=True).fill("No newsletters")
    first = page.get_by_role("group", name="Group 1")
    await first.get_by_label("What is looked at").select_option("Sender's domain")
    await first.get_by_label("How it is compared").select_option("is one of")
    await first.get_by_label("Value, one a line").fill("news.example.org\nshop.example.org")
    await first.get_by_role("button", name="Add a condition").click()
    await first.get_by_label("Value, one a line").nth(1).fill("invoice")
    await first.get_by_label("not").nth(1).check()
    await page.get_by_label("makes no ticket, and is recorded").check()
    await page.get_by_role("button", name="Save rule").click()
    sentence = (
        "When Sender's domain is one of “news.example.org” or “shop.example.org” and not Subject contains “invoice”"
    )
    await expect(page.get_by_text(sentence)).to_be_visible()

    await page.get_by_role("navigation", name="About rules").get_by_role("link", name="Try out").click()
    await page.get_by_label("From").fill("Ann <ann@shop.example.org>")
    await page.get_by_label("Subject").fill("Buy now")
    await page.get_by_role("button", name="Try out").click()
    await expect(page.get_by_role("status")).to_contain_text("It would make no ticket: a rule says so")
    email = await desk.site.receive(letter("ann@shop.example.org", "Buy now"))
    assert (email["outcome"], email["reason"]) == ("excluded", "rule")


async def test_a_ticket_is_put_right(desk: Desk) -> None:
    first = letter("alice@example.com", "Printer", cc="Carol <carol@example.org>", message_id="p@example.com")
    await desk.site.receive(first)
    await desk.site.receive(letter("alice@example.com", "Another matter", in_reply_to="p@example.com"))
    page = await (await desk.signed_in()).new_page()
    await page.goto("/tickets/1")
    await page.get_by_role("button", name="Accept: carol@example.org").click()
    await expect(page.get_by_text("watching", exact=True)).to_be_visible()
    await page.get_by_text("Does not belong here").nth(1).click()
    await page.get_by_role("button", name="Make it a ticket of its own").click()
    await page.wait_for_url("**/tickets/2")
    await page.get_by_text("Merge into another ticket").click()
    page.once("dialog", lambda dialog: dialog.accept())
    await page.get_by_label("Number of the ticket to merge into").fill("1")
    await page.get_by_role("button", name="Merge", exact=True).click()
    await page.wait_for_url("**/tickets/1")
    page.once("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Undo the merge: #2").click()
    await page.wait_for_url("**/tickets/2")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Another matter")
