"""Who gets in: login links, sessions, roles, and forms that are really ours."""

from __future__ import annotations

import pytest

from console.cookies import name as cookie_name
from console.services import Services
from tests.integration.console.site import Site
from tests.letters import letter
from workers import admin


async def test_without_a_session_every_page_leads_to_sign_in(site: Site) -> None:
    http = await site.browser()
    for path in ("/", "/tickets", "/tasks/1", "/mailboxes"):
        async with http.get(path, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"].partition("?")[0]) == (303, "/login")


async def test_opening_a_link_does_not_use_it_up_but_the_button_does(site: Site) -> None:
    link = await admin.create_login_link(site.db, site.tenant.tenant_id, site.tenant.owner, site.url)
    scanner, person, late = [await site.browser() for _ in range(3)]
    for _ in range(2):
        async with scanner.get(link) as response:
            assert response.status == 200
    async with person.post(link, headers={"Sec-Fetch-Site": "same-origin"}) as response:
        assert (response.status, response.url.path) == (200, "/")
    async with late.post(link, headers={"Sec-Fetch-Site": "same-origin"}) as response:
        assert response.status == 410
    async with scanner.get(link) as response:
        assert response.status == 410


async def test_a_link_ends_with_its_time(site: Site) -> None:
    link = await admin.create_login_link(site.db, site.tenant.tenant_id, site.tenant.owner, site.url, hours=0)
    http = await site.browser()
    async with http.get(link) as response:
        assert response.status == 410


async def test_no_other_site_can_press_the_button(site: Site) -> None:
    link = await admin.create_login_link(site.db, site.tenant.tenant_id, site.tenant.owner, site.url)
    http = await site.browser()
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {}):
        async with http.post(link, headers=headers) as response:
            assert response.status == 403
    async with http.post(link, headers={"Origin": site.url}) as response:
        assert response.status == 200


async def test_signing_out_ends_the_session_itself(site: Site) -> None:
    person = await site.person("viewer")
    cookies = {cookie.key: cookie.value for cookie in person.http.cookie_jar}
    await person.post("/logout", {})
    assert (await person.get("/"))[1].count("<h1>Sign in</h1>") == 1
    stolen = await site.browser()
    async with stolen.get("/", cookies=cookies, allow_redirects=False) as response:
        assert response.status == 303


@pytest.mark.parametrize(
    "change",
    [
        "last_seen_at = now() - interval '31 minutes'",
        "expires_at = now() - interval '1 second'",
    ],
)
async def test_a_session_ends_when_idle_and_after_its_absolute_time(site: Site, change: str) -> None:
    person = await site.person("viewer")
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute(f"update sessions set {change}")
    async with person.http.get("/", allow_redirects=False) as response:
        assert response.status == 303


async def test_a_page_that_refreshes_itself_keeps_nobody_signed_in(site: Site) -> None:
    person = await site.person("viewer")
    seen = "select last_seen_at from sessions where tenant_id = $1"
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("update sessions set last_seen_at = now() - interval '20 minutes'")
    before = (await site.row(seen))[0]
    await person.get("/", headers={"X-Background": "1"})
    assert (await site.row(seen))[0] == before
    await person.get("/")
    assert (await site.row(seen))[0] > before


async def test_only_digests_of_tokens_are_stored(site: Site) -> None:
    person = await site.person("viewer")
    (cookie,) = list(person.http.cookie_jar)
    stored = await site.row("select token_hash from sessions where tenant_id = $1")
    assert len(stored["token_hash"]) == 32
    assert cookie.value.encode() not in stored["token_hash"]


async def test_the_cookie_is_for_our_pages_only(site: Site) -> None:
    link = await admin.create_login_link(site.db, site.tenant.tenant_id, site.tenant.owner, site.url)
    http = await site.browser()
    async with http.post(link, headers={"Sec-Fetch-Site": "same-origin"}, allow_redirects=False) as response:
        cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie


def test_over_tls_the_cookie_is_bound_to_the_host() -> None:
    services = Services(None, None, None, None, {}, "https://mail.example.com")  # type: ignore[arg-type]
    assert (cookie_name(services), services.secure) == ("__Host-sid", True)


async def test_a_form_needs_our_origin_and_the_sessions_token(site: Site) -> None:
    person, other = await site.person("agent"), await site.person("owner")
    token = await person.csrf()
    for csrf in ("", "wrong", await other.csrf()):
        assert (await person.post("/logout", {}, csrf=csrf))[0] == 403
    for headers in ({"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"}, {}):
        async with person.http.post("/logout", data={"csrf": token}, headers=headers) as response:
            assert response.status == 403
    async with person.http.get("/") as response:
        assert response.url.path == "/"


async def test_a_viewer_reads_but_does_not_answer(site: Site) -> None:
    client = [await admin.add_client(site.db, site.tenant.tenant_id, name) for name in ("Bakery", "Books")]
    for client_id in client:
        await admin.add_contact(site.db, site.tenant.tenant_id, "ines@example.org", "Ines", client_id)
    email = await site.receive(letter("ines@example.org"))
    task = await site.row("select * from tasks where tenant_id = $1")
    viewer = await site.person("viewer")
    status, page = await viewer.get(f"/tasks/{task['task_id']}")
    assert status == 200
    assert "but not answer it" in page
    assert (await viewer.post(f"/tasks/{task['task_id']}", {"choice": "no_client"}))[0] == 403
    assert (await viewer.get(f"/emails/{email['email_id']}/raw"))[0] == 403


async def test_what_has_expired_is_swept_away(site: Site) -> None:
    await site.person("viewer")
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("update sessions set expires_at = now() - interval '1 second'")
        await session.execute("update login_links set expires_at = now() - interval '1 second'")
    await site.person("agent")
    for table in ("sessions", "login_links"):
        assert (await site.row(f"select count(*) from {table} where tenant_id = $1"))[0] == 1
