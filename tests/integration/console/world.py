"""A tenant in which one of everything exists, and a good example of every request that changes something.

The tests of what holds for *every* route (roles, tenancy, audit, "GET changes nothing") are generated from the route
tables. Whoever adds a route that changes something adds its example here; whoever adds a kind of thing, its id.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp

from console.api.operations import OPERATIONS, Operation
from console.passwords import HASHER
from console.routes import ROUTES, Page, Public
from domain.decision import CircuitKey
from domain.rules import RuleSet
from domain.task import TaskResolution
from storage import events, loops, mailbox_jobs, merging, people, replays, rules, tasks
from storage.api_tokens import SCOPES
from tests.integration.console.site import Person, Site
from tests.letters import letter
from workers import admin

NEW_PASSWORD = "correct horse battery staple"
NEW_PASSWORD_HASH = HASHER.hash(NEW_PASSWORD)

PAGES = [route for route in ROUTES if isinstance(route, Page)]
PUBLIC = [route for route in ROUTES if isinstance(route, Public)]


# Rules that none of the world's mails matches.
RULES = RuleSet.model_validate(
    {
        "rules": [
            {
                "id": word,
                "name": f"About {word}",
                "when": {"field": "subject", "is": "contains", "value": word},
                "then": {"skip": True},
            }
            for word in ("fire", "water")
        ]
    }
)
_RULE_FORM = {
    "name": "About air",
    "course": "skip",
    "match": "all",
    "g0.mode": "all",
    "g0.r0.field": "subject",
    "g0.r0.op": "contains",
    "g0.r0.value": "air",
    "do": "save",
}


@dataclass
class World:
    """`ids` are by the first part of the path that they belong to: `tickets`, `tasks`, …

    `owner` and `api` may do everything, and have been used before.
    """

    site: Site
    tenant_id: UUID
    ids: dict[str, str]
    owner: Person
    api: aiohttp.ClientSession


@dataclass(frozen=True)
class Example:
    """A request that succeeds: a form's fields or a JSON body. `path` where ids alone do not make it."""

    body: dict[str, Any] = field(default_factory=dict)
    path: str = ""


async def open_world(site: Site) -> World:
    """A new tenant with one of everything."""
    other = await site.other_tenant()
    tenant_id = other.tenant_id
    mail = letter("alice@example.com", "Theirs", to="help@other.test")
    mail.add_alternative("<p>Secret</p>", subtype="html")
    mail.add_attachment(b"secret", maintype="application", subtype="octet-stream", filename="theirs.bin")
    email = await site.receive(mail, other)
    for name in ("Bakery", "Books"):
        client_id = await admin.add_client(site.db, tenant_id, name)
        await admin.add_contact(site.db, tenant_id, "ines@example.org", "Ines", client_id)
    await site.receive(letter("ines@example.org", to="help@other.test"), other)
    async with site.db.tenant(tenant_id) as session:
        attachment = await session.fetchval("select attachment_id from attachments")
        task = await session.fetchval("select task_id from tasks")
        await loops.open_circuit(session, tenant_id, CircuitKey(scope="tenant", key=""), email["email_id"])
        job = await mailbox_jobs.create(session, tenant_id, other.mailbox_id, "diagnose", "ann")
        circuit = await session.fetchval("select circuit_id from circuits")
        defaults_id = await session.fetchval("select defaults_id from inbound_defaults")
        contact_id = await session.fetchval("select contact_id from contacts")
        await people.add_client(session, tenant_id, "Books", ["books.example"])
        await rules.save(session, tenant_id, RULES, based_on=0, actor="ann")
        replay_id = await replays.begin(session, tenant_id, datetime.now(UTC), 1, 0, actor="ann")
        await replays.finish(session, tenant_id, replay_id, "done")
        await session.execute(
            """insert into sender_associations (tenant_id, kind, value, client_id, learned_by)
               values ($1, 'domain', 'example.net', $2, 'ann')""",
            tenant_id,
            client_id,
        )
        endpoint, _ = await events.add_endpoint(
            session, site.keyring, tenant_id, "https://receiver.example/", ["ticket.created"]
        )
    user_id = await admin.add_user(site.db, tenant_id, "vera@example.org", "Vera", "viewer")
    await admin.create_api_token(site.db, tenant_id, "Shop", "read")
    owner, api = await site.person("owner", tenant_id), await site.api(SCOPES[-1], tenant_id)
    # The first use of a token is noted with it.
    async with api.get("mailboxes") as response:
        assert response.status == 200
    async with site.db.tenant(tenant_id) as session:
        token_id = await session.fetchval("select token_id from api_tokens where name = 'Shop'")
        audit_id = await session.fetchval("select audit_id from audit where action = 'add_user'")
        session_id = await session.fetchval("select session_id from sessions")
    ids = {
        "account": session_id,
        "users": user_id,
        "tokens": token_id,
        "audit": audit_id,
        "tickets": email["ticket_id"],
        "emails": email["email_id"],
        "tasks": task,
        "attachments": attachment,
        "comments": email["comment_id"],
        "mailboxes": other.mailbox_id,
        "circuits": circuit,
        "event-endpoints": endpoint,
        "rules": "fire",
        "rule-versions": 1,
        "rule-replays": replay_id,
        "defaults": defaults_id,
        "clients": client_id,
        "contacts": contact_id,
        "mailbox-jobs": job,
    }
    return World(site, tenant_id, {kind: str(value) for kind, value in ids.items()}, owner, api)


