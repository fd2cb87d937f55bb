"""`postroom user` and `postroom token`: what operators do when nobody can get into the console yet, or any more."""

from __future__ import annotations

import argparse
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from tests.integration.console.site import Site
from workers import arguments, people_commands
from workers.command import Refused

OURS = {"Sec-Fetch-Site": "same-origin"}
PASSWORD = "correct horse battery"


async def run(site: Site, command: str, **args: Any) -> int:
    settings = SimpleNamespace(public_url=site.url)
    done: int = await getattr(people_commands, command)(argparse.Namespace(tenant=None, **args), settings, site.db)
    return done


async def test_a_person_is_added_sets_a_password_is_stopped_and_let_in_again(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    email = "ann@example.com"
    await run(site, "user_add", email=email, name=None, role="viewer")
    assert "/login/" in capsys.readouterr().out
    await run(site, "user_link", email=email, once=False)
    link = capsys.readouterr().out.strip()
    http = await site.browser()
    form = {"password": PASSWORD, "again": PASSWORD}
    async with http.post(link, data=form, headers=OURS) as response:
        assert (response.status, response.url.path) == (200, "/")

    await run(site, "user_stop", email=email, active=False)
    async with http.get("/", allow_redirects=False) as response:
        assert response.status == 303
    await run(site, "user_list")
    assert "ann@example.com" in (shown := capsys.readouterr().out)
    assert "may not sign in" in shown

    await run(site, "user_stop", email=email, active=True)
    await run(site, "user_link", email=email, once=True)
    async with http.post(capsys.readouterr().out.strip(), headers=OURS) as response:
        assert response.status == 200


async def test_the_last_owner_and_strangers_are_refused(site: Site) -> None:
    with pytest.raises(Refused, match="last owner"):
        await run(site, "user_stop", email=site.tenant.owner, active=False)
    with pytest.raises(Refused, match="postroom user list"):
        await run(site, "user_stop", email="nobody@example.com", active=False)


async def test_a_token_is_shown_once_listed_by_its_beginning_and_revoked(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    await run(site, "token_add", name="Shop", scope="read", days=30)
    token = capsys.readouterr().out.strip()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        url = f"{site.url}/api/v1/tickets"
        async with http.get(url) as response:
            assert response.status == 200
        await run(site, "token_list")
        listed = capsys.readouterr().out
        assert token not in listed
        assert token[:9] in listed
        await run(site, "token_revoke", token=listed.split()[0])
        async with http.get(url) as response:
            assert response.status == 401
    await run(site, "token_list")
    assert "revoked" in capsys.readouterr().out
    for unknown in ("nonsense", "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(Refused, match="postroom token list"):
            await run(site, "token_revoke", token=unknown)


@pytest.mark.parametrize("days", ["0", "-1", "x", "99999"])
def test_a_token_ends_within_ten_years(days: str) -> None:
    parser = argparse.ArgumentParser()
    arguments.add(parser.add_subparsers())
    with pytest.raises(SystemExit):
        parser.parse_args(["token", "add", "Shop", "--days", days])
