"""Sign-in leads to where somebody was going, and a session that has ended costs nobody what they wrote."""

from __future__ import annotations

import re
from html import unescape

import pytest
from yarl import URL

from tests.integration.console.site import Person, Site
from tests.letters import letter
from workers import admin

OURS = {"Sec-Fetch-Site": "same-origin"}
EMAIL, PASSWORD = "ann@example.com", "correct horse battery staple"
NEXT = "/tickets?q=a%20b&status=open"


async def ann(site: Site) -> None:
    """Ann may sign in, with a password."""
    await admin.add_user(site.db, site.tenant.tenant_id, EMAIL, "Ann", "agent")
    link = await admin.create_password_link(site.db, site.tenant.tenant_id, EMAIL, site.url)
    http = await site.browser()
    async with http.post(link, data={"password": PASSWORD, "again": PASSWORD}, headers=OURS) as response:
        assert response.status == 200


async def test_a_password_leads_to_the_page_that_was_asked_for(site: Site) -> None:
    await ann(site)
    http = await site.browser()
    async with http.get(URL(NEXT, encoded=True)) as response:
        assert response.url.path == "/login"
        assert dict(response.url.query) == {"next": NEXT}
        page = await response.text()
    # A password that is wrong at first changes nothing about it.
    for password, status in (("wrong", 403), (PASSWORD, 303)):
        (following,) = re.findall(r'name="next" value="([^"]*)"', page)
        form = {"email": EMAIL, "password": password, "next": unescape(following)}
        async with http.post("/login", data=form, headers=OURS, allow_redirects=False) as response:
            assert response.status == status
            page, place = await response.text(), response.headers.get("Location")
    assert place == NEXT


async def test_a_link_leads_to_the_page_that_was_asked_for_and_only_once(site: Site) -> None:
    http = await site.browser()
    for asked, place in ((True, "/tickets"), (False, "/")):
        link = await admin.create_login_link(site.db, site.tenant.tenant_id, site.tenant.owner, site.url)
        if asked:
            await http.get("/tickets")
        async with http.post(link, headers=OURS, allow_redirects=False) as response:
            assert response.headers["Location"] == place


@pytest.mark.parametrize("part", [{"Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Dest": "empty"}, {"X-Background": "1"}])
async def test_a_part_of_a_page_is_nowhere_to_go(site: Site, part: dict[str, str]) -> None:
    http = await site.browser()
    async with http.get("/tickets", headers=part, allow_redirects=False) as response:
        assert response.headers["Location"] == "/login"


async def test_whoever_signs_out_leaves_no_trace_of_where_they_were(site: Site) -> None:
    http = await site.browser()
    await http.get("/tickets")
    await http.get("/login")
    link = await admin.create_login_link(site.db, site.tenant.tenant_id, site.tenant.owner, site.url)
    async with http.post(link, headers=OURS, allow_redirects=False) as response:
        assert response.headers["Location"] == "/"


@pytest.mark.parametrize(
    "foreign",
    ["https://evil.example/", "//evil.example/", "///evil.example/", "/\\evil.example", "/\tevil", "tickets", "",
     "javascript:alert(1)", "/é", "/" + "a" * 3000],
)  # fmt: skip
async def test_sign_in_leads_to_our_own_pages_only(site: Site, foreign: str) -> None:
    await ann(site)
    http = await site.browser()
    async with http.get("/login", params={"next": foreign}) as response:
        assert 'name="next" value="/"' in await response.text()
    form = {"email": EMAIL, "password": PASSWORD, "next": foreign}
    async with http.post("/login", data=form, headers=OURS, allow_redirects=False) as response:
        assert response.headers["Location"] == "/"


async def ended(site: Site) -> Person:
    """An agent whose session has ended while they wrote."""
    agent = await site.person("agent")
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("update sessions set last_seen_at = now() - interval '31 minutes'")
    return agent


async def test_what_was_written_into_an_ended_session_is_shown_and_not_stored(site: Site) -> None:
    email = await site.receive(letter("alice@example.com", "Printer"))
    agent = await ended(site)
    form = {"text": "It is the <b>fuse</b>.\nSecond line", "csrf": "of old", "was.status": "open"}
    headers = {**OURS, "Referer": f"{site.url}/tickets/1?all=1"}
    async with agent.http.post(f"/tickets/{email['ticket_id']}/notes", data=form, headers=headers) as response:
        status, page = response.status, await response.text()
    assert status == 401
    assert "It is the &lt;b&gt;fuse&lt;/b&gt;.\nSecond line</textarea>" in page
    assert "of old" not in page
    assert 'href="/login?next=%2Ftickets%2F1%3Fall%3D1" target="_blank"' in page
    assert (await site.row("select count(*) from comments where tenant_id = $1 and internal"))[0] == 0


async def test_secrets_are_not_shown_again(site: Site) -> None:
    agent = await ended(site)
    status, page = await agent.post("/account/password", {"current": "my old secret", "password": "new"}, csrf="x")
    assert status == 401
    assert "my old secret" not in page
    assert "<textarea" not in page


async def test_a_form_of_a_former_session_is_shown_again_too(site: Site) -> None:
    """Signed in anew in another window: the form that was open has the token of before."""
    email = await site.receive(letter("alice@example.com", "Printer"))
    agent = await site.person("agent")
    status, page = await agent.post(f"/tickets/{email['ticket_id']}/notes", {"text": "The fuse"}, csrf="of before")
    assert status == 403
    assert ">The fuse</textarea>" in page


async def test_other_sites_are_shown_nothing_and_a_large_file_is_not_read(site: Site) -> None:
    agent = await ended(site)
    async with agent.http.post("/rules/new", data={"name": "Theirs"}, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/login")
    async with agent.http.post("/rule-tester", data={"body": "x" * 100_000}, headers=OURS) as response:
        assert response.status == 401
