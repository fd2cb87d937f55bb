"""Passwords and sessions: how people come in by themselves, and how they are put out."""

from __future__ import annotations

import asyncio
import statistics
import time

import aiohttp
import asyncpg
import pytest
from argon2 import PasswordHasher

from console.passwords import Passwords
from storage.access import ROLES
from tests.integration.console.site import Person, Site
from workers import admin

EMAIL, PASSWORD, OTHER = "ann@example.com", "correct horse battery", "another long password"
OURS = {"Sec-Fetch-Site": "same-origin"}


async def post(http: aiohttp.ClientSession, path: str, **form: str) -> tuple[int, str]:
    async with http.post(path, data=form, headers=OURS, allow_redirects=False) as response:
        return response.status, response.headers.get("Location") or await response.text()


async def ann(site: Site) -> aiohttp.ClientSession:
    """Ann's browser; she has set her password by the link that the command printed."""
    await admin.add_user(site.db, site.tenant.tenant_id, EMAIL, "Ann", "agent")
    link = await admin.create_password_link(site.db, site.tenant.tenant_id, EMAIL, site.url)
    http = await site.browser()
    async with http.get(link) as response:
        assert EMAIL in await response.text()
    assert await post(http, link, password=PASSWORD, again=PASSWORD) == (303, "/")
    assert (await post(http, link, password=OTHER, again=OTHER))[0] == 410
    return http


async def signed_in(http: aiohttp.ClientSession) -> bool:
    async with http.get("/", allow_redirects=False) as response:
        return response.status == 200


async def test_a_link_sets_the_password_and_the_password_signs_in(site: Site) -> None:
    assert await signed_in(await ann(site))
    http = await site.browser()
    assert await post(http, "/login", email=" Ann@Example.com ", password=PASSWORD) == (303, "/")
    assert await signed_in(http)
    stored = await site.row("select password from users where tenant_id = $1 and email = $2", EMAIL)
    assert stored["password"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
async def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(site: Site, email: str) -> None:
    await ann(site)
    status, page = await post(await site.browser(), "/login", email=email, password="wrong")
    assert (status, "do not belong together" in page) == (403, True)


async def test_an_unknown_address_takes_as_long_as_a_wrong_password() -> None:
    passwords = Passwords()
    stored = await passwords.hash(PASSWORD)

    async def took(hashed: str | None) -> float:
        begun = time.thread_time_ns()
        passwords._check(hashed, "wrong")  # in this thread, whose own time is not disturbed by others
        return time.thread_time_ns() - begun

    known = statistics.median([await took(stored) for _ in range(5)])
    unknown = statistics.median([await took(None) for _ in range(5)])
    assert 0.5 < unknown / known < 2


async def test_five_attempts_then_nobody_until_the_time_has_passed(site: Site, db_url: str) -> None:
    await ann(site)
    http = await site.browser()
    for _ in range(5):
        assert (await post(http, "/login", email=EMAIL, password="wrong"))[0] == 403
    assert (await post(http, "/login", email=EMAIL, password=PASSWORD))[0] == 429
    assert (await post(http, "/login", email="nobody@example.com", password="x"))[0] == 403  # another account
    owner = await asyncpg.connect(db_url)
    await owner.execute("update sign_in_attempts set began_at = began_at - interval '16 minutes'")
    await owner.close()
    assert (await post(http, "/login", email=EMAIL, password=PASSWORD))[0] == 303


async def test_many_attempts_at_once_are_no_way_round(site: Site) -> None:
    await ann(site)
    http = await site.browser()
    answers = await asyncio.gather(*(post(http, "/login", email=EMAIL, password=f"guess {n}") for n in range(12)))
    assert sorted(status for status, _ in answers) == [403] * 5 + [429] * 7


async def test_success_forgets_the_failures(site: Site) -> None:
    await ann(site)
    http = await site.browser()
    for _ in range(2):
        for _ in range(4):
            await post(http, "/login", email=EMAIL, password="wrong")
        assert (await post(http, "/login", email=EMAIL, password=PASSWORD))[0] == 303


async def test_a_hash_with_other_parameters_is_replaced_at_the_next_sign_in(site: Site) -> None:
    await ann(site)
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("update users set password = $1 where email = $2", weak, EMAIL)
    assert (await post(await site.browser(), "/login", email=EMAIL, password=PASSWORD))[0] == 303
    stored = await site.row("select password from users where tenant_id = $1 and email = $2", EMAIL)
    assert "m=19456,t=2,p=1" in stored["password"]


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("too short", "too short", "too short"),
        ("x" * 300, "x" * 300, "too long"),
        ("abababababababab", "abababababababab", "too easy"),
        ("my name is ann!!", "my name is ann!!", "too easy"),
        (PASSWORD, OTHER, "not the same"),
    ],
)
async def test_a_bad_password_is_refused_and_the_link_stays(site: Site, password: str, again: str, said: str) -> None:
    await admin.add_user(site.db, site.tenant.tenant_id, EMAIL, "Ann", "agent")
    link = await admin.create_password_link(site.db, site.tenant.tenant_id, EMAIL, site.url)
    http = await site.browser()
    status, page = await post(http, link, password=password, again=again)
    assert (status, said in page) == (422, True)
    assert (await post(http, link, password=PASSWORD, again=PASSWORD))[0] == 303