async def _split(world: World) -> Example:
    """The first comment is the ticket's own; a second one can be moved."""
    async with world.site.db.tenant(world.tenant_id) as session:
        mailbox_id = await session.fetchval("select mailbox_id from mailboxes")
        message_id = await session.fetchval("select message_key from emails where email_id = $1", world.ids["emails"])
    tenant = admin.Tenant(world.tenant_id, "Other", "", mailbox_id)
    mail = letter("alice@example.com", "Re: Theirs", "More.", to="help@other.test", in_reply_to=message_id)
    reply = await world.site.receive(mail, tenant)
    return Example(path=f"/comments/{reply['comment_id']}/split")


async def _login(world: World) -> Example:
    link = await admin.create_login_link(world.site.db, world.tenant_id, "owner@postroom.test", "")
    return Example(path=link)


async def _bulk(world: World) -> Example:
    return Example({"task": world.ids["tasks"], "choice": "no_client"})


async def _undo(world: World) -> Example:
    await _hold(world, "owner@postroom.test")
    return Example({"tasks": world.ids["tasks"]})


async def _held_by_api(world: World) -> Example:
    await _hold(world, "api:tests")
    return Example()


async def _hold(world: World, by: str) -> None:
    """An answer that may be taken back for a minute."""
    resolution, minute = TaskResolution(choice="no_client", by=by), timedelta(minutes=1)
    async with world.site.db.tenant(world.tenant_id) as session:
        task_id = UUID(world.ids["tasks"])
        await tasks.settle(session, world.tenant_id, task_id, resolution, delivered=False, hold=minute)


async def _second(world: World) -> int:
    """The number of another ticket of the world."""
    async with world.site.db.tenant(world.tenant_id) as session:
        mailbox_id = await session.fetchval("select mailbox_id from mailboxes")
    tenant = admin.Tenant(world.tenant_id, "Other", "", mailbox_id)
    email = await world.site.receive(letter("bob@example.com", "Another matter", to="help@other.test"), tenant)
    async with world.site.db.tenant(world.tenant_id) as session:
        number: int = await session.fetchval("select number from tickets where ticket_id = $1", email["ticket_id"])
    return number


async def _move(world: World) -> Example:
    return Example({"ticket": await _second(world)}, (await _split(world)).path.replace("split", "move"))


async def _merge(world: World) -> Example:
    return Example({"into": await _second(world)})


async def _merged(world: World) -> Example:
    number = await _second(world)
    async with world.site.db.tenant(world.tenant_id) as session:
        into = await session.fetchval("select ticket_id from tickets where number = $1", number)
        ours = UUID(world.ids["tickets"])
        if await session.fetchval("select status from tickets where ticket_id = $1", ours) != "merged":
            await merging.merge(session, world.tenant_id, ours, into, actor="ann")
    return Example()


async def _destination(world: World) -> Example:
    return Example({"defaults_id": world.ids["defaults"]})


async def _older(world: World) -> Example:
    """A version that is no longer in force."""
    async with world.site.db.tenant(world.tenant_id) as session:
        await rules.save(session, world.tenant_id, RuleSet(), based_on=1, actor="ann")
    return Example()


