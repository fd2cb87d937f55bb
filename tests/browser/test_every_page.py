"""What holds for every page, generated from the route table: WCAG by axe in both themes, 320 px, no JavaScript."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from console.routes import ROUTES, Public
from console.routes import Page as Route
from storage.access import ROLES
from tests.integration.console.site import Site
from tests.integration.console.world import World, filled, label, open_world
from workers import admin

# What is no page of the console: files, streams, redirects, and the mail itself in its frame.
NO_PAGES = {
    "/static/{name}", "/live", "/emails/{id}/html", "/emails/{id}/raw", "/attachments/{id}", "/attachments/{id}/locked",
    "/audit/export",
    "/login/oidc", "/login/oidc/callback", "/login/{token}", "/password/{token}", "/oauth/callback",
}  # fmt: skip
PAGES = [route for route in ROUTES if route.method == "GET" and route.path not in NO_PAGES]
# WCAG 2.2 at level A and AA, and what is good practice beyond.
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


@dataclass
class Reader:
    """Somebody of the highest role with a page in a browser, and one with JavaScript off."""

    world: World
    page: Page
    plain: Page


@pytest_asyncio.fixture(scope="module")
async def reader(shared_site: Site, browser: Browser) -> AsyncIterator[Reader]:
    world = await open_world(shared_site)
    pages = []
    for scripts in (True, False):
        context = await browser.new_context(base_url=shared_site.url, java_script_enabled=scripts)
        page = await context.new_page()
        await admin.add_user(shared_site.db, world.tenant_id, "reader@postroom.test", "Reader", ROLES[-1])
        await page.goto(
            await admin.create_login_link(shared_site.db, world.tenant_id, "reader@postroom.test", shared_site.url)
        )
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"{shared_site.url}/")
        pages.append(page)
    yield Reader(world, *pages)
    for page in pages:
        await page.context.close()


@pytest.mark.parametrize("route", PAGES, ids=label)
async def test_a_page_is_for_everybody(reader: Reader, route: Route | Public) -> None:
    path = _place(reader.world, route)
    page = reader.page
    await page.set_viewport_size({"width": 1280, "height": 900})
    await page.goto(path)
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        found = await Axe().run(page, options=RULES)
        faults = [
            (v["id"], node["target"], node.get("failureSummary"))
            for v in found.response["violations"]
            for node in v["nodes"]
        ]
        assert faults == [], scheme
    await page.set_viewport_size({"width": 320, "height": 800})
    wider = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{wider} px wider than 320 px"


@pytest.mark.parametrize("route", PAGES, ids=label)
async def test_a_page_needs_no_javascript(reader: Reader, route: Route | Public) -> None:
    response = await reader.plain.goto(_place(reader.world, route))
    assert response is not None
    assert response.status == 200
    await expect(reader.plain.get_by_role("heading", level=1)).to_have_count(1)
    # Nothing that only a script could do is shown.
    assert await reader.plain.locator(".js-only:visible, [onclick], a[href^='javascript:']").count() == 0


def _place(world: World, route: Route | Public) -> str:
    return filled(world, route.path)
