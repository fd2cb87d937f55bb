"""The pages: what they say, and the headers that every answer carries."""

from __future__ import annotations

import re

import pytest

from console.api.operations import OPERATIONS
from console.routes import ROUTES, Public
from storage import mail_keys
from tests.integration.console.site import Site
from tests.letters import letter
from tests.people import enveloped, person, signed
from workers import admin

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def test_every_route_of_the_application_is_declared(site: Site) -> None:
    declared = {(route.method, route.path) for route in ROUTES}
    declared |= {(operation.method, f"/api/v1{operation.path}") for operation in OPERATIONS}
    declared.add(("GET", "/api/v1/openapi.json"))
    served = set()
    for resource in site.server.app.router.resources():  # type: ignore[attr-defined]
        for route in resource:
            assert route.resource is not None
            served.add((route.method, route.resource.canonical))
    assert {(method, path) for method, path in served if method != "HEAD"} == declared


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_strict_headers_are_on_every_answer(site: Site, route: object) -> None:
    owner = await site.person("owner")
    path = re.sub(r"\{\w+\}", UNKNOWN, route.path)  # type: ignore[attr-defined]
    async with owner.http.request(route.method, path, allow_redirects=False) as response:  # type: ignore[attr-defined]
        headers = response.headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe-" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Server" not in headers


async def test_static_files_are_served_for_long_and_change_their_address_with_their_content(site: Site) -> None:
    _, page = await (await site.person("viewer")).get("/")
    http = await site.browser()
    found = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(found) == 4
    for url in found:
        async with http.get(url) as response:
            assert response.status == 200
            assert "immutable" in response.headers["Cache-Control"]
    async with http.get("/static/..%2fstrings.py") as response:
        assert response.status == 404


async def test_an_empty_house_says_what_to_do(site: Site) -> None:
    owner = await site.person("owner")
    for path, text in (
        ("/", "Nothing waits for you"),
        ("/", "Send a mail to one of the mailboxes"),
        ("/tickets", "support@postroom.test"),
        ("/find", "support@postroom.test"),
        ("/find?q=nothing@example.com", "Is the Message-ID complete?"),
        ("/find?q=%00", "No mail like this"),
        ("/tickets?q=nothing", "No ticket matches"),
        ("/mailboxes", "support@postroom.test"),
    ):
        status, page = await owner.get(path)
        assert (status, text in page) == (200, True), path


async def test_pages_have_one_heading_landmarks_and_a_skip_link(site: Site) -> None:
    email = await site.receive(letter("alice@example.com", "Printer"))
    owner = await site.person("owner")
    for path in ("/", "/tickets", "/tickets/1", "/find", f"/emails/{email['email_id']}", "/mailboxes"):
        _, page = await owner.get(path)
        assert len(re.findall(r"<h1[ >]", page)) == 1, path
        for landmark in ("<header", "<nav", "<main", 'class="skip"', 'lang="en"'):
            assert landmark in page, (path, landmark)
        assert "style=" not in page, path
        assert not re.search(r"\son\w+=", page), path


async def test_a_ticket_page_shows_the_conversation_and_its_files(site: Site) -> None:
    await admin.add_client(site.db, site.tenant.tenant_id, "Bakery", ["example.com"])
    await site.receive(letter("Alice <alice@example.com>", "Printer <b>on</b> fire", "See https://example.org/a.\n"))
    first = await site.row("select * from emails where tenant_id = $1")
    reply = letter(
        "Alice <alice@example.com>", "Re: Printer", "Still.\n\nOn Friday, you wrote:\n> It burns.",
        in_reply_to=first["message_key"], attachments=[("log.bin", b"12345")],
    )  # fmt: skip
    await site.receive(reply)
    agent = await site.person("agent")
    _, page = await agent.get("/tickets/1")
    assert "Printer &lt;b&gt;on&lt;/b&gt; fire" in page
    assert '<a href="https://example.org/a" rel="noopener noreferrer nofollow" target="_blank">' in page
    assert page.index("example.org/a") < page.index("Still.")
    assert "Show the whole mail" in page
    assert "Bakery" in page
    assert "support+pr" in page
    (attachment,) = re.findall(r'href="(/attachments/[^"]+)"', page)
    async with agent.http.get(attachment) as response:
        assert await response.read() == b"12345"
        assert response.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    raw = re.findall(r'href="(/emails/[^"]+/raw)"', page)[1]
    async with agent.http.get(raw) as response:
        assert await response.read() == reply.as_bytes()
        assert response.headers["Content-Type"] == "application/octet-stream"
        assert 'filename="Re: Printer.eml"' in response.headers["Content-Disposition"]


