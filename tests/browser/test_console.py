"""The console in a browser: without scripts, by keyboard alone, on a small screen, and live."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, expect

from tests.browser.conftest import Desk
from tests.integration.console.site import Site
from tests.letters import letter
from workers import admin


async def ask(site: Site) -> Any:
    """A mail whose sender belongs to two clients, and its task."""
    for name in ("Bakery", "Books"):
        client_id = await admin.add_client(site.db, site.tenant.tenant_id, name)
        await admin.add_contact(site.db, site.tenant.tenant_id, "ines@example.org", "Ines", client_id)
    await site.receive(letter("Ines <ines@example.org>", "One report is missing", "Which one is it?"))
    return await site.row("select * from tasks where tenant_id = $1")


async def test_a_task_is_answered_without_scripts(desk: Desk) -> None:
    await ask(desk.site)
    page = await (await desk.signed_in(java_script_enabled=False)).new_page()
    await page.goto("/")
    await page.get_by_role("link", name="One report is missing").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "The sender matches 2 clients. For which one is this mail?"
    )
    await page.get_by_label("Remember this").check()
    await page.get_by_role("button", name="Bakery").click()
    await expect(page.get_by_role("status")).to_contain_text("Answered “Bakery”")
    ((_, resolution),) = desk.site.temporal.delivered
    assert resolution.remember


@pytest.mark.parametrize("javascript", [True, False], ids=["with a script", "without"])
async def test_the_second_person_sees_who_was_first(desk: Desk, javascript: bool) -> None:
    """Who answers at the same moment is told, and no live update takes that away."""
    task = await ask(desk.site)
    first = await (await desk.signed_in("agent")).new_page()
    second = await (await desk.signed_in("admin", java_script_enabled=javascript)).new_page()
    # As if the news had not come yet: the answer would be gone from the page before the second click.
    await second.route("**/live", lambda route: route.fulfill(status=503))
    for page in (first, second):
        await page.goto(f"/tasks/{task['task_id']}")
    await first.get_by_role("button", name="Bakery").click()
    await expect(first.get_by_role("status").first).to_be_visible()
    await second.get_by_role("button", name="Books").click()
    lost = second.get_by_role("alert")
    await expect(lost).to_contain_text("agent@postroom.test answered first: “Bakery”. Your answer was not used.")
    await expect(second.get_by_role("button", name="Books")).to_have_count(0)
    if javascript:
        await second.unroute("**/live")
        await desk.site.receive(letter("Ines <ines@example.org>", "Another matter"))
        await expect(second.locator("a.task")).to_contain_text("Another matter", timeout=30_000)
        await expect(lost).to_be_visible()
    assert len(desk.site.temporal.delivered) == 1


async def test_the_keyboard_is_enough(desk: Desk) -> None:
    await ask(desk.site)
    page = await (await desk.signed_in()).new_page()
    await page.goto("/")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(page.locator("a.task")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/tasks/*")
    await page.get_by_role("button", name="None of them").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("“None of them”")


async def test_new_mail_appears_by_itself(desk: Desk) -> None:
    page = await (await desk.signed_in()).new_page()
    await page.goto("/")
    await expect(page.get_by_text("No mail yet")).to_be_visible()
    await desk.site.receive(letter("alice@example.com", "Hot off the wire"))
    await expect(page.get_by_text("Hot off the wire")).to_be_visible(timeout=15_000)


@pytest.mark.parametrize("javascript", [True, False], ids=["with a script", "without"])
async def test_an_imap_mailbox_is_set_up_with_oauth(desk: Desk, javascript: bool) -> None:
    page = await (await desk.signed_in("admin", java_script_enabled=javascript)).new_page()
    await page.goto("/mailboxes/new")
    await page.get_by_label("Mail address").fill("help@example.org")
    await page.get_by_label("IMAP").check()
    await page.get_by_role("button", name="Next").click()
    await page.get_by_role("link", name="Google").click()
    await expect(page.get_by_label("Server")).to_have_value("imap.gmail.com")
    await page.get_by_label("Application (client) id").fill("client")
    await page.get_by_label("Client secret").fill("secret")
    await page.get_by_role("button", name="Save and go on").click()
    await expect(page.get_by_role("button", name="Start reading")).to_be_visible()
    await page.get_by_role("button", name="Ask for consent").click()
    await expect(page.get_by_role("heading", name="Consent")).to_be_visible()
    assert [job.kind for job in desk.site.temporal.jobs] == ["consent"]


async def test_a_mail_is_two_clicks_from_home(desk: Desk) -> None:
    await desk.site.receive(letter("alice@example.com", "Printer", message_id="p@example.com"))
    page = await (await desk.signed_in()).new_page()
    await page.goto("/")
    await page.get_by_role("searchbox").fill("<p@example.com>")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("It became a ticket: #1 Printer")
    await page.get_by_role("link", name="#1 Printer").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Printer")


async def test_signing_out_leaves_nothing_behind_the_back_button(desk: Desk) -> None:
    await desk.site.receive(letter("alice@example.com", "Printer"))
    page = await (await desk.signed_in()).new_page()
    await page.goto("/tickets")
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/login")
    await page.go_back()
    await expect(page.get_by_text("Printer")).to_have_count(0)


async def test_what_is_locked_away_says_why_and_an_administrator_gets_it(desk: Desk) -> None:
    await desk.site.receive(letter("alice@example.com", "Tools", attachments=[("tool.exe", b"12345")]))
    async with desk.site.db.tenant(desk.site.tenant.tenant_id) as session:
        await session.execute("update attachments set state = 'infected', reason = 'Some.Virus'")
    for role in ("agent", "admin"):
        page = await (await desk.signed_in(role)).new_page()  # type: ignore[arg-type]
        await page.goto("/tickets/1")
        await page.get_by_role("link", name="tool.exe").click()
        await expect(page.get_by_role("alert")).to_contain_text("The virus scanner found something in it")
        found = await Axe().run(page)
        assert [fault["id"] for fault in found.response["violations"]] == []
        if role == "admin":
            async with page.expect_download() as download:
                await page.get_by_role("link", name="Download it all the same").click()
            assert (await download.value).suggested_filename == "tool.exe"
        else:
            await expect(page.get_by_role("link", name="Download it all the same")).to_have_count(0)
    # The whole mail is no way around it.
    page = await (await desk.signed_in("agent")).new_page()
    await page.goto("/tickets/1")
    await page.get_by_role("link", name="Download as .eml").click()
    await expect(page.get_by_role("alert")).to_contain_text("The virus scanner found something in it")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
async def test_every_page_fits_and_keeps_its_policy(desk: Desk, scheme: str, width: int) -> None:
    task = await ask(desk.site)
    mail = letter("A" * 80 + "@example.com", "W" * 200, "x" * 500, attachments=[("y" * 150 + ".bin", b"1")])
    email = await desk.site.receive(mail)
    context = await desk.signed_in(color_scheme=scheme, viewport={"width": width, "height": 800})
    faults = watch(context)
    page = await context.new_page()
    for path in (
        "/", "/tickets", "/tickets/1", f"/tasks/{task['task_id']}", "/find", "/find?q=nothing",
        f"/emails/{email['email_id']}", "/mailboxes", "/login", "/nowhere",
    ):  # fmt: skip
        await page.goto(path)
        await expect(page.get_by_role("heading", level=1)).to_have_count(1)
        wider = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, (path, wider)
    assert [fault for fault in faults if "404" not in fault] == []


def watch(context: BrowserContext) -> list[str]:
    """Collects what the console of the browser complains about, policy violations above all."""
    faults: list[str] = []
    context.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: faults.append(str(error.error)))
    return faults
