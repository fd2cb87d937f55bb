"""Mailboxes set up in the console, from the first form to the first ticket; real workers do what the console asks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import parse_qsl
from uuid import UUID

import aiohttp
import pytest_asyncio
from aiohttp.test_utils import TestServer

from console.application import make_application
from console.delivery import Delivery
from console.services import Services
from tests.integration.console.site import Person
from tests.integration.push.stand import Stand
from tests.letters import letter
from tests.simulators.dovecot import Dovecot, dovecot
from tests.simulators.google import PUSH_ACCOUNT, TOPIC
from tests.simulators.microsoft_login import DIRECTORY
from tests.simulators.token_server import CLIENT_SECRET, token_server
from workers import admin

__all__ = ["dovecot"]

GMAIL, GRAPH, IMAP = "help@example.org", "help@example.net", "set-up@example.com"


@pytest_asyncio.fixture
async def person(stand: Stand) -> AsyncIterator[Person]:
    """An administrator at the console of the stand's house. Consents come back to where the worker says."""
    house = stand.house
    services = Services(
        db=house.db,
        objects=house.objects,
        runs=house.runs,
        keyring=house.keyring,
        token_keys=house.keyring.derive("reply-token"),
        public_url="http://127.0.0.1",
    )
    server = TestServer(make_application(services, Delivery(services)), host="127.0.0.1")
    await server.start_server()
    url = str(server.make_url("")).rstrip("/")
    await admin.add_user(house.db, house.tenant_id, "admin@postroom.test", "Admin", "admin")
    async with aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        link = await admin.create_login_link(house.db, house.tenant_id, "admin@postroom.test", url)
        async with http.post(link, headers={"Sec-Fetch-Site": "same-origin"}) as response:
            assert response.status == 200
        yield Person(http, house.tenant_id, "admin@postroom.test")
    await server.close()


async def new(person: Person, address: str, provider: str) -> str:
    """The path of the mailbox that is being set up."""
    status, page = await person.post("/mailboxes/new", {"address": address, "provider": provider})
    assert status == 200, page
    _, listing = await person.get("/mailboxes")
    assert "being set up" in listing
    return "/mailboxes/" + page.split('<p class="crumb"><a href="/mailboxes/')[1].split('"')[0]


async def shown(stand: Stand, page: Callable[[], Awaitable[tuple[int, str]]], words: str) -> str:
    """Looks at the page until it says so."""
    last = ""

    async def check() -> bool:
        nonlocal last
        _, last = await page()
        return words in last

    try:
        await stand.house.until(check, f"{words!r} on the page")
    except AssertionError:
        raise AssertionError(f"{words!r} is not in {last}") from None
    return last


async def reading(stand: Stand, path: str) -> None:
    """What the worker's loop does for a mailbox that was started."""
    mailbox_id = UUID(path.rpartition("/")[2])
    (row,) = await stand.house.rows("select * from mailboxes where tenant_id = $1 and mailbox_id = $2", mailbox_id)
    assert row["state"] == "active"
    await stand.start(mailbox_id, row["provider"])


async def agreed(stand: Stand, person: Person, path: str) -> dict[str, str]:
    """Asks for consent and agrees as the mailbox's user; what the provider sends the browser back with."""
    await person.post(f"{path}/setup/jobs", {"work": "consent"})
    page = await shown(stand, lambda: person.get(f"{path}/setup"), "Agree as the mailbox")
    url = page.split('class="button primary" href="')[1].split('"')[0].replace("&amp;", "&")
    async with aiohttp.ClientSession() as browser, browser.get(url, allow_redirects=False) as answer:
        back = answer.headers["Location"]
    assert back.startswith("http://console.test/oauth/callback?")
    _, page = await person.get(f"/oauth/callback?{back.partition('?')[2]}")
    assert "Connect the mailbox" in page
    return dict(parse_qsl(back.partition("?")[2]))


