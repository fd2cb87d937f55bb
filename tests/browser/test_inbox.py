"""The task inbox by keyboard alone: answering, undoing, moving, taking; and what others do meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from mail.pool import ParserPool
from storage.database import Database
from tests.browser.conftest import Desk
from tests.integration.console.site import Site, open_site
from tests.letters import letter
from workers import admin

SUBJECTS = ("One report is missing", "A second matter", "A third one")


@pytest_asyncio.fixture
async def desk(db: Database, parser: ParserPool, browser: Browser, tmp_path: Path) -> AsyncIterator[Desk]:
    """Three questions wait; answers may be taken back for a minute."""
    async with open_site(db, parser, tmp_path / "objects", undo_for=timedelta(minutes=1)) as site:
        for name in ("Bakery", "Books"):
            client_id = await admin.add_client(db, site.tenant.tenant_id, name)
            await admin.add_contact(db, site.tenant.tenant_id, "ines@example.org", "Ines", client_id)
        for subject in SUBJECTS:
            await site.receive(letter("Ines <ines@example.org>", subject))
        opened = Desk(site, browser)
        yield opened
        for context in opened.contexts:
            await context.close()


async def home(desk: Desk, role: Any = "agent") -> Page:
    page = await (await desk.signed_in(role)).new_page()
    await page.goto("/")
    return page


async def states(site: Site) -> list[str]:
    async with site.db.tenant(site.tenant.tenant_id) as session:
        return [row["state"] for row in await session.fetch("select state from tasks order by created_at")]


async def test_one_key_answers_another_takes_it_back(desk: Desk) -> None:
    page = await home(desk)
    await page.keyboard.press("1")
    toast = page.locator(".toast")
    await expect(toast).to_contain_text("Answered “Bakery”")
    await expect(page.locator(".letter-subject")).to_have_text(SUBJECTS[1])
    assert await states(desk.site) == ["resolved", "open", "open"]
    await page.keyboard.press("z")
    await expect(page.get_by_role("status")).to_contain_text("Taken back")
    await expect(page.locator(".letter-subject")).to_have_text(SUBJECTS[0])
    assert await states(desk.site) == ["open", "open", "open"]
    assert desk.site.temporal.delivered == []


async def test_keys_move_take_and_explain(desk: Desk) -> None:
    page = await home(desk)
    for key, subject in (("j", SUBJECTS[1]), ("j", SUBJECTS[2]), ("k", SUBJECTS[1])):
        await page.keyboard.press(key)
        await expect(page.locator(".letter-subject")).to_have_text(subject)
    await page.keyboard.press("a")
    await expect(page.get_by_role("button", name="Let go")).to_be_visible()
    await expect(page.locator(".task[aria-current] .face")).to_have_text("A")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("Undo the last answer")
    await page.get_by_label("Single keys do this").uncheck()
    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await page.reload()
    assert await states(desk.site) == ["open", "open", "open"]


async def test_keys_are_letters_while_somebody_types(desk: Desk) -> None:
    page = await home(desk)
    await page.keyboard.press("/")
    await page.keyboard.type("1nd")
    await expect(page.get_by_role("searchbox")).to_have_value("1nd")
    assert await states(desk.site) == ["open", "open", "open"]


async def test_several_get_one_answer(desk: Desk) -> None:
    page = await home(desk)
    for subject in SUBJECTS[1:]:
        await page.get_by_label(f"Choose: {subject}").check()
    await page.get_by_label("One answer for all").select_option(label="Discard the message")
    await page.get_by_role("button", name="Answer them").click()
    await expect(page.locator(".toast")).to_contain_text("2 answered “Discard the message”")
    assert await states(desk.site) == ["open", "resolved", "resolved"]


async def test_what_another_does_is_seen_without_reloading(desk: Desk) -> None:
    first, second = await home(desk), await home(desk, "admin")
    await second.get_by_role("link", name=SUBJECTS[0]).click()
    await first.keyboard.press("a")
    await expect(second.locator(".task[aria-current] .face")).to_have_text("A", timeout=15_000)
    await first.get_by_role("button", name="Bakery").click()
    await expect(second.locator("#task-state")).to_contain_text("agent@postroom.test answered “Bakery”", timeout=15_000)
    await expect(second.get_by_role("button", name="Bakery")).to_have_count(0)
    await expect(second.locator("a.task")).to_have_count(2)
    await expect(second.locator("nav .count")).to_have_text("2")


async def test_what_changes_before_the_page_listens_is_not_missed(desk: Desk) -> None:
    first, second = await home(desk), await home(desk, "admin")
    changed = asyncio.Event()

    async def late(route: Route) -> None:
        await changed.wait()
        await route.continue_()

    await second.route("**/live", late, times=1)
    await second.reload()
    before = await first.evaluate("pulse.tasks")
    await first.keyboard.press("a")
    await first.wait_for_function("before => pulse.tasks !== before", arg=before)
    changed.set()
    await expect(second.locator(".task[aria-current] .face")).to_have_text("A", timeout=15_000)


async def test_what_changes_while_the_page_is_asked_for_anew_is_not_missed(desk: Desk) -> None:
    first, second = await home(desk), await home(desk, "admin")
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(route: Route) -> None:
        answer = await route.fetch()
        asked.set()
        await go_on.wait()
        await route.fulfill(response=answer)

    await second.route("**/tasks/*", slow, times=1)
    await first.keyboard.press("a")
    await asked.wait()
    heard = await second.evaluate("pulse.tasks")
    await first.get_by_role("button", name="Bakery").click()
    await second.wait_for_function("heard => pulse.tasks !== heard", arg=heard)
    go_on.set()
    await expect(second.locator("#task-state")).to_contain_text("agent@postroom.test answered “Bakery”", timeout=15_000)


async def test_at_home_the_question_stays_and_says_who_answered_it(desk: Desk) -> None:
    """Home shows the oldest question. The next one must not slip under the hand of somebody who is about to answer."""
    first, second = await home(desk), await home(desk, "admin")
    await first.keyboard.press("1")
    await expect(second.locator("#task-state")).to_contain_text("agent@postroom.test answered “Bakery”", timeout=15_000)
    await expect(second.locator(".letter-subject")).to_have_text(SUBJECTS[0])
    await expect(second.get_by_role("button", name="Bakery")).to_have_count(0)
    await second.keyboard.press("1")
    assert await states(desk.site) == ["resolved", "open", "open"]
    await first.keyboard.press("z")
    await expect(second.get_by_role("button", name="Bakery")).to_be_visible(timeout=15_000)


async def test_a_second_answer_of_ones_own_is_told_as_that(desk: Desk) -> None:
    page = await home(desk)
    other = await page.context.new_page()
    await other.route("**/live", lambda route: route.fulfill(status=503))
    await other.goto("/")
    await page.get_by_role("button", name="Bakery").click()
    await expect(page.locator(".toast")).to_be_visible()
    await other.get_by_role("button", name="Books").click()
    await expect(other.get_by_role("alert")).to_contain_text("You have answered this already: “Bakery”")


async def test_without_temporal_the_pages_say_of_when_they_are(desk: Desk) -> None:
    page = await home(desk)
    reach = desk.site.reach
    desk.site.temporal.state = "away"
    await reach.ask()
    await page.reload()
    await expect(page.get_by_text("Temporal cannot be reached")).to_be_visible()
    await expect(page.locator(".letter-subject")).to_have_text(SUBJECTS[0])
    desk.site.temporal.state = "up"
    await reach.ask()
    await expect(page.get_by_text("Temporal cannot be reached")).to_have_count(0, timeout=40_000)