async def test_a_sign_in_link_sets_no_password_and_the_other_way_round(site: Site) -> None:
    login = await admin.create_login_link(site.db, site.tenant.tenant_id, site.tenant.owner, site.url)
    setting = await admin.create_password_link(site.db, site.tenant.tenant_id, site.tenant.owner, site.url)
    http = await site.browser()
    wrong = login.replace("/login/", "/password/"), setting.replace("/password/", "/login/")
    for url in wrong:
        assert (await post(http, url, password=PASSWORD, again=PASSWORD))[0] == 410


async def test_the_session_gets_a_new_id_at_each_sign_in_and_the_old_one_ends(site: Site) -> None:
    http = await ann(site)
    (old,) = [cookie.value for cookie in http.cookie_jar]
    await post(http, "/login", email=EMAIL, password=PASSWORD)
    (new,) = [cookie.value for cookie in http.cookie_jar]
    assert new != old
    assert (await site.row("select count(*) from sessions where tenant_id = $1"))[0] == 1


async def test_changing_the_password_ends_every_other_session(site: Site) -> None:
    here, there = await ann(site), await site.browser()
    await post(there, "/login", email=EMAIL, password=PASSWORD)
    person = Person(here, site.tenant.tenant_id, EMAIL)
    form = {"current": "wrong", "password": OTHER, "again": OTHER}
    assert (await person.post("/account/password", form))[0] == 403
    assert await signed_in(there)
    assert (await person.post("/account/password", {**form, "current": PASSWORD}))[0] == 200
    assert await signed_in(here)
    assert not await signed_in(there)
    assert (await post(await site.browser(), "/login", email=EMAIL, password=PASSWORD))[0] == 403
    assert (await post(await site.browser(), "/login", email=EMAIL, password=OTHER))[0] == 303


async def test_signing_out_everywhere_ends_every_session(site: Site) -> None:
    here, there = await ann(site), await site.browser()
    await post(there, "/login", email=EMAIL, password=PASSWORD)
    await Person(here, site.tenant.tenant_id, EMAIL).post("/account/sign-out", {})
    assert not await signed_in(here)
    assert not await signed_in(there)


async def test_sessions_are_listed_with_their_browsers_and_ended_one_by_one(site: Site) -> None:
    here, there = await ann(site), await site.browser()
    async with there.post(
        "/login", data={"email": EMAIL, "password": PASSWORD}, headers={**OURS, "User-Agent": "Browser of old <b>"}
    ) as response:
        assert response.status == 200
    person = Person(here, site.tenant.tenant_id, EMAIL)
    _, page = await person.get("/account")
    assert "Browser of old &lt;b&gt;" in page
    row = await site.row("select session_id from sessions where tenant_id = $1 and user_agent like 'Browser%'")
    assert (await person.post(f"/account/sessions/{row['session_id']}/end", {}))[0] == 200
    assert await signed_in(here)
    assert not await signed_in(there)