async def _mailbox(world: World) -> Example:
    return Example({"mailbox": world.ids["mailboxes"], "from": "ann@example.com", "subject": "Fire", "body": "Hot."})


async def _domain(world: World) -> Example:
    return Example({"domain": "books.example", "defaults_id": world.ids["defaults"]})


async def _login_by_password(world: World) -> Example:
    tenant_id, db = world.tenant_id, world.site.db
    await admin.add_user(db, tenant_id, f"{tenant_id}@example.com", "Ann", "agent")
    async with db.tenant(tenant_id) as session:
        await session.execute("update users set password = $1 where email like '%@example.com'", NEW_PASSWORD_HASH)
    return Example({"email": f"{tenant_id}@example.com", "password": NEW_PASSWORD}, "/login")


async def _set_password(world: World) -> Example:
    link = await admin.create_password_link(world.site.db, world.tenant_id, "owner@postroom.test", "")
    return Example({"password": NEW_PASSWORD, "again": NEW_PASSWORD}, link)


async def _own_session(world: World) -> Example:
    async with world.site.db.tenant(world.tenant_id) as session:
        session_id = await session.fetchval(
            """select session_id from sessions join users using (tenant_id, user_id)
                where email = 'owner@postroom.test' order by sessions.created_at desc limit 1"""
        )
    return Example(path=f"/account/sessions/{session_id}/end")


IMAP = {"host": "imap.example.com", "password": "secret"}


async def _draft(world: World) -> Example:
    """The world's mailbox, as if nobody had set it up yet."""
    async with world.site.db.tenant(world.tenant_id) as session:
        await session.execute("update mailboxes set state = 'draft', provider = 'imap'")
    return Example()


async def _imap_form(world: World) -> Example:
    await _draft(world)
    return Example(dict(IMAP))


async def _imap_body(world: World) -> Example:
    await _draft(world)
    return Example({"fields": dict(IMAP)})


async def _quarantined(world: World) -> Example:
    """The world's question, as if a rule had put its mail into quarantine."""
    options = [{"id": "release:rule", "label": "Release it"}, {"id": "discard", "label": "Discard the message"}]
    async with world.site.db.tenant(world.tenant_id) as session:
        await session.execute("update tasks set kind = 'release_message', options = $1", options)
    return Example({"group": "rule", "verb": "release", "task": world.ids["tasks"]})


async def _agreed(world: World) -> Example:
    async with world.site.db.tenant(world.tenant_id) as session:
        mailbox_id = UUID(world.ids["mailboxes"])
        job_id = await mailbox_jobs.create(session, world.tenant_id, mailbox_id, "consent", "ann")
        await mailbox_jobs.keep_sealed(session, world.tenant_id, job_id, "sealed")
        state = hashlib.sha256(b"state").hexdigest()
        await mailbox_jobs.finish(session, world.tenant_id, job_id, result={"state_sha256": state})
    return Example({"state": "state", "code": "code"})


def _body(**body: Any) -> Callable[[World], Awaitable[Example]]:
    async def example(world: World) -> Example:
        return Example(body)

    return example