async def redeemed(stand: Stand) -> None:
    async def kept() -> bool:
        (row,) = await stand.house.rows("select state from mailbox_jobs where tenant_id = $1 and kind = 'redeem'")
        return bool(row["state"] == "done")

    await stand.house.until(kept, "a consent that was redeemed")


async def test_gmail_with_a_service_account(stand: Stand, person: Person) -> None:
    account = stand.google.account(GMAIL)
    account.deliver(letter("alice@example.com", "Before", message_id="before@example.com").as_bytes(), age=3600)
    path = await new(person, GMAIL, "gmail")
    status, page = await person.post(f"{path}/access", {"key": "{}"})
    assert status == 422
    assert "neither the JSON key of a service account" in page
    key = json.dumps({**stand.google.oauth.service_account_key(), "type": "service_account"})
    await person.post(f"{path}/access", {"key": key, "folders": "INBOX, Missing"})
    await person.post(f"{path}/setup/jobs", {"work": "diagnose"})
    page = await shown(stand, lambda: person.get(f"{path}/setup"), "there is no label with the id Missing")
    assert stand.google.oauth.service_account_key()["private_key"][:60] not in page
    await person.post(f"{path}/access", {"key": key, "folders": "INBOX"})
    await person.post(f"{path}/setup/jobs", {"work": "diagnose"})
    await shown(stand, lambda: person.get(f"{path}/setup"), "not set up: the mailbox is polled")
    assert await stand.house.emails() == [], "a mailbox that is being set up is not read"

    await person.post(f"{path}/start", {"from": "now"})
    await reading(stand, path)
    account.deliver(letter("alice@example.com", "After", message_id="after@example.com").as_bytes())
    await stand.house.runs.change_mailbox(UUID(path.rpartition("/")[2]), "notify", "")
    await stand.house.settled(1)
    await shown(stand, lambda: person.get(f"{path}/setup"), "After")
    assert [t["subject"] for t in await stand.house.tickets()] == ["After"], "from now on"


async def test_gmails_pushes_are_tried_while_the_mailbox_is_set_up(stand: Stand, person: Person) -> None:
    stand.google.account(GMAIL)
    path = await new(person, GMAIL, "gmail")
    stand.google.subscribe(f"{stand.webhooks_url}/webhooks/google/{path.rpartition('/')[2]}")
    key = json.dumps({**stand.google.oauth.service_account_key(), "type": "service_account"})
    await person.post(f"{path}/access", {"key": key, "topic": TOPIC, "push_service_account": PUSH_ACCOUNT})
    await person.post(f"{path}/setup/jobs", {"work": "diagnose"})
    await shown(stand, lambda: person.get(f"{path}/setup"), "push arrived after")


async def test_gmail_with_a_users_consent(stand: Stand, person: Person) -> None:
    stand.google.account(GMAIL)
    path = await new(person, GMAIL, "gmail")
    client = {"web": {"client_id": stand.google.oauth.client_id, "client_secret": stand.google.oauth.client_secret}}
    await person.post(f"{path}/access", {"key": json.dumps(client)})
    query = await agreed(stand, person, path)
    status, page = await person.post("/oauth/callback", {"state": "another", "code": query["code"]})
    assert status == 422
    assert "belongs to no request" in page
    await person.post("/oauth/callback", {"state": query["state"], "code": query["code"]})
    await redeemed(stand)
    await person.post(f"{path}/setup/jobs", {"work": "diagnose"})
    await shown(stand, lambda: person.get(f"{path}/setup"), f"Gmail knows it as {GMAIL}")
    status, _ = await person.post("/oauth/callback", {"state": query["state"], "code": query["code"]})
    assert status == 422, "a consent is used once"