async def test_nobody_ends_anybody_elses_session_there(site: Site) -> None:
    http = await ann(site)
    other = await site.person("viewer")
    row = await site.row(
        "select session_id from sessions join users using (tenant_id, user_id) where tenant_id = $1 and email = $2",
        other.email,
    )
    person = Person(http, site.tenant.tenant_id, EMAIL)
    assert (await person.post(f"/account/sessions/{row['session_id']}/end", {}))[0] == 404
    assert await signed_in(other.http)


# Users -----------------------------------------------------------------------------------------------------------


async def id_of(site: Site, email: str) -> str:
    return str((await site.row("select user_id from users where tenant_id = $1 and email = $2", email))[0])


async def test_a_new_role_ends_the_old_sessions(site: Site) -> None:
    owner, agent = await site.person("owner"), await site.person("agent")
    await owner.post(f"/users/{await id_of(site, agent.email)}", {"name": "Agent", "role": "viewer"})
    assert not await signed_in(agent.http)


async def test_ones_own_new_role_goes_on_under_a_new_session(site: Site) -> None:
    owner = await site.person("owner")  # the tenant has another owner, from its first start
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute("insert into users (tenant_id, user_id, email, name, role) select tenant_id, "
                              "gen_random_uuid(), 'second@example.com', 'Second', 'owner' from tenants")  # fmt: skip
    (old,) = [cookie.value for cookie in owner.http.cookie_jar]
    await owner.post(f"/users/{await id_of(site, owner.email)}", {"name": "Owner", "role": "admin"})
    (new,) = [cookie.value for cookie in owner.http.cookie_jar]
    assert new != old
    assert await signed_in(owner.http)


async def test_stopping_access_ends_sessions_password_and_links(site: Site) -> None:
    http = await ann(site)
    link = await admin.create_login_link(site.db, site.tenant.tenant_id, EMAIL, site.url)
    owner = await site.person("owner")
    await owner.post(f"/users/{await id_of(site, EMAIL)}", {"active": "no"})
    assert not await signed_in(http)
    assert (await post(await site.browser(), "/login", email=EMAIL, password=PASSWORD))[0] == 403
    assert (await post(await site.browser(), link))[0] == 410
    with pytest.raises(admin.AdminError, match="may sign in"):
        await admin.create_login_link(site.db, site.tenant.tenant_id, EMAIL, site.url)


async def test_the_last_owner_stays(site: Site) -> None:
    owner = await site.person("owner")
    path = f"/users/{await id_of(site, owner.email)}"
    for form in ({"role": "admin"}, {"active": "no"}):
        status, page = await owner.post(path, form)
        assert (status, "last owner" in page) == (409, True)


async def test_an_admin_makes_no_owner_and_touches_none(site: Site) -> None:
    admin_, agent = await site.person("admin"), await site.person("agent")
    owner_id = await id_of(site, site.tenant.owner)
    assert (await admin_.post(f"/users/{await id_of(site, agent.email)}", {"role": "owner"}))[0] == 409
    assert (await admin_.post("/users", {"email": "x@example.com", "role": "owner"}))[0] == 409
    assert (await admin_.post(f"/users/{owner_id}/link", {}))[0] == 409
    assert (await admin_.post(f"/users/{owner_id}", {"active": "no"}))[0] == 409


async def test_a_new_user_gets_a_link_that_is_shown_once(site: Site) -> None:
    owner = await site.person("owner")
    status, page = await owner.post("/users", {"email": "new@example.com", "name": "New", "role": ROLES[0]})
    assert (status, page.count("/password/") > 0) == (200, True)
    _, later = await owner.get(f"/users/{await id_of(site, 'new@example.com')}")
    assert "/password/" not in later
    assert (await owner.post("/users", {"email": "NEW@example.com", "role": "agent"}))[0] == 409