# For each page that changes something: `METHOD path` as the route table has it.
FORMS: dict[str, Callable[[World], Awaitable[Example]]] = {
    "POST /login/{token}": _login,
    "POST /login": _login_by_password,
    "POST /password/{token}": _set_password,
    "POST /logout": _body(),
    "POST /account/password": _body(password=NEW_PASSWORD, again=NEW_PASSWORD),
    "POST /account/sign-out": _body(),
    "POST /account/sessions/{id}/end": _own_session,
    "POST /theme": _body(theme="dark", back="/tickets"),
    "POST /users": _body(email="new@example.com", name="New", role="agent"),
    "POST /users/{id}": _body(name="Other name", role="agent"),
    "POST /users/{id}/link": _body(),
    "POST /users/{id}/sign-out": _body(),
    "POST /tokens": _body(name="Shop", scope="read", days="30"),
    "POST /tokens/{id}/revoke": _body(),
    "POST /mailboxes/new": _body(address="sales@example.org", provider="raw"),
    "POST /mailboxes/{id}/access": _imap_form,
    "POST /mailboxes/{id}/setup/jobs": _body(work="diagnose"),
    "POST /mailboxes/{id}/start": _draft,
    "POST /oauth/callback": _agreed,
    "POST /quarantine": _quarantined,
    "POST /mailboxes/{id}/pause": _body(),
    "POST /mailboxes/{id}/resume": _body(),
    "POST /mailboxes/{id}/resync": _body(since="2026-01-01"),
    "POST /mailboxes/{id}/remove": _body(address="help@other.test"),
    "POST /mailboxes/{id}/jobs": _body(work="diagnose"),
    "POST /tasks/{id}": _body(choice="no_client"),
    "POST /rules/new": _body(**_RULE_FORM),
    "POST /rules/otherwise": _body(action="skip"),
    "POST /rules/{id}": _body(**_RULE_FORM),
    "POST /rules/{id}/move": _body(to="down"),
    "POST /rules/{id}/state": _body(state="disabled"),
    "POST /rules/{id}/remove": _body(),
    "POST /rule-versions/{id}": _older,
    "POST /rule-tester": _mailbox,
    "POST /rule-replays": _body(since="2026-01-01"),
    "POST /defaults": _body(name="Sales", queue="Sales", priority="high", active="yes"),
    "POST /defaults/{id}": _body(name="Second line", queue="Support", priority="low", active="yes"),
    "POST /mailboxes/{id}/defaults": _destination,
    "POST /policies": _body(copies="linked"),
    "POST /mailboxes/{id}/policy": _body(unknown_sender="ask"),
    "POST /circuits/{id}/reset": _body(),
    "POST /associations/revoke": _body(kind="domain", value="example.net"),
    "POST /clients/new": _body(name="North", domains="north.example"),
    "POST /clients/{id}": _body(name="Books & Co", domains="books.example"),
    "POST /contacts/new": _body(address="ann@north.example", name="Ann"),
    "POST /contacts/{id}": _body(address="ines@books.example", name="Ines"),
    "POST /clients/{id}/destination": _destination,
    "POST /clients/{id}/aliases": _body(aliases="The Books"),
    "POST /contacts/{id}/destination": _destination,
    "POST /domains/destination": _domain,
    "POST /comments/{id}/split": _split,
    "POST /comments/{id}/move": _move,
    "POST /tickets/{id}/merge": _merge,
    "POST /tickets/{id}/undo-merge": _merged,
    "POST /tickets/{id}/watchers": _body(address="carol@example.org", state="watching"),
    "POST /tasks/bulk": _bulk,
    "POST /find/look": _body(q="lost@example.com"),
    "POST /tasks/undo": _undo,
    "POST /tasks/{id}/assignee": _body(assignee="me"),
    "POST /tickets/{id}": _body(status="closed", tags="Billing, vip"),
    "POST /tickets/{id}/notes": _body(text="I know them."),
    "POST /event-endpoints": _body(url="https://receiver.example/", kinds="ticket.created"),
    "POST /event-endpoints/{id}/state": _body(state="paused"),
    "POST /event-endpoints/{id}/remove": _body(),
    "POST /event-endpoints/{id}/retry": _body(),
}

