"""A form that asks again keeps what was written in it, and a list says when it does not show all."""

from __future__ import annotations

import re

import pytest

from console.pages import emails
from domain.task import DEADLINES
from storage import people, policies
from tests.integration.console.site import Site
from tests.letters import letter
from workers import admin

POLICY = {
    "copies": "linked",
    "queues.0.name": "Support",
    "queues.0.window_hours": "48",
    "queues.0.per_hour": "1",
    "deadlines.choose_ticket.remind": "0.5",
    "deadlines.choose_ticket.escalate": "2",
    "deadlines.choose_ticket.default": "24",
    "retention.raw_days": "90",
    "retention.content_days": "",
    "retention.sessions_days": "7",
}


async def policy(site: Site) -> policies.TenantPolicy:
    async with site.db.tenant(site.tenant.tenant_id) as session:
        return await policies.tenant(session, site.tenant.tenant_id)


def value(page: str, name: str) -> str | None:
    """What a field shows."""
    found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', page)
    return found[1] if found else None


async def test_a_wrong_number_loses_nothing_of_the_policy(site: Site) -> None:
    boss = await site.person("admin")
    status, page = await boss.post("/policies", {**POLICY, "queues.0.per_hour": "many"})
    assert status == 422
    for name in POLICY:
        if name != "copies":
            assert value(page, name) == ("many" if name == "queues.0.per_hour" else POLICY[name]), name
    assert '<input type="radio" name="copies" value="linked" checked>' in page
    assert 'name="queues.0.reopen" value="yes" aria-label="Reopens: Support">' in page, "it was unticked"
    assert (await policy(site)).copies == "one_ticket"


async def test_a_blank_deadline_is_asked_for_and_three_are_the_usual_ones(site: Site) -> None:
    boss = await site.person("admin")
    await boss.post("/policies", POLICY)
    assert (await policy(site)).deadlines_of("choose_ticket").remind.total_seconds() == 1800
    status, page = await boss.post("/policies", {**POLICY, "deadlines.choose_ticket.remind": ""})
    assert (status, "Give all three, or none for the usual ones" in page) == (422, True)
    assert value(page, "deadlines.choose_ticket.escalate") == "2"
    blank = {name: "" for name in POLICY if name.startswith("deadlines.")}
    await boss.post("/policies", {**POLICY, **blank})
    assert (await policy(site)).deadlines_of("choose_ticket") == DEADLINES["choose_ticket"]
    assert (await boss.post("/policies", {**POLICY, "loops.pair": ""}))[0] == 422


async def test_retention_is_set_in_a_form(site: Site) -> None:
    boss = await site.person("admin")
    await boss.post("/policies", POLICY)
    kept = (await policy(site)).retention
    assert (kept.raw_days, kept.content_days, kept.attachments_days, kept.sessions_days) == (90, None, None, 7)
    _, page = await boss.get("/policies")
    assert (value(page, "retention.raw_days"), value(page, "retention.content_days")) == ("90", "")
    status, page = await boss.post("/policies", {**POLICY, "retention.audit_days": "7"})
    assert (status, "retention.audit_days" in page, value(page, "retention.audit_days")) == (422, True, "7")


async def test_a_wrong_word_loses_nothing_of_a_mailboxs_policy(site: Site) -> None:
    boss = await site.person("admin")
    form = {"trusted_authserv_ids": "two words", "trusted_forwarders": "lists.example.org", "unknown_sender": "ask",
            "unauthenticated": "review", "tickets_from": "bounce"}  # fmt: skip
    status, page = await boss.post(f"/mailboxes/{site.tenant.mailbox_id}/policy", form)
    assert status == 422
    shown = [">two words</textarea>", ">lists.example.org</textarea>"]
    shown += [f'value="{form[name]}" checked' for name in ("unknown_sender", "unauthenticated", "tickets_from")]
    for words in shown:
        assert words in page, words


async def test_endpoints_and_tokens_keep_what_was_written(site: Site) -> None:
    boss = await site.person("admin")
    form = {"url": "ftp://example.org/x", "description": "Our shop", "kinds": "ticket.created"}
    status, page = await boss.post("/event-endpoints", form)
    assert status == 422
    assert 'value="ftp://example.org/x"' in page
    assert 'value="Our shop"' in page
    assert re.findall(r'name="kinds" value="([a-z._]+)" checked', page) == ["ticket.created"]
    status, page = await boss.post("/tokens", {"name": " ", "scope": "write", "days": "30"})
    assert status == 422
    assert '<option value="write" selected>' in page
    assert '<option value="30" selected>' in page
    status, page = await boss.post("/tokens", {"name": "Shop", "scope": "all", "days": "30"})
    assert (status, 'name="name" value="Shop"' in page) == (422, True)


