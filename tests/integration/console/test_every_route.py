"""What holds for every page and every operation, generated from the route tables: roles, tenancy, audit, safe reads."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from console.api.operations import OPERATIONS, Operation
from console.roles import may
from console.routes import Page, Public
from storage.access import ROLES, Role
from storage.api_tokens import SCOPES, Scope
from tests.integration.console.site import Person, Site
from tests.integration.console.world import (
    CHANGING,
    PAGES,
    READING,
    Example,
    World,
    example_of,
    filled,
    label,
    open_world,
    send,
    submit,
)

Route = Page | Public | Operation


@pytest_asyncio.fixture(scope="module")
async def owner(shared_url: str) -> AsyncIterator[asyncpg.Connection]:
    """The database's superuser, who sees every tenant."""
    connection = await asyncpg.connect(shared_url)
    yield connection
    await connection.close()


async def content(owner: asyncpg.Connection, tenant_id: UUID) -> dict[str, str]:
    """A digest of the tenant's rows of each table."""
    tables = await owner.fetch(
        """select c.oid::regclass::text as name from pg_class c join pg_attribute a on a.attrelid = c.oid
            where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attname = 'tenant_id'"""
    )
    return {
        table["name"]: await owner.fetchval(
            f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {table['name']} t "
            "where tenant_id = $1",
            tenant_id,
        )
        for table in tables
    }


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


async def actions(owner: asyncpg.Connection, tenant_id: UUID) -> list[str]:
    rows = await owner.fetch("select action from audit where tenant_id = $1 order by audit_id", tenant_id)
    return [row["action"] for row in rows]


# Roles ----------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module")
async def staff(shared_site: Site) -> dict[Role, Person]:
    """One person of each role, signed in for as long as nothing here ends their sessions."""
    tenant = await shared_site.other_tenant()
    return {role: await shared_site.person(role, tenant.tenant_id) for role in ROLES}


