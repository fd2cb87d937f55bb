"""Light, dark, or as the system has it: chosen in the frame, with and without scripts, for this browser."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.browser.conftest import Desk
from tests.browser.test_console import ask
from tests.browser.test_every_page import RULES


async def is_dark(page: Page) -> bool:
    colour = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    return int(colour.removeprefix("rgb(").split(",")[0]) < 128


@pytest.mark.parametrize("javascript", [True, False], ids=["with a script", "without"])
async def test_a_theme_is_chosen_whatever_the_system_has(desk: Desk, javascript: bool) -> None:
    await ask(desk.site)
    context = await desk.signed_in(java_script_enabled=javascript, color_scheme="light")
    page = await context.new_page()
    await page.goto("/tickets?state=closed")
    for choice, dark in (("Dark", True), ("Light", False), ("As the system", False), ("Dark", True)):
        button = page.get_by_role("group", name="Theme").get_by_role("button", name=choice)
        await button.click()
        await expect(button).to_have_attribute("aria-pressed", "true")
        assert await is_dark(page) == dark, choice
        assert page.url.endswith("/tickets?state=closed")
    for path in ("/", "/login", "/nowhere"):
        await page.goto(path)
        assert await is_dark(page), path
    await page.emulate_media(color_scheme="dark")
    await page.goto("/")
    await page.get_by_role("button", name="Light").click()
    await expect(page.get_by_role("button", name="Light")).to_have_attribute("aria-pressed", "true")
    assert not await is_dark(page)


async def test_choosing_a_theme_loses_nothing_that_was_typed(desk: Desk) -> None:
    page = await (await desk.signed_in("admin")).new_page()
    await page.goto("/mailboxes/new")
    await page.get_by_label("Mail address").fill("half@")
    await page.get_by_role("button", name="Dark").click()
    await expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    await expect(page.get_by_label("Mail address")).to_have_value("half@")


@pytest.mark.parametrize("system", ["light", "dark"])
async def test_every_choice_is_for_everybody(desk: Desk, system: str) -> None:
    task = await ask(desk.site)
    page = await (await desk.signed_in(color_scheme=system, reduced_motion="reduce")).new_page()
    for choice in ("As the system", "Light", "Dark"):
        await page.goto("/")
        await page.get_by_role("button", name=choice).click()
        await expect(page.get_by_role("button", name=choice)).to_have_attribute("aria-pressed", "true")
        for path in (f"/tasks/{task['task_id']}", "/account"):
            await page.goto(path)
            found = await Axe().run(page, options=RULES)
            assert [(fault["id"], fault["nodes"][0]["target"]) for fault in found.response["violations"]] == [], choice