async def test_the_inbox_says_when_more_wait_than_it_shows(site: Site) -> None:
    for name in ("Bakery", "Books"):
        client_id = await admin.add_client(site.db, site.tenant.tenant_id, name)
        await admin.add_contact(site.db, site.tenant.tenant_id, "ines@example.org", "Ines", client_id)
    await site.receive(letter("Ines <ines@example.org>", "One report is missing"))
    agent = await site.person("agent")
    assert "oldest" not in (await agent.get("/"))[1]
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute(
            """insert into tasks select (jsonb_populate_record(t, jsonb_build_object(
                   'task_id', gen_random_uuid(), 'workflow_id', 'w' || n, 'number', n + 1))).*
                 from tasks t, generate_series(1, 200) n"""
        )
    assert "The oldest 200 of 201 are shown." in (await agent.get("/"))[1]


async def test_everything_that_was_learned_can_be_revoked(site: Site) -> None:
    client_id = await admin.add_client(site.db, site.tenant.tenant_id, "Bakery")
    async with site.db.tenant(site.tenant.tenant_id) as session:
        # Learned in one moment, so that the time alone does not tell them apart.
        await session.execute(
            """insert into sender_associations (tenant_id, kind, value, client_id, learned_by)
               select $1, kind, 'n' || n || '.example', $2, 'ann'
                 from generate_series(1, 120) n, unnest(array['address', 'domain']) kind""",
            site.tenant.tenant_id,
            client_id,
        )
    boss, path, seen = await site.person("admin"), "/senders", []
    for _ in range(4):
        _, page = await boss.get(path)
        seen += re.findall(r'name="kind" value="(\w+)"><input type="hidden" name="value" value="([^"]+)"', page)
        following = re.search(r'href="(/senders\?after=[^"]+)"', page)
        if following is None:
            break
        path = following[1]
    assert len(seen) == len(set(seen)) == 240
    assert (await boss.get("/senders?after=nonsense"))[0] == 200


async def test_a_search_says_when_it_found_more_than_it_shows(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        await site.receive(letter("alice@example.com", "Printer"))
    agent = await site.person("agent")
    assert "3 mails" in (await agent.get("/find?q=printer"))[1]
    monkeypatch.setattr(emails, "LATEST", 2)
    _, page = await agent.get("/find?q=printer")
    assert "More than 2 mails match: these are the newest." in page
    assert page.count('class="row" id="mail-') == 2


async def test_nothing_is_given_to_somebody_who_may_not_sign_in(site: Site) -> None:
    await site.receive(letter("alice@example.com", "Printer"))
    tenant_id = site.tenant.tenant_id
    left = await admin.add_user(site.db, tenant_id, "bob@example.com", "Bob who left", "agent")
    agent, boss = await site.person("agent"), await site.person("admin")
    ticket = str((await site.row("select ticket_id from tickets where tenant_id = $1"))["ticket_id"])
    await agent.post(f"/tickets/{ticket}", {"assignee": str(left)})
    await boss.post(f"/users/{left}", {"active": "no"})
    # Whose it still is stays shown, so that saving something else does not take it away.
    _, page = await agent.get("/tickets/1")
    assert f'<option value="{left}" selected>Bob who left' in page
    assert "Bob who left" in (await agent.get("/tickets"))[1], "their tickets can be found"
    await agent.post(f"/tickets/{ticket}", {"assignee": ""})
    for path in ("/tickets/1", "/rules/new", "/defaults"):
        assert f'value="{left}"' not in (await boss.get(path))[1], path
    assert (await agent.post(f"/tickets/{ticket}", {"assignee": str(left)}))[0] == 404
    async with site.db.tenant(tenant_id) as session:
        assert left not in {row["user_id"] for row in await people.users(session, tenant_id)}


async def test_a_rule_is_tried_while_it_is_written(site: Site) -> None:
    boss = await site.person("admin")
    rule = {"name": "No fires", "enabled": "yes", "course": "skip", "match": "all", "g0.mode": "all",
            "g0.r0.field": "subject", "g0.r0.op": "contains", "g0.r0.value": "fire"}  # fmt: skip
    mail = {"try.mailbox": str(site.tenant.mailbox_id), "try.from": "alice@example.com", "try.subject": "A fire"}
    status, page = await boss.post("/rules/new", {**rule, **mail, "do": "try"})
    assert status == 200
    assert "It would make no ticket" in page
    assert "No fires applies" in page
    assert (value(page, "try.subject"), value(page, "name")) == ("A fire", "No fires")
    _, page = await boss.post("/rules/new", {**rule, **mail, "try.subject": "Rain", "do": "try"})
    assert "It would become a ticket" in page
    status, page = await boss.post("/rules/new", {**rule, **mail, "g0.r0.value": "", "do": "try"})
    assert (status, "This cannot be saved yet" in page, value(page, "try.subject")) == (422, True, "A fire")
    status, page = await boss.post("/rules/new", {**rule, **mail, "try.mailbox": "", "do": "try"})
    assert (status, "Choose the mailbox that the mail would come to" in page) == (422, True)
    for table in ("rule_sets", "tickets", "emails"):
        assert (await site.row(f"select count(*) from {table} where tenant_id = $1"))[0] == 0, table