# For each operation that takes a body or changes something.
BODIES: dict[str, Callable[[World], Awaitable[Example]]] = {
    "POST /users": _body(email="new@example.com", role="agent"),
    "PATCH /users/{id}": _body(role="agent"),
    "POST /users/{id}/link": _body(),
    "POST /users/{id}/sign-out": _body(),
    "POST /tokens": _body(name="Shop", scope="read", days=30),
    "POST /tokens/{id}/revoke": _body(),
    "POST /tasks/{id}/resolution": _body(choice="no_client"),
    "POST /tasks/{id}/undo": _held_by_api,
    "POST /mailboxes/look": _body(),
    "PUT /tasks/{id}/assignee": _body(assignee_id=None),
    "PATCH /tickets/{id}": _body(status="closed", tags=["billing"]),
    "POST /tickets/{id}/notes": _body(text="Seen by the billing system."),
    "POST /tickets/{id}/outbound": _body(to=["buyer@example.org"]),
    "POST /comments/{id}/split": _split,
    "POST /comments/{id}/move": _move,
    "POST /tickets/{id}/merge": _merge,
    "POST /tickets/{id}/undo-merge": _merged,
    "PUT /tickets/{id}/watchers": _body(address="carol@example.org", state="watching"),
    "POST /explain": _body(mailbox="help@other.test", raw="RnJvbTogYUBleGFtcGxlLmNvbQ0KDQpIaQ0K"),
    "PUT /rules": _body(based_on=1, rule_set={"rules": []}),
    "POST /rule-replays": _body(since="2026-01-01T00:00:00Z"),
    "POST /defaults": _body(name="Sales", queue="Sales"),
    "PUT /defaults/{id}": _body(name="Second line", queue="Support"),
    "PUT /mailboxes/{id}/defaults": _destination,
    "POST /clients": _body(name="North", domains=["north.example"]),
    "PUT /clients/{id}": _body(name="Books & Co", domains=["books.example"]),
    "POST /contacts": _body(address="ann@north.example"),
    "PUT /contacts/{id}": _body(address="ines@books.example"),
    "PUT /clients/{id}/destination": _destination,
    "PUT /clients/{id}/aliases": _body(aliases=["The Books"]),
    "PUT /contacts/{id}/destination": _destination,
    "PUT /domains/destination": _domain,
    "POST /mailboxes": _body(address="sales@example.org", provider="raw"),
    "POST /mailboxes/{id}/access": _imap_body,
    "POST /mailboxes/{id}/start": _draft,
    "POST /mailboxes/{id}/pause": _body(),
    "POST /mailboxes/{id}/resume": _body(),
    "POST /mailboxes/{id}/resync": _body(since="2026-01-01"),
    "POST /mailboxes/{id}/remove": _body(),
    "POST /mailboxes/{id}/jobs": _body(kind="diagnose"),
    "PUT /policy": _body(),
    "PUT /mailboxes/{id}/policy": _body(),
    "POST /circuits/{id}/reset": _body(),
    "POST /associations/revoke": _body(kind="domain", value="example.net"),
    "POST /erasures": _body(kind="person", what="nobody@example.org", reason="asked for"),
    "POST /event-endpoints": _body(url="https://receiver.example/"),
    "PUT /event-endpoints/{id}/state": _body(state="paused"),
    "DELETE /event-endpoints/{id}": _body(),
    "POST /event-endpoints/{id}/retry": _body(),
}


def filled(world: World, template: str, wanted: str | None = None) -> str:
    """The path with its id filled in: the world's own of that kind, or the one that is wanted."""
    if "{" not in template:
        return template
    kind = template.split("/")[1]
    return re.sub(r"\{id\}", wanted or world.ids[kind], template)


async def example_of(world: World, route: Page | Public | Operation) -> Example:
    """The route's example, its path filled in."""
    examples = BODIES if isinstance(route, Operation) else FORMS
    key = f"{route.method} {route.path}"
    assert key in examples, f"{key} needs an example in tests/integration/console/world.py"
    example = await examples[key](world)
    return Example(example.body, example.path or filled(world, route.path))


async def send(world: World, route: Page | Public | Operation, example: Example) -> tuple[int, str]:
    """The request by somebody of the world's tenant who may do it."""
    if isinstance(route, Operation):
        async with world.api.request(route.method, example.path.lstrip("/"), json=example.body) as response:
            return response.status, await response.text()
    if isinstance(route, Public):
        browser = await world.site.browser()
        headers = {"Sec-Fetch-Site": "same-origin"}
        async with browser.post(example.path, data=example.body, headers=headers, allow_redirects=False) as response:
            return response.status, await response.text()
    return await submit(world.owner, example)


async def submit(person: Person, example: Example) -> tuple[int, str]:
    """A form as the browser sends it; a redirect is an answer."""
    headers = {"Sec-Fetch-Site": "same-origin"}
    form = {**example.body, "csrf": await person.csrf()}
    async with person.http.post(example.path, data=form, headers=headers, allow_redirects=False) as response:
        return response.status, await response.text()


def label(route: Page | Public | Operation) -> str:
    return f"{'api ' if isinstance(route, Operation) else ''}{route.method} {route.path}"


CHANGING: list[Page | Public | Operation] = [route for route in (*PAGES, *PUBLIC, *OPERATIONS) if route.method != "GET"]
READING: list[Page | Operation] = [route for route in (*PAGES, *OPERATIONS) if route.method == "GET"]
