"""A real Chromium on a real console. Every name under .example leads it to a trap that counts who came."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from storage.access import Role
from tests.integration.console.site import Site
from workers import admin

# Its five seconds are short while two other houses are busy on the same two cores.
expect.set_options(timeout=30_000)

CHROMIUM = Path("/usr/bin/chromium")
# Without these Chromium calls home by itself, which no test may.
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@dataclass
class Trap:
    """Stands for every foreign server; `hits` are the requests that reached it."""

    hits: list[str] = field(default_factory=list)


@pytest_asyncio.fixture(scope="session")
async def trap_server() -> AsyncIterator[tuple[Trap, int]]:
    trap = Trap()

    async def catch(request: web.Request) -> web.Response:
        trap.hits.append(f"{request.method} {request.host}{request.path}")
        return web.Response(text="caught")

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", catch)
    server = TestServer(application, host="127.0.0.1")
    await server.start_server()
    assert server.port is not None
    yield trap, server.port
    await server.close()


@pytest.fixture
def trap(trap_server: tuple[Trap, int]) -> Trap:
    trap_server[0].hits.clear()
    return trap_server[0]


@pytest_asyncio.fixture(scope="session")
async def browser(trap_server: tuple[Trap, int]) -> AsyncIterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("no Chromium here: apt-get install chromium")
    names = f"--host-resolver-rules=MAP *.example 127.0.0.1:{trap_server[1]}"
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, names])
        yield chromium
        await chromium.close()


@dataclass
class Desk:
    """Opens browsers at the console; closes them at the end of the test."""

    site: Site
    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)

    async def context(self, **options: object) -> BrowserContext:
        context = await self.browser.new_context(base_url=self.site.url, **options)  # type: ignore[arg-type]
        context.set_default_timeout(30_000)
        self.contexts.append(context)
        return context

    async def signed_in(self, role: Role = "agent", **options: object) -> BrowserContext:
        """A browser in which a person of this role has used their link."""
        tenant_id, email = self.site.tenant.tenant_id, f"{role}@postroom.test"
        await admin.add_user(self.site.db, tenant_id, email, role.capitalize(), role)
        context = await self.context(**options)
        page = await context.new_page()
        await page.goto(await admin.create_login_link(self.site.db, tenant_id, email, self.site.url))
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"{self.site.url}/")
        await page.close()
        return context


@pytest_asyncio.fixture
async def desk(site: Site, browser: Browser) -> AsyncIterator[Desk]:
    opened = Desk(site, browser)
    yield opened
    for context in opened.contexts:
        await context.close()