@pytest.mark.parametrize("route", PAGES, ids=label)
async def test_a_page_is_for_its_role_and_higher_ones_only(
    shared_site: Site, staff: dict[Role, Person], route: Page
) -> None:
    path = route.path.replace("{id}", str(uuid4()))
    nobody = await shared_site.browser()
    async with nobody.request(route.method, path, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"].partition("?")[0]) == (303, "/login")
    for role in ROLES:
        ends_sessions = route.path == "/logout" or route.path.startswith("/account/")
        person = await shared_site.person(role) if ends_sessions else staff[role]
        if route.method == "GET":
            status, _ = await person.get(path, allow_redirects=False)
        else:
            status, _ = await submit(person, Example(path=path))
        assert (status == 403) == (not may(role, route.role)), f"{role}: {status}"
        assert status < 500


@pytest.mark.parametrize("operation", OPERATIONS, ids=label)
async def test_an_operation_is_for_tokens_of_its_scope_and_higher_ones_only(
    shared_site: Site, operation: Operation
) -> None:
    path = operation.path.replace("{id}", str(uuid4())).lstrip("/")
    nobody = await shared_site.browser()
    async with nobody.request(operation.method, f"/api/v1/{path}") as response:
        assert response.status == 401
    for scope in SCOPES:
        http = await shared_site.api(scope)
        async with http.request(operation.method, path, json={}) as response:
            assert (response.status == 403) == (SCOPES.index(scope) < SCOPES.index(operation.scope)), scope
            assert response.status < 500


@pytest.mark.parametrize("route", [r for r in CHANGING if not isinstance(r, Operation)], ids=label)
async def test_a_form_of_another_site_is_refused(
    shared_site: Site, staff: dict[Role, Person], route: Page | Public
) -> None:
    """It needs our own origin; and behind the sign-in the session's token, too."""
    path, person = re.sub(r"\{\w+\}", str(uuid4()), route.path), staff["owner"]
    token = await person.csrf()
    ours = {"Sec-Fetch-Site": "same-origin"}
    tries = [({"Sec-Fetch-Site": "cross-site"}, token), ({"Origin": "http://evil.example"}, token), ({}, token)]
    if isinstance(route, Page):
        tries += [(ours, ""), (ours, "wrong")]
    for headers, csrf in tries:
        async with person.http.post(path, data={"csrf": csrf}, headers=headers, allow_redirects=False) as response:
            assert response.status == 403, headers


# Tenancy --------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module")
async def theirs(shared_site: Site) -> World:
    """Another tenant's world."""
    return await open_world(shared_site)


@pytest.mark.parametrize("route", [r for r in (*PAGES, *OPERATIONS) if "{id}" in r.path], ids=label)
async def test_another_tenants_id_answers_as_one_that_nobody_has(
    shared_site: Site, theirs: World, route: Page | Operation
) -> None:
    body = (await example_of(theirs, route)).body if route.method != "GET" else {}
    http, person = await shared_site.api(SCOPES[-1]), await shared_site.person("owner")

    async def answer(wanted: str) -> tuple[int, str]:
        path = filled(theirs, route.path, wanted)
        if isinstance(route, Operation):
            async with http.request(route.method, path.lstrip("/"), json=body or None) as response:
                return response.status, await response.text()
        return await person.get(path) if route.method == "GET" else await submit(person, Example(body, path))

    unknown = await answer(str(uuid4()))
    assert unknown[0] == 404
    foreign = theirs.ids[route.path.split("/")[1]]
    assert await answer(foreign) == await answer("no-id-at-all") == unknown


# Reading and changing -------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module")
async def untouched(shared_site: Site) -> World:
    """A world in which no example has changed anything."""
    return await open_world(shared_site)


@pytest.mark.parametrize("route", READING, ids=label)
async def test_reading_changes_nothing(owner: asyncpg.Connection, untouched: World, route: Page | Operation) -> None:
    """And shows what is there: so every id above is a good one, for its own tenant."""
    path = filled(untouched, route.path)
    before = await content(owner, untouched.tenant_id)
    if isinstance(route, Operation):
        async with untouched.api.get(path.lstrip("/")) as response:
            status = response.status
    else:
        status, _ = await untouched.owner.get(path, allow_redirects=False)
    assert status == 200
    # Who read a whole mail, or what is locked away, is noted, and nothing else.
    noted = {"audit", "audit_chain"} if route.audit else set()
    assert changed(before, await content(owner, untouched.tenant_id)) <= noted
    if noted:
        assert (await actions(owner, untouched.tenant_id))[-1] == route.audit


@pytest.mark.parametrize("route", CHANGING, ids=label)
async def test_a_change_is_audited_and_what_is_not_audited_changes_nothing(
    shared_site: Site, owner: asyncpg.Connection, route: Route
) -> None:
    world = await open_world(shared_site)
    example = await example_of(world, route)
    before, known = await content(owner, world.tenant_id), len(await actions(owner, world.tenant_id))
    status, text = await send(world, route, example)
    assert status < 400, text
    written = (await actions(owner, world.tenant_id))[known:]
    if route.audit:
        assert written.count(route.audit) == 1, written
    else:
        assert changed(before, await content(owner, world.tenant_id)) == set()


@pytest.mark.parametrize("route", [route for route in CHANGING if route.audit], ids=label)
async def test_a_change_that_cannot_be_audited_does_not_happen(
    shared_site: Site, owner: asyncpg.Connection, route: Route
) -> None:
    """The audit row is written in the transaction of the change."""
    world = await open_world(shared_site)
    example = await example_of(world, route)
    await owner.execute(f"alter table audit add constraint broken check (tenant_id <> '{world.tenant_id}') not valid")
    try:
        before = await content(owner, world.tenant_id)
        status, _ = await send(world, route, example)
        assert status == 500
        assert changed(before, await content(owner, world.tenant_id)) == set()
    finally:
        await owner.execute("alter table audit drop constraint broken")


def test_scopes_and_roles_are_ordered() -> None:
    scopes: tuple[Scope, ...] = SCOPES
    assert scopes == ("read", "write", "admin")
