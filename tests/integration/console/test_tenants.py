"""Another tenant's things are not there: every id, on every route, answers as an id that nobody has."""

from __future__ import annotations

from uuid import uuid4

import pytest

from console.api.operations import OPERATIONS, Operation
from console.routes import ROUTES, Page
from domain.decision import CircuitKey
from storage import loops
from tests.integration.console.site import Site
from tests.letters import letter
from workers import admin

WITH_ID = [route for route in ROUTES if isinstance(route, Page) and "{id}" in route.path]
OPERATIONS_WITH_ID = [operation for operation in OPERATIONS if "{id}" in operation.path]


async def _foreign_ids(site: Site) -> dict[str, str]:
    """One id of each kind, all of another tenant."""
    other = await site.other_tenant()
    mail = letter("alice@example.com", "Theirs", to="help@other.test")
    mail.add_alternative("<p>Secret</p>", subtype="html")
    mail.add_attachment(b"secret", maintype="application", subtype="octet-stream", filename="theirs.bin")
    email = await site.receive(mail, other)
    for name in ("Bakery", "Books"):
        client_id = await admin.add_client(site.db, other.tenant_id, name)
        await admin.add_contact(site.db, other.tenant_id, "ines@example.org", "Ines", client_id)
    await site.receive(letter("ines@example.org", to="help@other.test"), other)
    async with site.db.tenant(other.tenant_id) as session:
        attachment = await session.fetchval("select attachment_id from attachments")
        task = await session.fetchval("select task_id from tasks")
        await loops.open_circuit(session, other.tenant_id, CircuitKey(scope="tenant", key=""), email["email_id"])
        circuit = await session.fetchval("select circuit_id from circuits")
    assert attachment is not None
    assert task is not None
    return {
        "/tickets": str(email["ticket_id"]),
        "/emails": str(email["email_id"]),
        "/tasks": str(task),
        "/attachments": str(attachment),
        "/comments": str(email["comment_id"]),
        "/mailboxes": str(other.mailbox_id),
        "/circuits": str(circuit),
    }


def _kind(path: str) -> str:
    """`/tasks` of `/tasks/{id}/resolution`."""
    return path[: path.index("/{id}")]


def _path(template: str, wanted: str) -> str:
    return template.replace("{id}", wanted)


@pytest.mark.parametrize("route", WITH_ID, ids=lambda route: f"{route.method} {route.path}")
async def test_a_page_of_another_tenants_thing_is_a_page_of_nothing(site: Site, route: Page) -> None:
    foreign = (await _foreign_ids(site))[_kind(route.path)]
    owner = await site.person("owner")

    async def answer(wanted: str) -> tuple[int, str]:
        path = _path(route.path, wanted)
        return await (owner.get(path) if route.method == "GET" else owner.post(path, {"choice": "no_client"}))

    unknown = await answer(str(uuid4()))
    assert unknown[0] == 404
    assert await answer(foreign) == await answer("no-id-at-all") == unknown


@pytest.mark.parametrize("operation", OPERATIONS_WITH_ID, ids=lambda o: f"{o.method} {o.path}")
async def test_the_api_knows_nothing_of_another_tenant(site: Site, operation: Operation) -> None:
    foreign = (await _foreign_ids(site))[_kind(operation.path)]
    http = await site.api("write")

    async def answer(wanted: str) -> tuple[int, str]:
        path = _path(operation.path, wanted).lstrip("/")
        body = {"choice": "no_client"} if operation.method == "POST" else None
        async with http.request(operation.method, path, json=body) as response:
            return response.status, await response.text()

    unknown = await answer(str(uuid4()))
    assert unknown[0] == 404
    assert await answer(foreign) == await answer("no-id-at-all") == unknown


async def test_lists_and_searches_hold_ones_own_only(site: Site) -> None:
    await _foreign_ids(site)
    owner, http = await site.person("owner"), await site.api("read")
    for path in ("/", "/tickets", "/tickets?q=Theirs", "/find", "/find?q=Theirs", "/find?q=alice@example.com"):
        status, page = await owner.get(path)
        assert status == 200
        assert "<b>Theirs</b>" not in page
    for path in ("tickets", "emails", "tasks"):
        async with http.get(path) as response:
            assert (await response.json())["items"] == []
    async with http.get("mailboxes") as response:
        assert [m["address"] for m in (await response.json())["items"]] == ["support@postroom.test"]


async def test_the_other_tenant_does_see_them(site: Site) -> None:
    """The control of the tests above: on every one of these routes the ids are good ones, for somebody else."""
    ids = await _foreign_ids(site)
    async with site.db.directory() as connection:
        tenants = await connection.fetch("select tenant_id from directory_tenants()")
    (other,) = [row["tenant_id"] for row in tenants if row["tenant_id"] != site.tenant.tenant_id]
    owner, http = await site.person("owner", other), await site.api("read", other)
    for route in WITH_ID:
        if route.method == "GET":
            assert (await owner.get(_path(route.path, ids[_kind(route.path)])))[0] == 200
    for operation in OPERATIONS_WITH_ID:
        if operation.method == "GET":
            async with http.get(_path(operation.path, ids[_kind(operation.path)]).lstrip("/")) as response:
                assert response.status == 200
