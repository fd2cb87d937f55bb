"""The API as other systems see it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from console.api.paging import encode
from domain import reply_token
from tests.integration.console.site import Site
from tests.letters import letter
from workers import admin


async def get(http: aiohttp.ClientSession, path: str, status: int = 200) -> Any:
    async with http.get(path) as response:
        assert response.status == status, await response.text()
        kind = "application/json" if status == 200 else "application/problem+json"
        assert response.content_type == kind
        return await response.json()


async def test_a_ticket_tells_its_conversation(site: Site) -> None:
    tenant_id = site.tenant.tenant_id
    client_id = await admin.add_client(site.db, tenant_id, "Bakery", ["example.com"])
    first = await site.receive(letter("Alice <alice@example.com>", "Printer", "It burns.", message_id="1@example.com"))
    await site.receive(
        letter("Alice <alice@example.com>", "Re: Printer", "Still.", in_reply_to="1@example.com",
               attachments=[("log.bin", b"12345")])
    )  # fmt: skip
    http = await site.api("read")
    (listed,) = (await get(http, "tickets"))["items"]
    ticket = await get(http, f"tickets/{listed['id']}")
    assert ticket == await get(http, f"tickets/{listed['number']}")
    assert ticket["id"] == str(first["ticket_id"])
    assert (ticket["number"], ticket["subject"], ticket["status"]) == (1, "Printer", "open")
    assert ticket["client"] == {"id": str(client_id), "name": "Bakery"}
    assert (ticket["contact"]["name"], ticket["contact"]["address"]) == ("Alice", "alice@example.com")
    assert [(c["author"]["address"], c["text"].strip()) for c in ticket["comments"]] == [
        ("alice@example.com", "It burns."),
        ("alice@example.com", "Still."),
    ]
    (part,) = ticket["comments"][1]["attachments"]
    assert (part["filename"], part["size"], part["state"]) == ("log.bin", 5, "stored")
    async with http.get(part["url"]) as response:
        assert await response.read() == b"12345"
        assert response.headers["Content-Disposition"].startswith("attachment;")
        assert response.headers["Content-Type"] == "application/octet-stream"


async def test_the_reply_address_carries_the_tickets_token(site: Site) -> None:
    await site.receive(letter("alice@example.com"))
    ticket = await get(await site.api("read"), "tickets/1")
    keys = site.keyring.derive("reply-token")
    found = reply_token.find(keys, site.tenant.tenant_id, [ticket["reply_address"]])
    assert found is not None
    assert found.ticket_number == ticket["number"]


async def test_html_arrives_sanitised(site: Site) -> None:
    mail = letter("alice@example.com", text="plain")
    mail.add_alternative("<p onclick=x>Hi<script>alert(1)</script><img src='http://t.example/p.gif'></p>", "html")
    await site.receive(mail)
    html = (await get(await site.api("read"), "tickets/1"))["comments"][0]["html"]
    assert "Hi" in html
    assert "script" not in html
    assert "onclick" not in html
    assert ' src="http' not in html


async def test_pages_walk_through_everything_once(site: Site) -> None:
    for n in range(7):
        await site.receive(letter("alice@example.com", f"Question {n}"))
    http = await site.api("read")
    for path, key in (("tickets", "number"), ("emails", "id")):
        whole = [item[key] for item in (await get(http, path))["items"]]
        walked: list[Any] = []
        following = f"{path}?limit=3"
        while following:
            page = await get(http, following)
            assert len(page["items"]) <= 3
            walked += [item[key] for item in page["items"]]
            following = f"{path}?limit=3&cursor={page['next']}" if page["next"] else ""
        assert walked == whole
        assert len(set(walked)) == 7


async def test_a_list_carries_the_newest_comments_of_a_long_conversation(site: Site) -> None:
    await site.receive(letter("alice@example.com", "Long", message_id="0@example.com"))
    for n in range(1, 23):
        await site.receive(letter("alice@example.com", "Re: Long", f"Mail {n}", in_reply_to="0@example.com"))
    http = await site.api("read")
    (listed,) = (await get(http, "tickets"))["items"]
    assert (listed["comment_count"], len(listed["comments"])) == (23, 20)
    assert listed["comments"][-1]["text"].strip() == "Mail 22"
    assert len((await get(http, "tickets/1"))["comments"]) == 23


async def test_tickets_are_searched_and_filtered(site: Site) -> None:
    await site.receive(letter("Alice <alice@example.com>", "Printer on fire"))
    await site.receive(letter("Bob <bob@example.org>", "100% of invoices"))
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("update tickets set status = 'closed' where number = 2")
    http = await site.api("read")

    async def numbers(query: str) -> list[int]:
        return [ticket["number"] for ticket in (await get(http, f"tickets?{query}"))["items"]]

    assert await numbers("q=fire+printer") == [1]
    assert await numbers("q=bob@example.org") == [2]
    assert await numbers("q=%232") == [2]
    assert await numbers("q=100%25") == [2]
    assert await numbers("q=%25") == [2]  # a percent sign is no wildcard
    assert await numbers("q=%00printer%00") == [1]
    assert await numbers("status=closed") == [2]
    assert await numbers("status=open&q=bob") == []


async def test_a_merged_ticket_is_listed_on_demand_and_names_its_successor(site: Site) -> None:
    first = await site.receive(letter("alice@example.com", "One"))
    second = await site.receive(letter("alice@example.com", "Two"))
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute(
            "update tickets set status = 'merged', merged_into = $1 where ticket_id = $2",
            first["ticket_id"],
            second["ticket_id"],
        )
    http = await site.api("read")
    assert [t["number"] for t in (await get(http, "tickets"))["items"]] == [1]
    assert [t["number"] for t in (await get(http, "tickets?status=merged"))["items"]] == [2]
    assert (await get(http, "tickets/2"))["merged_into"] == str(first["ticket_id"])


async def test_a_mail_is_found_by_its_message_id_with_or_without_brackets(site: Site) -> None:
    await site.receive(letter("alice@example.com", "Printer", message_id="Abc.1@Example.com"))
    await site.receive(letter("alice@example.com", "Other"))
    http = await site.api("read")
    for wanted in ("Abc.1@example.com", "%3CAbc.1@EXAMPLE.com%3E"):
        (email,) = (await get(http, f"emails?message_id={wanted}"))["items"]
        assert (email["message_id"], email["state"], email["outcome"]) == ("Abc.1@example.com", "done", "ticket")
        assert email == await get(http, f"emails/{email['id']}")
        assert email["timeline"][0]["step"] == "listed"
        assert email["decision"]["action"] == "create"
        assert email["decision"]["evidence"]
    assert (await get(http, "emails?message_id=unknown@example.com"))["items"] == []
    assert (await get(http, "emails?message_id=not+an+id"))["items"] == []


async def test_a_search_finds_what_the_consoles_find_finds(site: Site) -> None:
    (first, other) = [
        await site.receive(letter("alice@example.com", "Printer on fire", message_id="one@ids.example")),
        await site.receive(letter("bob@example.org", "Other")),
    ]
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("update emails set locator = 'INBOX/7/1' where email_id = $1", first["email_id"])
    http = await site.api("read")
    for wanted in ("%3Cone@ids.example%3E", "%231", "1", "INBOX/7/1", "alice@example.com", "fire+printer"):
        found = (await get(http, f"emails?q={wanted}"))["items"]
        assert [email["id"] for email in found] == [str(first["email_id"])], wanted
    assert (await get(http, "emails?q=nobody@example.net"))["items"] == []
    everything = [email["id"] for email in (await get(http, "emails?q=+"))["items"]]
    assert everything == [str(other["email_id"]), str(first["email_id"])]


@pytest.mark.parametrize("wanted", ["same@ids.example", "1", "alice@example.com"])
async def test_a_search_goes_on_with_the_next_page(site: Site, wanted: str) -> None:
    mails = [await site.receive(letter("alice@example.com", f"Mail {number}")) for number in range(5)]
    async with site.db.tenant(site.tenant.tenant_id) as session:
        first = mails[0]["ticket_id"]
        await session.execute("update emails set ticket_id = $1, message_key = 'same@ids.example'", first)
    http, found, cursor = await site.api("read"), [], ""
    while len(found) <= 5:
        page = await get(http, f"emails?q={wanted}&limit=2{cursor}")
        found += [email["id"] for email in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == [str(mail["email_id"]) for mail in reversed(mails)]


async def test_a_mail_that_made_no_ticket_yet_can_be_read(site: Site) -> None:
    mail = letter("alice@example.com", "Printer", "It burns.")
    mail.add_alternative("<p onclick='x()'>It burns.</p><img src='https://tracker.example/x.gif'>", subtype="html")
    email = await site.receive(mail)
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("update emails set outcome = null, state = 'waiting', ticket_id = null")
    path = f"emails/{email['email_id']}/content"
    content = await get(await site.api("read"), path)
    assert (content["reply_text"], content["to"]) == ("It burns.", [{"name": "", "address": "support@postroom.test"}])
    assert "<p>It burns.</p>" in content["html"]
    assert "onclick" not in content["html"]
    assert ' src="http' not in content["html"]
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("delete from email_contents")
    assert (await get(await site.api("read"), path, 409))["type"] == "urn:postroom:problem:conflict"


async def test_a_mail_is_had_as_it_was_received_and_who_had_it_is_noted(site: Site) -> None:
    mail = letter("alice@example.com", "Printer").as_bytes()
    email = await site.receive(mail)
    http = await site.api("write")
    async with http.get(f"emails/{email['email_id']}/raw") as response:
        assert (response.status, await response.read()) == (200, mail)
        assert 'filename="Printer.eml"' in response.headers["Content-Disposition"]
    row = await site.row("select * from audit where tenant_id = $1 and action = 'read_raw_mail'")
    assert (row["actor"], row["object"], row["detail"]) == ("api:tests", f"email/{email['email_id']}", {})
    headers = await get(http, f"emails/{email['email_id']}/headers")
    assert headers["text"] == mail.partition(b"\n\n")[0].decode()


@pytest.mark.parametrize("change", ["raw_sha256 = null", "raw_sha256 = repeat('0', 64)"])
async def test_a_mail_that_is_not_stored_says_so(site: Site, change: str) -> None:
    email = await site.receive(letter("alice@example.com"))
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute(f"update emails set {change}")
    for part in ("raw", "headers"):
        problem = await get(await site.api("write"), f"emails/{email['email_id']}/{part}", 409)
        assert problem["type"] == "urn:postroom:problem:not-stored"
        assert (await (await site.person("agent")).get(f"/emails/{email['email_id']}/{part}"))[0] == 404


async def test_mailboxes_balance(site: Site) -> None:
    await site.receive(letter("alice@example.com"))
    (mailbox,) = (await get(await site.api("read"), "mailboxes"))["items"]
    assert (mailbox["address"], mailbox["provider"], mailbox["state"]) == ("support@postroom.test", "smtp", "active")
    assert (mailbox["listed"], mailbox["done"], mailbox["open"]) == (1, 1, 0)


# A moment that no calendar has in UTC: ["0001-01-01T00:00:00+23:59", a uuid].
BEFORE_TIME = encode(["0001-01-01T00:00:00+23:59", uuid4()])


@pytest.mark.parametrize(
    "path",
    ["tickets?limit=0", "tickets?limit=201", "tickets?cursor=nonsense", "tickets?cursor=WyJ4Il0", "tickets?status=odd",
     "emails?state=odd", "emails?q=x&state=done", "quarantine/infected?cursor=x",
     "tasks?cursor=WzFd", f"tasks?cursor={BEFORE_TIME}",
     "tasks?colour=red", "mailboxes?x=1"],
)  # fmt: skip
async def test_wrong_parameters_are_named(site: Site, path: str) -> None:
    problem = await get(await site.api("read"), path, 400)
    assert (problem["status"], problem["title"]) == (400, "Bad Request")
    assert problem["detail"].endswith(".")


async def test_without_a_valid_token_there_is_nothing(site: Site) -> None:
    http = await site.browser()
    for headers in ({}, {"Authorization": "Bearer pr_wrong"}, {"Authorization": "Basic eDp5"}):
        async with http.get("/api/v1/tickets", headers=headers) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
    person = await site.person("owner")  # a session is no token
    assert (await person.get("/api/v1/tickets"))[0] == 401


async def test_an_expired_token_is_no_token(site: Site) -> None:
    http = await site.api("write")
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("update api_tokens set expires_at = now() - interval '1 second'")
    async with http.get("tickets") as response:
        assert response.status == 401


async def test_a_wrong_method_names_the_right_ones(site: Site) -> None:
    http = await site.api("write")
    async with http.delete("tickets") as response:
        assert (response.status, response.content_type) == (405, "application/problem+json")
        assert "GET" in response.headers["Allow"]


async def test_too_large_a_body_is_refused(site: Site) -> None:
    http = await site.api("write")
    async with http.post(f"tasks/{uuid4()}/resolution", data=b"x" * 70_000) as response:
        assert (response.status, response.content_type) == (413, "application/problem+json")
