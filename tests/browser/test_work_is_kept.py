"""What somebody writes or chooses on a page stays theirs until they send it, and sending it undoes nobody's work."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Dialog, expect

from tests.browser.conftest import Desk
from tests.browser.test_console import ask
from tests.browser.test_every_page import RULES
from tests.letters import letter
from workers import admin


async def test_choosing_a_property_sends_nothing_and_leaves_the_note(desk: Desk) -> None:
    await desk.site.receive(letter("alice@example.com", "Printer"))
    page = await (await desk.signed_in()).new_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    await page.goto("/tickets/1")
    note = page.get_by_label("Note for colleagues")
    await note.fill("Half a thought")
    # Arrow keys go through what lies between, one at a time.
    await page.get_by_label("Status").focus()
    for value in ("pending", "closed"):
        await page.keyboard.press("ArrowDown")
        await expect(page.get_by_label("Status")).to_have_value(value)
    await expect(note).to_have_value("Half a thought")
    assert sent == []
    # Leaving with a note that is not sent yet takes a second word.
    asked: list[str] = []

    async def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await (dialog.dismiss() if len(asked) == 1 else dialog.accept())

    page.on("dialog", stay)
    save = page.get_by_role("button", name="Save")
    await save.click()
    await expect(note).to_have_value("Half a thought")
    assert asked == ["beforeunload"]
    await save.click()
    await expect(page.locator(".eyebrow .chip")).to_have_text("closed")


async def test_a_note_that_is_sent_asks_nothing(desk: Desk) -> None:
    await desk.site.receive(letter("alice@example.com", "Printer"))
    page = await (await desk.signed_in()).new_page()
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.type))
    await page.goto("/tickets/1")
    await page.get_by_label("Note for colleagues").fill("A whole thought")
    await page.get_by_role("button", name="Add note").click()
    await expect(page.locator(".comment.internal")).to_contain_text("A whole thought")
    assert asked == []


async def test_arrow_keys_give_a_task_to_nobody_on_their_way(desk: Desk) -> None:
    task = await ask(desk.site)
    await desk.signed_in("admin")
    page = await (await desk.signed_in()).new_page()
    await page.goto(f"/tasks/{task['task_id']}")
    choice = page.get_by_label("With", exact=True)
    await choice.focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    assert (await desk.site.row("select assignee_id from tasks where tenant_id = $1"))[0] is None
    # Nor does news take the choice back before it is sent.
    await page.keyboard.press("Tab")
    async with desk.site.db.tenant(desk.site.tenant.tenant_id) as session:
        admins = "(select user_id from users where email = 'admin@postroom.test')"
        await session.execute(f"update tasks set assignee_id = {admins}")
    await expect(page.locator("a.task .face")).to_be_visible()
    await page.get_by_role("button", name="Give it to them").click()
    await expect(page.locator("#task-hands").get_by_role("button", name="Let go")).to_be_visible()


async def test_arrow_keys_search_only_when_told_to(desk: Desk) -> None:
    await desk.site.receive(letter("alice@example.com", "Printer"))
    page = await (await desk.signed_in()).new_page()
    await page.goto("/tickets")
    await page.get_by_label("Status").focus()
    for _ in range(3):
        await page.keyboard.press("ArrowDown")
    await expect(page.get_by_label("Status")).to_have_value("closed")
    assert "status" not in page.url
    await page.get_by_role("button", name="Search").click()
    await page.wait_for_url("**status=closed**")


@pytest.mark.parametrize("javascript", [True, False], ids=["with a script", "without"])
async def test_a_note_outlives_its_session(desk: Desk, javascript: bool) -> None:
    await desk.site.receive(letter("alice@example.com", "Printer"))
    # Without transitions: axe would measure a colour on its way to the other theme.
    page = await (await desk.signed_in(java_script_enabled=javascript, reduced_motion="reduce")).new_page()
    await page.goto("/tickets/1")
    await page.get_by_label("Note for colleagues").fill("A whole thought")
    async with desk.site.db.tenant(desk.site.tenant.tenant_id) as session:
        await session.execute("delete from sessions")
    await page.get_by_role("button", name="Add note").click()
    await expect(page.get_by_role("alert")).to_contain_text("Nothing was changed")
    await expect(page.get_by_label("Note")).to_have_value("A whole thought")
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        if javascript:
            found = await Axe().run(page, options=RULES)
            assert [(fault["id"], fault["nodes"][0]["target"]) for fault in found.response["violations"]] == []
    async with page.expect_popup() as opened:
        await page.get_by_role("link", name="Sign in").click()
    tab = await opened.value
    await expect(tab.get_by_label("Password")).to_be_visible()
    # The link of an admin, in the same browser, leads on to the ticket.
    site = desk.site
    await tab.goto(await admin.create_login_link(site.db, site.tenant.tenant_id, "agent@postroom.test", site.url))
    await tab.get_by_role("button", name="Sign in").click()
    await expect(tab.get_by_role("heading", level=1)).to_have_text("Printer")
    await expect(page.get_by_label("Note")).to_have_value("A whole thought")