async def test_the_framed_body_can_do_nothing(site: Site) -> None:
    mail = letter("alice@example.com", text="plain")
    mail.add_alternative(
        '<p onclick="x()">Hi</p><script>alert(1)</script><img src="cid:logo"><img src="https://t.example/p.gif">',
        subtype="html",
    )
    html_part = mail.get_payload()[1]  # type: ignore[index]
    html_part.add_related(b"\x89PNG\r\n\x1a\n0000", "image", "png", cid="<logo>", filename="logo.png")  # type: ignore[union-attr]
    email = await site.receive(mail)
    viewer = await site.person("viewer")
    async with viewer.http.get(f"/emails/{email['email_id']}/html") as response:
        body, policy = await response.text(), response.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "allow-" not in policy
    assert "<p>Hi</p>" in body
    assert 'src="data:image/png;base64,' in body
    assert "<script" not in body
    assert ' src="https://t.example' not in body
    _, page = await viewer.get("/tickets/1")
    (frame,) = re.findall(r"<iframe[^>]*>", page)
    assert 'sandbox src="/emails/' in frame


async def test_the_trace_of_a_mail_tells_everything(site: Site) -> None:
    email = await site.receive(letter("Alice <alice@example.com>", "Printer", message_id="1@example.com"))
    viewer = await site.person("viewer")
    for query in ("1@example.com", "%3C1@example.com%3E", "alice@example.com", "printer", "%231"):
        async with viewer.http.get(f"/find?q={query}") as response:
            assert response.url.path == f"/emails/{email['email_id']}", query
            page = await response.text()
    assert "It became a ticket:" in page
    for text in ("Listed in support@postroom.test", "Became ticket #1", "matches no contact and no client", "Done"):
        assert text in page, text
    assert "http://temporal.test/namespaces/default/workflows/inbound-email%2F" in page
    assert "1@example.com" in page


async def test_mails_that_made_no_ticket_are_found_too(site: Site) -> None:
    mail = letter("robot@example.com", "Out of office")
    mail["Auto-Submitted"] = "auto-replied"
    email = await site.receive(mail)
    assert email["outcome"] == "excluded"
    viewer = await site.person("viewer")
    _, page = await viewer.get("/find?q=out+of+office")
    assert "an automatic reply that belongs to no ticket" in page


async def test_older_tickets_are_a_link_away(site: Site) -> None:
    await site.receive(letter("alice@example.com", "The first"))
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute(
            """insert into tickets (tenant_id, ticket_id, number, subject, queue, priority, mailbox_id)
               select tenant_id, gen_random_uuid(), n, 'Question ' || n, queue, priority, mailbox_id
                 from tickets, generate_series(2, 60) n"""
        )
    viewer = await site.person("viewer")
    _, page = await viewer.get("/tickets?status=open")
    assert "Question 11<" in page
    assert "Question 10<" not in page
    (older,) = re.findall(r'href="(/tickets\?[^"]*before=[^"]*)"', page)
    _, page = await viewer.get(older.replace("&amp;", "&"))
    assert "Question 10<" in page
    assert "The first" in page


async def test_a_merged_ticket_leads_on(site: Site) -> None:
    first = await site.receive(letter("alice@example.com", "One"))
    second = await site.receive(letter("alice@example.com", "Two"))
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute(
            "update tickets set status = 'merged', merged_into = $1 where ticket_id = $2",
            first["ticket_id"],
            second["ticket_id"],
        )
    _, page = await (await site.person("viewer")).get("/tickets/2")
    assert 'This ticket was merged into <a href="/tickets/1">#1</a>' in page


