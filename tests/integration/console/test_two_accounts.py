"""One address at two tenants: each password leads to its own, and the same one to a choice."""

from __future__ import annotations

import re

import aiohttp

from storage import audit
from tests.integration.console.site import Site
from tests.integration.console.test_passwords import EMAIL, OTHER, OURS, PASSWORD, post
from workers import admin


async def two(site: Site, there: str) -> admin.Tenant:
    """Ann here and, with the password `there`, at another tenant, which is returned."""
    other = await site.other_tenant()
    for tenant, name, password in ((site.tenant, "Ann here", PASSWORD), (other, "Ann there", there)):
        await admin.add_user(site.db, tenant.tenant_id, EMAIL, name, "agent")
        link = await admin.create_password_link(site.db, tenant.tenant_id, EMAIL, "")
        assert (await post(await site.browser(), link, password=password, again=password))[0] == 303
    return other


async def who(http: aiohttp.ClientSession) -> str:
    async with http.get("/account") as response:
        found = re.search(r"Ann (here|there)", await response.text())
    return found[0] if found else "nobody"


async def test_two_passwords_lead_to_two_tenants(site: Site) -> None:
    await two(site, OTHER)
    for password, name in ((PASSWORD, "Ann here"), (OTHER, "Ann there")):
        http = await site.browser()
        assert await post(http, "/login", email=EMAIL, password=password) == (303, "/")
        assert await who(http) == name


async def test_one_password_for_two_tenants_asks_which(site: Site) -> None:
    other = await two(site, PASSWORD)
    http = await site.browser()
    status, page = await post(http, "/login", email=EMAIL, password=PASSWORD)
    assert (status, await who(http)) == (200, "nobody")
    links = dict(re.findall(r'action="(/login/[^"]+)"><button class="primary">([^<]+)<', page))
    assert list(links.values()) == ["Default", "Other"]
    for link, name in links.items():
        chosen = await site.browser()
        async with chosen.post(link, headers=OURS) as response:
            assert response.status == 200
        assert await who(chosen) == {"Default": "Ann here", "Other": "Ann there"}[name]
        async with (await site.browser()).post(link, headers=OURS) as response:
            assert response.status == 410
    async with site.db.tenant(other.tenant_id) as session:
        rows = await audit.page(session, other.tenant_id, audit.Filter(actor=EMAIL), before=None, limit=2)
    assert [row["action"] for row in rows] == ["sign_in", "make_sign_in_link"]


async def test_a_wrong_password_is_wrong_at_both(site: Site) -> None:
    await two(site, OTHER)
    status, page = await post(await site.browser(), "/login", email=EMAIL, password="neither of them")
    assert (status, "do not belong together" in page) == (403, True)
