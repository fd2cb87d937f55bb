"""The mailboxes in console and API: how each stands, what can be done, and what happens while Temporal is away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from console.strings import text
from domain import webhook_secret
from domain.mailbox_jobs import Comparison, Finding
from storage import mail_hours, mailbox_jobs, mailboxes, push
from tests.integration.console.site import Site
from tests.letters import letter
from workers import admin


async def sql(site: Site, statement: str, *arguments: object) -> None:
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute(statement, *arguments)


async def state(site: Site) -> str:
    row = await site.row("select state from mailboxes where tenant_id = $1 and mailbox_id = $2", site.tenant.mailbox_id)
    return str(row["state"])


@pytest.mark.parametrize(
    ("values", "word", "advice"),
    [
        ("state = 'paused'", "paused", "Resume"),
        ("state = 'needs_reauth'", "has to be reconnected", "Connect it again"),
        ("last_sync_at = now() - interval '1 hour'", "not read", "Test the connection"),
        ("last_sync_at = now(), defaults_id = null", "has no defaults", "Choose its defaults"),
        ("state = 'draft'", "being set up", "Go on setting it up"),
    ],
)
async def test_a_mailbox_that_needs_somebody_says_so_and_has_the_button_for_the_next_step(
    site: Site, values: str, word: str, advice: str
) -> None:
    await sql(site, f"update mailboxes set {values}")
    person = await site.person("admin")
    _, listing = await person.get("/mailboxes")
    assert f">{word}<" in listing
    _, page = await person.get(f"/mailboxes/{site.tenant.mailbox_id}")
    assert advice in page
    viewer = await site.person("viewer")
    _, page = await viewer.get(f"/mailboxes/{site.tenant.mailbox_id}")
    assert f">{word}<" in page
    assert '<form method="post" action="/mailboxes' not in page


async def test_counts_and_lag_are_those_of_the_ledger_before_and_after_the_hours_are_closed(site: Site) -> None:
    for number in range(3):
        await site.receive(letter("alice@example.com", f"Mail {number}"))
    await sql(
        site,
        """update emails set state = 'done', done_at = date_trunc('hour', now()) - interval '30 minutes',
                  listed_at = date_trunc('hour', now()) - interval '31 minutes',
                  received_at = date_trunc('hour', now()) - interval '33 minutes'""",
    )
    person = await site.person("viewer")
    for _ in range(2):
        _, page = await person.get(f"/mailboxes/{site.tenant.mailbox_id}")
        assert "<dt>Done</dt><dd>3</dd>" in page
        assert '<td class="number">2 min</td>' in page, "the lag, in the table beside its chart"
        assert "<polyline" in page or "<circle" in page
        async with site.db.tenant(site.tenant.tenant_id) as session:
            await mail_hours.close_hours(session, site.tenant.tenant_id)
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await mail_hours.close_hours(session, site.tenant.tenant_id)
        hours = await mail_hours.since(session, site.tenant.tenant_id, datetime.now(UTC) - timedelta(days=1))
    assert [(hour["done"], hour["latency_p50"], hour["lag_max"]) for hour in hours] == [(3, 180_000, 120_000)]


async def test_pausing_and_resuming_changes_the_row_and_tells_the_workflow(site: Site) -> None:
    person, mailbox_id = await site.person("admin"), site.tenant.mailbox_id
    await person.post(f"/mailboxes/{mailbox_id}/pause", {})
    assert await state(site) == "paused"
    await person.post(f"/mailboxes/{mailbox_id}/resume", {})
    assert await state(site) == "active"
    assert site.temporal.signals == [(mailbox_id, "pause"), (mailbox_id, "resume")]


async def test_while_temporal_is_away_nothing_changes_and_the_page_says_so(site: Site) -> None:
    person, mailbox_id = await site.person("admin"), site.tenant.mailbox_id
    site.temporal.state = "away"
    for action in ("pause", "resume", "remove"):
        status, page = await person.post(f"/mailboxes/{mailbox_id}/{action}", {"address": "support@postroom.test"})
        assert status == 503
        assert "nothing was changed" in page
    assert await state(site) == "active"
    http = await site.api("admin")
    async with http.post(f"mailboxes/{mailbox_id}/pause") as response:
        assert response.status == 503
        assert "nothing was changed" in (await response.json())["detail"]
    assert await state(site) == "active"
    _, page = await person.post(f"/mailboxes/{mailbox_id}/jobs", {"work": "diagnose"})
    assert "Temporal cannot be reached, so no worker could be asked" in page


async def test_removing_wants_the_address_typed_and_leaves_mail_and_tickets(site: Site) -> None:
    email = await site.receive(letter("alice@example.com", "Stays"))
    person, mailbox_id = await site.person("admin"), site.tenant.mailbox_id
    status, page = await person.post(f"/mailboxes/{mailbox_id}/remove", {"address": "other@postroom.test"})
    assert status == 422
    assert "Nothing was removed" in page
    await person.post(f"/mailboxes/{mailbox_id}/remove", {"address": "support@postroom.test"})
    _, listing = await person.get("/mailboxes")
    assert "support@postroom.test" not in listing
    assert (await person.get(f"/mailboxes/{mailbox_id}"))[0] == 404
    assert (await person.get(f"/tickets/{email['ticket_id']}"))[0] == 200
    assert site.temporal.signals == [(mailbox_id, "end")]
    async with site.db.directory() as session:
        assert await session.fetch("select * from directory_mailbox($1)", mailbox_id) == []


async def test_the_api_tells_how_a_mailbox_stands_as_its_page_does(site: Site) -> None:
    tenant_id, mailbox_id = site.tenant.tenant_id, site.tenant.mailbox_id
    http, now = await site.api("read"), datetime.now(UTC)

    async def stands() -> Any:
        async with http.get(f"mailboxes/{mailbox_id}/health") as response:
            assert response.status == 200
            return await response.json()

    fresh = await stands()
    assert (fresh["tone"], fresh["step"], fresh["check"]) == ("info", "", None)
    assert fresh["watches"] == fresh["canaries"] == fresh["hours"] == []
    await site.receive(letter("alice@example.com"))
    await sql(
        site,
        "update emails set done_at = now(), listed_at = now(), received_at = now() - interval '2 minutes'",
    )
    await sql(site, "update mailboxes set last_sync_at = now()")
    where = (tenant_id, mailbox_id)
    await sql(
        site,
        """insert into mailbox_canaries (tenant_id, mailbox_id, canary_id, failure)
           values ($1, $2, gen_random_uuid(), 'It was refused.')""",
        *where,
    )
    async with site.db.tenant(tenant_id) as session:
        watch = push.StoredWatch("INBOX", "1", now + timedelta(days=6), now + timedelta(days=1))
        await push.store_watch(session, tenant_id, mailbox_id, watch, "secret")
        await mailbox_jobs.checked(session, tenant_id, mailbox_id, now, Comparison(listed=9, missing=2))
    found = await stands()
    assert (found["tone"], found["says"], found["step"]) == ("warn", text("mailbox.amiss"), "repair")
    assert found["advice"] == text("mailbox.amiss.why")
    assert [hour["lag_max"] for hour in found["hours"]] == [120_000]
    assert [canary["failure"] for canary in found["canaries"]] == ["It was refused."]
    assert [watch["what"] for watch in found["watches"]] == ["INBOX"]
    assert (found["check"]["listed"], found["check"]["missing"], found["check"]["error"]) == (9, 2, "")


async def test_where_to_agree_is_for_scope_admin(site: Site) -> None:
    mailbox_id, tenant_id, http = site.tenant.mailbox_id, site.tenant.tenant_id, await site.api("admin")

    async def job(scope: str) -> Any:
        async with (await site.api(scope)).get(f"mailbox-jobs/{job_id}") as response:
            return await response.json()

    async with http.post(f"mailboxes/{mailbox_id}/jobs", json={"kind": "consent"}) as response:
        assert (response.status, (await response.json())["consent_url"]) == (200, None)
    job_id = await _work(site, "consent")
    async with site.db.tenant(tenant_id) as session:
        asked = {"url": "https://login.example/agree", "state_sha256": "secret"}
        await mailbox_jobs.finish(session, tenant_id, job_id, result=asked)
    assert [(await job(scope))["consent_url"] for scope in ("read", "write")] == [None, None]
    admins = await job("admin")
    assert (admins["consent_url"], admins["result"]) == ("https://login.example/agree", {})


async def _work(site: Site, kind: str) -> UUID:
    job = site.temporal.jobs[-1]
    assert job.kind == kind
    return job.job_id


async def test_a_diagnosis_is_shown_step_by_step_as_the_worker_writes_it(site: Site) -> None:
    person, tenant_id, mailbox_id = await site.person("admin"), site.tenant.tenant_id, site.tenant.mailbox_id
    _, page = await person.post(f"/mailboxes/{mailbox_id}/jobs", {"work": "diagnose"})
    assert 'hx-trigger="every 1s"' in page
    job_id = await _work(site, "diagnose")
    steps = [Finding(name="address", works=True, detail="192.0.2.1"),
             Finding(name="login", works=False, detail="refused", advice="Check the app password.")]  # fmt: skip
    async with site.db.tenant(tenant_id) as session:
        await mailbox_jobs.found(session, tenant_id, job_id, steps)
        await mailbox_jobs.finish(session, tenant_id, job_id, result={"works": False})
    _, page = await person.get(f"/mailboxes/{mailbox_id}")
    assert "something is wrong" in page
    assert "Check the app password." in page
    assert 'hx-trigger="every 1s"' not in page
    http = await site.api("read")
    async with http.get(f"mailbox-jobs/{job_id}") as response:
        job = await response.json()
    assert [step["works"] for step in job["steps"]] == [True, False]


async def test_reading_again_can_be_counted_before(site: Site) -> None:
    person, tenant_id, mailbox_id = await site.person("admin"), site.tenant.tenant_id, site.tenant.mailbox_id
    await person.post(f"/mailboxes/{mailbox_id}/jobs", {"work": "count", "since": "2026-01-01"})
    job_id = await _work(site, "count")
    assert site.temporal.jobs[-1].since == datetime(2026, 1, 1, tzinfo=UTC)
    async with site.db.tenant(tenant_id) as session:
        counted = Comparison(listed=120, missing=7)
        await mailbox_jobs.finish(session, tenant_id, job_id, result=counted.model_dump(mode="json"))
    _, page = await person.get(f"/mailboxes/{mailbox_id}")
    assert "120 mails at the source, 7 of them new." in page
    await person.post(f"/mailboxes/{mailbox_id}/resync", {"since": "2026-01-01"})
    assert site.temporal.signals == [(mailbox_id, "resync", datetime(2026, 1, 1, tzinfo=UTC))]


@pytest.mark.parametrize("since", ["", "yesterday", "2999-01-01"])
async def test_a_day_that_is_none_is_asked_for_again(site: Site, since: str) -> None:
    person = await site.person("admin")
    for path, form in (("resync", {}), ("jobs", {"work": "count"})):
        status, page = await person.post(f"/mailboxes/{site.tenant.mailbox_id}/{path}", {**form, "since": since})
        assert status == 422
        assert "YYYY-MM-DD" in page
    assert site.temporal.signals == site.temporal.jobs == []


async def test_a_removed_mailbox_stays_removed_at_the_next_start_and_comes_back_when_it_is_added_again(
    site: Site,
) -> None:
    person, mailbox_id = await site.person("admin"), site.tenant.mailbox_id
    await person.post(f"/mailboxes/{mailbox_id}/remove", {"address": "support@postroom.test"})
    await admin.ensure_default_tenant(site.db, address="support@postroom.test")
    assert await state(site) == "removed"
    again = await admin.add_smtp_mailbox(site.db, site.tenant.tenant_id, "support@postroom.test")
    assert (again, await state(site)) == (mailbox_id, "active")


OAUTH = {"host": "imap.example.com", "client_id": "client", "client_secret": "sealed away"}


async def imap_draft(site: Site) -> str:
    """The path of an IMAP mailbox that is being set up."""
    person = await site.person("admin")
    await person.post("/mailboxes/new", {"address": "help@example.org", "provider": "imap"})
    row = await site.row("select mailbox_id from mailboxes where tenant_id = $1 and address = 'help@example.org'")
    return f"/mailboxes/{row['mailbox_id']}"


@pytest.mark.parametrize(
    ("form", "client", "asks"),
    [
        ({"way": "google"}, {"token_url": "https://oauth2.googleapis.com/token", "grant": "refresh_token"}, True),
        (
            {"way": "microsoft", "directory": "example.org", "grant": "consent"},
            {"authorize_url": "https://login.microsoftonline.com/example.org/oauth2/v2.0/authorize"},
            True,
        ),
        (
            {"way": "microsoft", "directory": "example.org", "grant": "own"},
            {"scope": "https://outlook.office365.com/.default", "grant": "client_credentials"},
            False,
        ),
        (
            {
                "way": "other",
                "token_url": "https://id.example.com/token",
                "authorize_url": "https://id.example.com/ask",
            },
            {"authorize_url": "https://id.example.com/ask", "token_url": "https://id.example.com/token"},
            True,
        ),
    ],
)
async def test_an_imap_mailbox_is_entered_with_oauth(
    site: Site, form: dict[str, str], client: dict[str, str], asks: bool
) -> None:
    person, path = await site.person("admin"), await imap_draft(site)
    _, page = await person.post(f"{path}/access", {**OAUTH, **form})
    assert ("Ask for consent" in page) == asks
    assert "sealed away" not in page
    assert f'<a href="{path}/setup?way={form["way"]}" aria-current="page">' in page, "the form is the one of its way"
    assert form.get("directory", "") in page
    row = await site.row("select settings from mailboxes where tenant_id = $1 and address = 'help@example.org'")
    assert row["settings"]["auth"] == "xoauth2"
    assert row["settings"]["oauth"].items() >= client.items()
    _, page = await person.post(f"{path}/access", {"host": "imap.example.com", "password": "secret"})
    row = await site.row("select settings from mailboxes where tenant_id = $1 and address = 'help@example.org'")
    assert (row["settings"]["auth"], row["settings"]["oauth"]) == ("password", None)


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"way": "google", "client_id": ""}, "Enter the application&#39;s id"),
        ({"way": "microsoft", "directory": "../common"}, "Enter the directory"),
        ({"way": "microsoft", "directory": "d", "client_secret": ""}, "Enter the client secret"),
        ({"way": "other", "token_url": "http://id.example.com/token"}, "begins with https://"),
        (
            {"way": "other", "token_url": "https://id.example.com/token", "authorize_url": "javascript:alert(1)"},
            "https",
        ),
        ({"way": "other", "token_url": "https://id.example.com/token", "mechanism": "plain"}, "Choose one of these"),
    ],
)
async def test_what_is_wrong_with_an_oauth_client_is_said_beside_its_field(
    site: Site, form: dict[str, str], says: str
) -> None:
    person, path = await site.person("admin"), await imap_draft(site)
    status, page = await person.post(f"{path}/access", {**OAUTH, **form})
    assert status == 422
    assert says in page
    row = await site.row("select settings from mailboxes where tenant_id = $1 and address = 'help@example.org'")
    assert row["settings"] == {}


async def test_an_address_that_another_tenant_receives_for_is_refused_in_words(site: Site) -> None:
    person, http, other = await site.person("admin"), await site.api("admin"), await site.other_tenant()
    taken, free = "support@other.test", "sales@other.test"
    await admin.add_smtp_mailbox(site.db, other.tenant_id, taken)
    words = "goes to another SMTP mailbox of this installation already"
    status, page = await person.post("/mailboxes/new", {"address": taken, "provider": "smtp"})
    assert (status, words in page) == (422, True)
    async with http.post("mailboxes", json={"address": taken, "provider": "smtp"}) as response:
        assert (response.status, words in (await response.json())["detail"]) == (409, True)
    # While both are being set up nobody has it: then whoever starts first does.
    async with http.post("mailboxes", json={"address": free, "provider": "smtp"}) as response:
        mailbox_id = (await response.json())["id"]
    await admin.add_smtp_mailbox(site.db, other.tenant_id, free)
    status, page = await person.post(f"/mailboxes/{mailbox_id}/start", {})
    assert (status, words in page) == (422, True)
    async with http.post(f"mailboxes/{mailbox_id}/start", json={}) as response:
        assert (response.status, words in (await response.json())["detail"]) == (409, True)
    _, listing = await person.get("/mailboxes")
    assert "being set up" in listing


async def test_a_new_signing_secret_leaves_the_former_one_good_for_a_day(site: Site) -> None:
    made = await admin.add_raw_mailbox(site.db, site.keyring, site.tenant.tenant_id, "raw@postroom.test")
    person = await site.person("admin")
    _, page = await person.get(f"/mailboxes/{made.mailbox_id}")
    assert "Make a new signing secret" in page
    _, page = await person.post(f"/mailboxes/{made.mailbox_id}/access", {})
    assert "The former secret is good for 24 hours more" in page
    async with site.db.tenant(site.tenant.tenant_id) as session:
        mailbox = await mailboxes.get(session, site.tenant.tenant_id, made.mailbox_id)
    assert mailbox is not None
    new, former = webhook_secret.valid(mailbox.secret(site.keyring), datetime.now(UTC))
    assert former == made.webhook_secret
    assert new in page
    assert former not in page