def test_public_routes_are_few() -> None:
    assert {route.path for route in ROUTES if isinstance(route, Public)} == {
        "/login",
        "/login/oidc",
        "/login/oidc/callback",
        "/login/{token}",
        "/password/{token}",
        "/static/{name}",
    }


async def test_a_long_conversation_opens_with_its_newest_messages(site: Site) -> None:
    await site.receive(letter("alice@example.com", "Long", "The very first"))
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute(
            """insert into comments (tenant_id, comment_id, ticket_id, author_name, author_address, text)
               select tenant_id, gen_random_uuid(), ticket_id, '', 'bob@example.com', 'Answer ' || n || '.'
                 from tickets, generate_series(1, 120) n"""
        )
    viewer = await site.person("viewer")
    _, page = await viewer.get("/tickets/1")
    assert "Answer 120." in page
    assert "The very first" not in page
    assert "21 older messages are not shown" in page
    assert "The very first" in (await viewer.get("/tickets/1?all=1"))[1]


async def test_a_ticket_that_carries_on_a_closed_one_names_it(site: Site) -> None:
    await site.receive(letter("alice@example.com", "One"))
    await site.receive(letter("alice@example.com", "Two"))
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute(
            """update tickets set link = 'continues', tags = '{vip}',
                      linked_to = (select ticket_id from tickets where number = 1) where number = 2"""
        )
    _, page = await (await site.person("viewer")).get("/tickets/2")
    assert 'Carries on</dt><dd><a href="/tickets/1">#1</a>' in page
    assert "vip" in page


async def test_a_mail_says_whether_its_signature_holds_and_that_it_was_encrypted(site: Site) -> None:
    desk, ada = person("help@example.org"), person("ada@example.com")
    keys = [desk.opening(), ada.trusted()]
    async with site.db.tenant(site.tenant.tenant_id) as session:
        for key in keys:
            await mail_keys.add(
                session, site.keyring, site.tenant.tenant_id, site.tenant.mailbox_id, key, "a key", actor="ann"
            )
    await site.receive(enveloped(signed(ada, b"Content-Type: text/plain\r\n\r\nI agree.\r\n"), desk))
    ticket = await site.row("select ticket_id from tickets where tenant_id = $1 order by number desc limit 1")
    _, page = await (await site.person("viewer")).get(f"/tickets/{ticket['ticket_id']}")
    assert "I agree." in page
    assert "S/MIME valid" in page
    assert "opened with the key of the mailbox" in page


@pytest.mark.parametrize(
    ("back", "place"),
    [
        ("/tickets?q=a", "/tickets?q=a"),
        ("//evil.example/", "/"),
        ("///evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("/a\r\nSet-Cookie: b=c", "/"),
    ],
)
async def test_a_theme_leads_back_to_our_own_pages_only(site: Site, back: str, place: str) -> None:
    person = await site.person("viewer")
    form = {"theme": "dark", "back": back, "csrf": await person.csrf()}
    headers = {"Sec-Fetch-Site": "same-origin"}
    async with person.http.post("/theme", data=form, headers=headers, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, place)
    _, page = await person.get("/")
    assert '<html lang="en" data-theme="dark">' in page


async def test_a_stale_page_changes_only_what_the_person_changed(site: Site) -> None:
    await site.receive(letter("alice@example.com", "Printer"))
    agent, colleague = await site.person("agent"), await site.person("admin")
    _, page = await agent.get("/tickets/1")
    (path,) = re.findall(r'action="(/tickets/[^"/]+)" class="properties"', page)
    shown = dict(re.findall(r'name="(was\.\w+)" value="([^"]*)"', page))
    await colleague.post(path, {"status": "closed", "assignee": "me", "tags": "printer"})
    # As a browser sends it: every field as the page has it, and one that was changed.
    assert set(shown) == {"was.status", "was.assignee", "was.priority", "was.tags"}
    fields = {name.removeprefix("was."): value for name, value in shown.items()}
    await agent.post(path, {**fields, **shown, "priority": "high"})
    ticket = await site.row("select * from tickets where tenant_id = $1")
    assert (ticket["status"], ticket["priority"], ticket["tags"]) == ("closed", "high", ["printer"])
    assert ticket["assignee_id"] is not None
