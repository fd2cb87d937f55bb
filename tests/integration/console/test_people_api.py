"""Clients and contacts are made by the API and by forms, and from the next mail on they decide."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from tests.integration.console.site import Site
from tests.letters import letter
from tests.operator import operate
from workers.command import Refused


async def call(http: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with http.request(method, path, json=body) as response:
        return response.status, await response.json()


async def client(http: aiohttp.ClientSession, name: str, *domains: str) -> dict[str, Any]:
    status, made = await call(http, "POST", "clients", {"name": name, "domains": domains})
    assert status == 200, made
    return dict(made)


async def decided(site: Site, http: aiohttp.ClientSession, sender: str) -> str | None:
    """The client of the ticket that a mail of this sender becomes."""
    email = await site.receive(letter(sender))
    name: str | None = ((await call(http, "GET", f"tickets/{email['ticket_id']}"))[1]["client"] or {}).get("name")
    return name


async def test_mail_of_a_new_clients_domain_is_the_clients(site: Site) -> None:
    http = await site.api("admin")
    assert await decided(site, http, "ann@north.example") is None
    made = await client(http, "North", "North.Example.", "north.example")
    assert [each["domain"] for each in made["domains"]] == ["north.example"]
    assert await decided(site, http, "ben@north.example") == "North"
    assert await decided(site, http, "cat@sales.north.example") == "North"
    status, _ = await call(http, "PUT", f"clients/{made['id']}", {"name": "North Inc", "domains": ["north.test"]})
    assert status == 200
    assert await decided(site, http, "dan@north.test") == "North Inc"
    assert await decided(site, http, "eve@north.example") is None


async def test_a_domain_beyond_ascii_is_known_in_both_its_spellings(site: Site) -> None:
    http = await site.api("admin")
    made = await client(http, "Bücher", "Straße.example")
    assert [each["domain"] for each in made["domains"]] == ["xn--strae-oqa.example"]
    _, vip = await call(http, "POST", "defaults", {"name": "VIP", "queue": "VIP"})
    body = {"domain": "straße.example", "defaults_id": vip["id"]}
    assert (await call(http, "PUT", "domains/destination", body))[0] == 200
    assert await decided(site, http, "ann@xn--strae-oqa.example") == "Bücher"
    assert await decided(site, http, "ben@straße.example") == "Bücher"
    status, _ = await call(http, "POST", "contacts", {"address": "Cat@Bücher.example", "client_id": made["id"]})
    assert status == 200
    assert await decided(site, http, "cat@xn--bcher-kva.example") == "Bücher"
    assert await decided(site, http, "cat@bücher.example") == "Bücher"


async def test_a_destination_stays_with_a_domain_that_stays(site: Site) -> None:
    http = await site.api("admin")
    made = await client(http, "North", "north.example", "north.test")
    _, vip = await call(http, "POST", "defaults", {"name": "VIP", "queue": "VIP"})
    await call(http, "PUT", "domains/destination", {"domain": "north.example", "defaults_id": vip["id"]})
    body = {"name": "North", "domains": ["north.example", "north.org"]}
    _, changed = await call(http, "PUT", f"clients/{made['id']}", body)
    assert [(each["domain"], each["destination"]) for each in changed["domains"]] == [
        ("north.example", "VIP"), ("north.org", None),
    ]  # fmt: skip


async def test_a_name_and_a_domain_are_one_clients(site: Site) -> None:
    http = await site.api("admin")
    north, south = await client(http, "North", "north.example"), await client(http, "South")
    await call(http, "PUT", f"clients/{north['id']}/aliases", {"aliases": ["N"]})
    for body, detail in (
        ({"name": "north"}, "There is a client named “North” already."),
        ({"name": "n"}, "“n” is an alias of North already."),
        (
            {"name": "New", "domains": ["NORTH.example"]},
            "north.example belongs to North already: take it away there first.",
        ),
    ):
        status, told = await call(http, "POST", "clients", body)
        assert (status, told["type"], told["detail"]) == (409, "urn:postroom:problem:conflict", detail)
        status, told = await call(http, "PUT", f"clients/{south['id']}", {"domains": [], **body})
        assert (status, told["detail"]) == (409, detail)
    assert (await call(http, "PUT", f"clients/{north['id']}", {"name": "north", "domains": ["north.example"]}))[
        0
    ] == 200
    assert (await call(http, "PUT", f"clients/{uuid4()}", {"name": "New"}))[0] == 404


@pytest.mark.parametrize(
    ("domain", "why"),
    [
        ("gmail.com", "anybody can have an address at gmail.com"),
        ("GMX.de", "anybody can have an address at gmx.de"),
        ("com", "is no domain"),
        ("ann@north.example", "is no domain"),
        ("*.north.example", "is no domain"),
        ("north..example", "is no domain"),
        ("bü cher.example", "is no domain"),
        ("north.example/x", "is no domain"),
    ],
)
async def test_what_can_be_no_clients_domain_is_refused(site: Site, domain: str, why: str) -> None:
    http = await site.api("admin")
    status, told = await call(http, "POST", "clients", {"name": "North", "domains": [domain]})
    assert status == 422
    assert why in told["detail"]
    assert (await call(http, "GET", "clients"))[1]["items"] == []


async def test_a_contacts_further_address_is_the_clients_too(site: Site) -> None:
    http = await site.api("admin")
    north = await client(http, "North")
    body = {"address": "Ann@Home.example", "name": "Ann", "also": ["ANN@work.example"], "client_id": north["id"]}
    status, ann = await call(http, "POST", "contacts", body)
    assert (status, ann["address"], ann["also"], ann["client_name"]) == (
        200, "ann@home.example", ["ann@work.example"], "North",
    )  # fmt: skip
    assert await decided(site, http, "ann@home.example") == "North"
    assert await decided(site, http, "ann@work.example") == "North"
    assert (await call(http, "PUT", f"contacts/{ann['id']}", {**body, "also": []}))[1]["also"] == []
    assert await decided(site, http, "ann@work.example") is None


async def test_somebody_who_wrote_before_becomes_a_clients_contact(site: Site) -> None:
    http = await site.api("admin")
    assert await decided(site, http, "ann@north.example") is None
    (ann,) = (await call(http, "GET", "contacts"))[1]["items"]
    north = await client(http, "North")
    double = {"address": "ann@north.example", "client_id": north["id"]}
    status, told = await call(http, "POST", "contacts", double)
    assert status == 409
    assert "change that contact" in told["detail"]
    assert (await call(http, "PUT", f"contacts/{ann['id']}", double))[0] == 200
    assert await decided(site, http, "ann@north.example") == "North"


async def test_an_address_is_one_contacts_of_a_client(site: Site) -> None:
    http = await site.api("admin")
    north, south = await client(http, "North"), await client(http, "South")
    body = {"address": "ann@example.org", "also": ["ann@example.net"], "client_id": north["id"]}
    await call(http, "POST", "contacts", body)
    for taken in ("ann@example.org", "ann@example.net"):
        for double in ({"address": taken}, {"address": "new@example.org", "also": [taken]}):
            for client_id in (north["id"], None):
                assert (await call(http, "POST", "contacts", {**double, "client_id": client_id}))[0] == 409
    # Who writes for two is asked about.
    assert (await call(http, "POST", "contacts", {**body, "client_id": south["id"]}))[0] == 200
    waits = await site.receive(letter("ann@example.net"))
    assert waits["outcome"] is None
    assert (await call(http, "POST", "contacts", {"address": "b@example.org", "client_id": str(uuid4())}))[0] == 409
    assert (await call(http, "PUT", f"contacts/{uuid4()}", {"address": "b@example.org"}))[0] == 404
    assert (await call(http, "POST", "contacts", {"address": "nobody"}))[0] == 422


async def test_what_was_changed_is_in_the_audit_log(site: Site) -> None:
    http = await site.api("admin")
    north = await client(http, "North", "north.example")
    await call(http, "PUT", f"clients/{north['id']}", {"name": "North", "domains": ["north.test"]})
    await call(http, "PUT", f"clients/{north['id']}", {"name": "North", "domains": ["north.test"]})
    async with site.db.tenant(site.tenant.tenant_id) as session:
        rows = await session.fetch(
            "select actor, action, detail from audit where object = $1 order by audit_id", f"client/{north['id']}"
        )
    assert [(row["actor"], row["action"], row["detail"]) for row in rows] == [
        ("api:tests", "add_client", {"name": "North", "domains": ["north.example"]}),
        ("api:tests", "change_client", {"changed": {"domains": [["north.example"], ["north.test"]]}}),
    ]


async def test_the_forms_do_the_same_and_keep_what_was_typed(site: Site) -> None:
    boss, http = await site.person("admin"), await site.api("admin")
    status, page = await boss.post("/clients/new", {"name": "North", "domains": "north.example\ngmail.com"})
    assert (status, "anybody can have an address at gmail.com" in page) == (422, True)
    assert "north.example\ngmail.com" in page
    status, page = await boss.post("/clients/new", {"name": "North", "domains": "north.example\n"})
    assert (status, "north.example" in page) == (200, True)
    assert (await boss.post("/clients/new", {"name": "NORTH", "domains": ""}))[0] == 409

    form = {"address": "ann@home.example", "name": "Ann", "client": "Nowhere", "also": "ann@work.example"}
    status, page = await boss.post("/contacts/new", form)
    assert (status, "There is no client named “Nowhere”" in page) == (409, True)
    assert (await boss.post("/contacts/new", {**form, "client": "north"}))[0] == 200
    assert await decided(site, http, "ann@work.example") == "North"
    (ann,) = [c for c in (await call(http, "GET", "contacts"))[1]["items"] if c["address"] == "ann@home.example"]
    _, page = await boss.get(f"/contacts/{ann['id']}")
    assert 'value="North"' in page
    assert (await boss.post(f"/contacts/{ann['id']}", {**form, "client": "", "also": ""}))[0] == 200
    (ann,) = [c for c in (await call(http, "GET", "contacts"))[1]["items"] if c["id"] == ann["id"]]
    assert (ann["client_name"], ann["also"]) == (None, [])
    agent = await site.person("agent")
    assert "Add a client" not in (await agent.get("/clients"))[1]


async def test_the_command_line_adds_and_lists_clients(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    await operate(site.db, "client add North --domain North.example --domain north.test")
    client_id = capsys.readouterr().out.strip()
    await operate(site.db, "client list")
    assert capsys.readouterr().out == f"{client_id}  North  north.example north.test\n"
    for line, why in (
        ("client add north", "a client named “North” already"),
        ("client add Free --domain gmail.com", "anybody can have an address at gmail.com"),
        ("client add ' '", "1 to 100 characters"),
    ):
        with pytest.raises(Refused, match=why):
            await operate(site.db, line)
    row = await site.row("select actor from audit where tenant_id = $1 and action = 'add_client'")
    assert row["actor"] == "postroom command"