async def test_microsoft_in_the_applications_own_right(stand: Stand, person: Person) -> None:
    stand.graph.mailbox(GRAPH)
    path = await new(person, GRAPH, "microsoft")
    form = {"directory": DIRECTORY, "client_id": stand.graph.login.client_id, "grant": "own"}
    await person.post(f"{path}/access", {**form, "client_secret": "wrong"})
    await person.post(f"{path}/setup/jobs", {"work": "diagnose"})
    await shown(stand, lambda: person.get(f"{path}/setup"), "something is wrong")
    await person.post(f"{path}/access", {**form, "client_secret": stand.graph.login.client_secret})
    await person.post(f"{path}/setup/jobs", {"work": "diagnose"})
    await shown(stand, lambda: person.get(f"{path}/setup"), "Graph gives access")
    await person.post(f"{path}/start", {"from": "day", "since": "2026-01-01"})
    await reading(stand, path)
    stand.graph.mailbox(GRAPH).deliver(letter("alice@example.com", "Hello").as_bytes(), age=3600)
    (email,) = await stand.house.settled(1)
    assert (email["outcome"], email["history"]) == ("ticket", True)


async def test_imap_with_a_password(stand: Stand, person: Person, dovecot: Dovecot) -> None:
    settings = dovecot.settings(IMAP)
    path = await new(person, IMAP, "imap")
    form = {"host": settings.host, "port": str(settings.port), "security": settings.security, "password": "wrong"}
    await person.post(f"{path}/access", form)
    await person.post(f"{path}/setup/jobs", {"work": "diagnose"})
    page = await shown(stand, lambda: person.get(f"{path}/setup"), "something is wrong")
    assert 'value="wrong"' not in page, "a password is never shown"


async def test_imap_with_a_users_consent(stand: Stand, person: Person, dovecot: Dovecot) -> None:
    """A server of one's own issues the tokens, and Dovecot takes them."""
    async with token_server(dovecot.tokens) as tokens:
        path = await new(person, IMAP, "imap")
        form = {
            "way": "other", "host": "127.0.0.1", "port": str(dovecot.plain_port), "security": "plaintext",
            "client_id": "postroom", "client_secret": CLIENT_SECRET, "scope": "imap", "mechanism": "oauthbearer",
            "authorize_url": f"{tokens.url}/authorize", "token_url": f"{tokens.url}/token",
        }  # fmt: skip
        await person.post(f"{path}/access", form)
        await person.post(f"{path}/setup/jobs", {"work": "diagnose"})
        await shown(stand, lambda: person.get(f"{path}/setup"), "has not agreed yet")
        query = await agreed(stand, person, path)
        await person.post("/oauth/callback", {"state": query["state"], "code": query["code"]})
        await redeemed(stand)
        await person.post(f"{path}/setup/jobs", {"work": "diagnose"})
        page = await shown(stand, lambda: person.get(f"{path}/setup"), "new mail is announced at once")
        assert f"as {IMAP}, with oauthbearer" in page
        assert CLIENT_SECRET not in page
        await person.post(f"{path}/start", {"from": "now"})
        await reading(stand, path)
        # A mailbox that is entered anew, perhaps for another server, takes no token along.
        await person.post(f"{path}/access", form)
        await person.post(f"{path}/setup/jobs", {"work": "diagnose"})
        await shown(stand, lambda: person.get(f"{path}/setup"), "has not agreed yet")


async def test_smtp_needs_nothing_but_its_address_and_a_removed_mailbox_is_set_up_anew(
    stand: Stand, person: Person
) -> None:
    path = await new(person, "sales@postroom.test", "smtp")
    async with stand.house.db.directory() as session:
        assert await session.fetch("select * from directory_mailbox_by_address('sales@postroom.test')") == []
    await person.post(f"{path}/start", {})
    async with stand.house.db.directory() as session:
        assert len(await session.fetch("select * from directory_mailbox_by_address('sales@postroom.test')")) == 1
    status, page = await person.post("/mailboxes/new", {"address": "sales@postroom.test", "provider": "smtp"})
    assert status == 422
    assert "There is a mailbox with this address already" in page
    await person.post(f"{path}/remove", {"address": "sales@postroom.test"})
    assert await new(person, "sales@postroom.test", "raw") == path
    status, page = await person.post(f"{path}/access", {})
    assert "whsec_" in page
    _, page = await person.get(f"{path}/setup")
    assert "whsec_" not in page, "shown this once"
