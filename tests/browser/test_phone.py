"""On a phone: what is a table where there is room is read from top to bottom, each value with its heading."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe

from tests.browser.conftest import Desk
from tests.browser.test_every_page import RULES
from tests.integration.console.world import open_world
from workers import admin

PATHS = (
    "/tickets", "/find", "/mailboxes", "/rules", "/users", "/audit", "/tokens", "/senders", "/defaults", "/account",
    "/policies", "/clients", "/contacts", "/rule-replays", "/rule-versions",
    "/event-endpoints/{event-endpoints}", "/audit/{audit}", "/rule-replays/{rule-replays}",
)  # fmt: skip
SIDEWAYS = """() => [...document.querySelectorAll("main, .scroll")].filter((box) => box.scrollWidth > box.clientWidth)
  .map((box) => `${box.getAttribute("aria-label")} ${box.scrollWidth}`)"""
# What a cell says above its value, against the heading of its column.
LABELS = """() => [...document.querySelectorAll("table.stack")].flatMap((table) => {
  const headings = [...table.querySelectorAll("thead th")].map((heading) => heading.textContent.trim());
  return [...table.querySelectorAll("tbody tr")].flatMap((row) => [...row.cells].flatMap((cell, place) => {
    const said = getComputedStyle(cell, "::before").content;
    const wanted = "label" in cell.dataset ? JSON.stringify(headings[place]) : "none";
    return said === wanted ? [] : [`${said} for ${wanted}`];
  }));
})"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_lists_are_read_without_scrolling_sideways(desk: Desk, scheme: str) -> None:
    world = await open_world(desk.site)
    context = await desk.context(viewport={"width": 390, "height": 844}, color_scheme=scheme, reduced_motion="reduce")
    page = await context.new_page()
    email = "somebody.with.a.long.name@customer-service.example.org"
    await admin.add_user(desk.site.db, world.tenant_id, email, "Somebody With A Long Name", "owner")
    await page.goto(await admin.create_login_link(desk.site.db, world.tenant_id, email, desk.site.url))
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"{desk.site.url}/")
    for path in PATHS:
        await page.goto(path.format(**world.ids))
        assert await page.evaluate(SIDEWAYS) == [], path
        assert await page.evaluate(LABELS) == [], path
        assert await page.locator("table.grid:not(.stack)").count() == 0, path
        found = await Axe().run(page, options=RULES)
        faults = [(fault["id"], fault["nodes"][0]["target"]) for fault in found.response["violations"]]
        assert faults == [], path
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.goto("/users")
    assert await page.evaluate("getComputedStyle(document.querySelector('.stack td'), '::before').content") == "none"
