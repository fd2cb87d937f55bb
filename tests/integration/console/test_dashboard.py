"""Dashboard and system health: the figures are the ledger's, and what is wrong comes with what to do."""

from __future__ import annotations

import pytest

from domain.version import VERSION
from storage.objects import Objects
from tests.integration.console.site import Site
from tests.letters import letter
from workers import admin


async def sql(site: Site, statement: str) -> None:
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute(statement)


async def test_the_dashboard_shows_what_went_through_how_fast_and_what_waits(site: Site) -> None:
    for number in range(3):
        await site.receive(letter("alice@example.com", f"Mail {number}"))
    await sql(
        site,
        """update emails set state = 'done', done_at = now() - interval '5 minutes',
                  received_at = now() - interval '5 minutes' - interval '2 seconds'""",
    )
    for client in ("One", "Two"):
        client_id = await admin.add_client(site.db, site.tenant.tenant_id, client)
        await admin.add_contact(site.db, site.tenant.tenant_id, "bob@example.com", "Bob", client_id)
    await site.receive(letter("bob@example.com", "Which client?"))
    person = await site.person("viewer")
    for span in ("day", "week"):
        _, page = await person.get(f"/dashboard?span={span}")
        assert "<dt>Done</dt><dd>3</dd>" in page
        assert "<dt>Open</dt><dd>1</dd>" in page
        assert "<dt>Waiting tasks</dt><dd>1</dd>" in page
        assert '<td class="number">2.0 s</td>' in page, "the latency, in the table beside its chart"
        assert 'class="bar"' in page
        assert "waits for a person" in page


async def test_an_empty_dashboard_says_so(site: Site) -> None:
    _, page = await (await site.person("viewer")).get("/dashboard?span=never")
    assert "No mail in this time." in page
    assert "Every mail has its outcome." in page


async def test_a_system_in_order_has_nothing_to_mend(site: Site) -> None:
    _, page = await (await site.person("admin")).get("/system")
    assert "mend it" not in page
    assert "look at it" not in page
    assert "1 polling" in page
    assert VERSION in page


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("update mailboxes set state = 'needs_reauth'", "1 to be connected again"),
        ("update mailboxes set created_at = now() - interval '3 days'", "not checked for two days"),
        ("update mailboxes set sealed_secret = 'v1:k0:a:b'", "sealed by an older key"),
    ],
)
async def test_what_has_to_be_looked_at_is_said_with_the_next_step(site: Site, statement: str, word: str) -> None:
    await sql(site, statement)
    _, page = await (await site.person("admin")).get("/system")
    assert word in page
    assert page.count("look at it") == 1


@pytest.mark.parametrize(
    ("state", "word"),
    [("active", "1 end within twelve hours"), ("paused", "all are renewed"), ("needs_reauth", "all are renewed")],
)
async def test_watches_of_mailboxes_that_are_not_read_may_end(site: Site, state: str, word: str) -> None:
    await sql(
        site,
        """insert into mailbox_watches (tenant_id, mailbox_id, what, watch_id, secret_sha256, expires_at, renew_at)
           select tenant_id, mailbox_id, 'inbox', 'watch-1', sha256(''), now() + interval '1 hour', now()
             from mailboxes""",
    )
    await sql(site, f"update mailboxes set state = '{state}'")
    _, page = await (await site.person("admin")).get("/system")
    assert word in page


async def test_what_is_away_does_not_keep_the_page_away(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: Objects) -> None:
        raise OSError("no such bucket")

    monkeypatch.setattr(Objects, "probe", broken)
    site.temporal.state = "away"
    status, page = await (await site.person("admin")).get("/system")
    assert status == 200
    assert "Temporal</b> does not answer" in page
    assert "Object store</b> cannot be written and read" in page
    assert page.count("mend it") == 2
