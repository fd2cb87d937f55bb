"""The pages of deciding: rules, inbound defaults, policies, senders, mail storms, and what is put right on a ticket."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import aiohttp
import pytest

from domain.decision import CircuitKey
from domain.rules import RuleSet
from storage import loops, policies, rules
from tests.integration.console.site import Person, Site
from tests.letters import letter
from workers import admin

FORM = {
    "name": "No fires",
    "enabled": "yes",
    "match": "all",
    "course": "skip",
    "g0.mode": "all",
    "g0.r0.field": "subject",
    "g0.r0.op": "contains",
    "g0.r0.value": "fire",
    "do": "save",
}


async def current(site: Site) -> tuple[int, RuleSet]:
    async with site.db.tenant(site.tenant.tenant_id) as session:
        return await rules.current(session, site.tenant.tenant_id)


async def two_rules(person: Person) -> None:
    await person.post("/rules/new", FORM)
    await person.post("/rules/new", {**FORM, "name": "No floods", "g0.r0.value": "flood"})


async def test_a_rule_is_written_in_a_form_and_acts(site: Site) -> None:
    boss = await site.person("admin")
    status, page = await boss.post("/rules/new", FORM)
    assert status == 200
    assert "When Subject contains “fire”" in page
    assert "makes no ticket, and is recorded" in page
    assert "Has decided no mail yet" in page
    assert (await site.receive(letter("alice@example.com", "Fire!")))["reason"] == "rule"
    assert "Decided 1 mails in 30 days" in (await boss.get("/rules"))[1]


async def test_buttons_of_the_form_change_the_form_only(site: Site) -> None:
    boss = await site.person("admin")
    status, page = await boss.post("/rules/new", {**FORM, "do": "row 0"})
    assert status == 200
    assert 'name="g0.r1.field"' in page
    assert 'value="No fires"' in page
    assert (await current(site))[0] == 0


async def test_a_rule_that_does_not_hold_is_shown_with_its_faults(site: Site) -> None:
    boss = await site.person("admin")
    wrong = {**FORM, "g0.r0.op": "matches", "g0.r0.value": "(unclosed", "client": "Nobody"}
    status, page = await boss.post("/rules/new", wrong)
    assert status == 422
    assert "There is no client “Nobody”" in page
    status, page = await boss.post("/rules/new", {**wrong, "client": ""})
    assert (status, "not a regular expression" in page, "(unclosed" in page) == (422, True, True)
    assert (await current(site))[0] == 0


async def test_rules_change_places_are_switched_off_edited_and_deleted(site: Site) -> None:
    boss = await site.person("admin")
    await two_rules(boss)
    first, second = (rule.id for rule in (await current(site))[1].rules)
    await boss.post(f"/rules/{second}/move", {"to": "up"})
    assert [rule.id for rule in (await current(site))[1].rules] == [second, first]
    await boss.post(f"/rules/{first}/state", {"state": "disabled"})
    assert (await site.receive(letter("alice@example.com", "Fire!")))["outcome"] == "ticket"
    assert "switched off" in (await boss.get("/rules"))[1]
    await boss.post(f"/rules/{first}", {**FORM, "name": "Fires are urgent", "course": "go_on", "priority": "urgent"})
    ticket = await site.receive(letter("alice@example.com", "Another fire"))
    row = await site.row("select priority from tickets where tenant_id = $1 and ticket_id = $2", ticket["ticket_id"])
    assert row["priority"] == "urgent"
    await boss.post(f"/rules/{second}/remove", {})
    assert [rule.name for rule in (await current(site))[1].rules] == ["Fires are urgent"]


async def test_nobody_overwrites_what_somebody_else_changed_meanwhile(site: Site) -> None:
    boss = await site.person("admin")
    await two_rules(boss)
    version, rule_set = await current(site)
    old = str(version - 1)
    for path, form in (
        (f"/rules/{rule_set.rules[0].id}/move", {"to": "down"}),
        (f"/rules/{rule_set.rules[0].id}/remove", {}),
        ("/rules/otherwise", {"action": "skip"}),
    ):
        status, page = await boss.post(path, {**form, "based_on": old})
        assert status == 409
        assert "Somebody else has changed the rules meanwhile" in page
    status, page = await boss.post("/rules/new", {**FORM, "based_on": old})
    assert (status, 'value="No fires"' in page) == (422, True), "what was written is not lost"
    assert (await current(site))[0] == version


async def test_an_older_version_is_read_and_put_back_in_force(site: Site) -> None:
    boss = await site.person("admin")
    await two_rules(boss)
    _, page = await boss.get("/rule-versions")
    assert "/rule-versions/1" in page
    _, page = await boss.get("/rule-versions/1")
    assert "No fires" in page
    assert "No floods" not in page
    await boss.post("/rule-versions/1", {})
    version, rule_set = await current(site)
    assert (version, [rule.name for rule in rule_set.rules]) == (3, ["No fires"])


async def test_without_a_match_mail_goes_where_it_is_told(site: Site) -> None:
    boss = await site.person("admin")
    status, page = await boss.post("/rules/otherwise", {"action": "destination"})
    assert (status, "Choose a destination" in page) == (409, True)
    await boss.post("/rules/otherwise", {"action": "skip"})
    assert (await site.receive(letter("alice@example.com")))["reason"] == "rule"


async def test_the_tester_decides_as_production_does_and_changes_nothing(site: Site) -> None:
    boss = await site.person("admin")
    await boss.post("/rules/new", FORM)
    told = {"mailbox": str(site.tenant.mailbox_id), "from": "Ann <ann@example.com>", "body": "Hot."}
    _, page = await boss.post("/rule-tester", {**told, "subject": "Fire!"})
    assert "It would make no ticket:" in page
    assert "No fires applies" in page
    _, page = await boss.post("/rule-tester", {**told, "subject": "Water", "from": "no address, at all <"})
    assert "It would become a ticket." in page
    assert (await boss.post("/rule-tester", {"mailbox": "x"}))[0] == 422
    row = await site.row("select count(*) as n from emails where tenant_id = $1")
    assert row["n"] == 0


async def test_the_tester_takes_a_mail_as_a_file(site: Site) -> None:
    boss = await site.person("admin")
    await boss.post("/rules/new", FORM)
    form = aiohttp.FormData()
    raw = letter("alice@example.com", "Fire!", "x" * 100_000).as_bytes()
    form.add_field("csrf", await boss.csrf())
    form.add_field("mailbox", str(site.tenant.mailbox_id))
    form.add_field("file", raw, filename="mail.eml", content_type="message/rfc822")
    async with boss.http.post("/rule-tester", data=form, headers={"Sec-Fetch-Site": "same-origin"}) as response:
        assert response.status == 200
        assert "No fires applies" in await response.text()


async def test_a_replay_shows_its_progress_and_its_result(site: Site) -> None:
    boss = await site.person("admin")
    for subject in ("Fire!", "Water"):
        await site.receive(letter("alice@example.com", subject, message_id=f"{subject[:4]}@example.com"))
    await boss.post("/rules/new", FORM)
    _, page = await boss.post("/rule-replays", {"since": "2020-01-01"})
    deadline = asyncio.get_running_loop().time() + 30
    path = re.search(r"/rule-replays/[0-9a-f-]{36}", page)
    while "Running." in page:
        assert asyncio.get_running_loop().time() < deadline
        assert path is not None
        _, page = await boss.get(path[0])
    assert "2 of 2 mails checked, 1 would land elsewhere" in page
    assert "Fire@example.com" in page
    assert "Water@example.com" not in page
    assert (await boss.post("/rule-replays", {"since": "soon"}))[0] == 409
    assert "/rule-replays/" in (await boss.get("/rule-replays"))[1]


async def test_defaults_show_who_uses_them_and_what_is_broken(site: Site) -> None:
    boss = await site.person("admin")
    _, page = await boss.get("/defaults")
    assert "support@postroom.test" in page
    assert "its new mail waits" not in page
    status, page = await boss.post("/defaults", {"name": "", "queue": "Sales", "priority": "high"})
    assert (status, 'value="Sales"' in page) == (422, True)
    await boss.post("/defaults", {"name": "Sales", "queue": "Sales", "priority": "high", "active": "yes"})
    sales = await site.row("select defaults_id from inbound_defaults where tenant_id = $1 and name = 'Sales'")
    path = f"/mailboxes/{site.tenant.mailbox_id}/defaults"
    await boss.post(path, {"defaults_id": str(sales["defaults_id"])})
    await boss.post(f"/defaults/{sales['defaults_id']}", {"name": "Sales", "queue": "Shop", "priority": "low"})
    await site.receive(letter("alice@example.com"))
    _, page = await boss.get("/defaults")
    assert "Its inbound defaults are inactive: its new mail waits." in page
    assert "1 mails wait." in page
    assert (await boss.post(path, {"defaults_id": str(sales["defaults_id"])}))[0] == 409
    await boss.post(path, {"defaults_id": ""})
    assert "No inbound defaults: its new mail waits." in (await boss.get("/defaults"))[1]


async def test_the_organisations_policy_is_set_in_a_form(site: Site) -> None:
    boss = await site.person("admin")
    form = {
        "copies": "linked",
        "queues.0.name": "Support",
        "queues.0.window_hours": "48",
        "queues.0.per_hour": "1",
        "queues.0.thanks_reopen": "yes",
        "deadlines.choose_ticket.remind": "0.5",
        "deadlines.choose_ticket.escalate": "2",
        "deadlines.choose_ticket.default": "24",
        "loops.pair": "7",
    }
    await boss.post("/policies", form)
    async with site.db.tenant(site.tenant.tenant_id) as session:
        policy = await policies.tenant(session, site.tenant.tenant_id)
    queue, deadlines = policy.queue("Support"), policy.deadlines_of("choose_ticket")
    assert (policy.copies, policy.loops.pair, policy.loops.mailbox) == ("linked", 7, 1000)
    assert (queue.reopen, queue.window_hours, queue.per_hour, queue.thanks_reopen) == (False, 48, 1, True)
    assert [d.total_seconds() / 3600 for d in (deadlines.remind, deadlines.escalate, deadlines.default)] == [0.5, 2, 24]
    _, page = await boss.get("/policies")
    assert 'name="deadlines.choose_ticket.remind" value="0.5"' in page
    for wrong, says in (
        ({"loops.ticket_total": "3"}, "ticket_total"),
        ({"loops.pair": "many"}, "valid integer"),
        ({"deadlines.choose_ticket.escalate": "0.1"}, "first the reminder"),
        ({"deadlines.choose_ticket.escalate": "soon"}, "deadlines.choose_ticket.escalate"),
        ({"queues.0.window_hours": "-1"}, "window_hours"),
    ):
        status, page = await boss.post("/policies", {**form, **wrong})
        assert (status, says in page) == (422, True), wrong


async def test_a_mailboxs_policy_is_set_in_a_form(site: Site) -> None:
    boss = await site.person("admin")
    path = f"/mailboxes/{site.tenant.mailbox_id}/policy"
    form = {
        "unknown_sender": "reject",
        "unauthenticated": "review",
        "trusted_authserv_ids": "MX.postroom.test\r\n-\r\n",
        "trusted_forwarders": "lists.example.org",
        "tickets_from": "bounce",
    }
    await boss.post(path, form)
    async with site.db.tenant(site.tenant.tenant_id) as session:
        policy = await policies.mailbox(session, site.tenant.tenant_id, site.tenant.mailbox_id)
    assert policy.trusted_authserv_ids == ("mx.postroom.test", "-")
    assert (policy.trusted_forwarders, policy.tickets_from) == (("lists.example.org",), {"bounce"})
    assert (await site.receive(letter("new@example.org")))["reason"] == "unknown_sender"
    status, page = await boss.post(path, {**form, "trusted_authserv_ids": "two words"})
    assert (status, "an authserv-id is one word" in page) == (422, True)
    assert "mx.postroom.test" in (await boss.get(path))[1]


async def test_what_was_learned_is_listed_and_revoked(site: Site) -> None:
    boss = await site.person("admin")
    assert "Nothing was learned yet" in (await boss.get("/senders"))[1]
    client_id = await admin.add_client(site.db, site.tenant.tenant_id, "North")
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute(
            "insert into sender_associations values ($1, 'domain', 'example.org', $2, 'ann')",
            site.tenant.tenant_id,
            client_id,
        )
    assert "example.org" in (await boss.get("/senders"))[1]
    form = {"kind": "domain", "value": "example.org"}
    _, page = await boss.post("/associations/revoke", form)
    assert "Nothing was learned yet" in page
    assert (await boss.post("/associations/revoke", form))[0] == 404


async def test_clients_and_contacts_are_listed_with_their_destinations(site: Site) -> None:
    boss = await site.person("admin")
    tenant_id = site.tenant.tenant_id
    client_id = await admin.add_client(site.db, tenant_id, "North", ["north.example"])
    contact_id = await admin.add_contact(site.db, tenant_id, "ann@north.example", "Ann", client_id)
    await boss.post("/defaults", {"name": "VIP", "queue": "VIP", "priority": "high", "active": "yes"})
    vip = str((await site.row("select defaults_id from inbound_defaults where tenant_id = $1 and name = 'VIP'"))[0])
    for path, extra in (
        (f"/clients/{client_id}/destination", {}),
        (f"/contacts/{contact_id}/destination", {}),
        ("/domains/destination", {"domain": "north.example"}),
    ):
        status, _ = await boss.post(path, {"defaults_id": vip, **extra})
        assert status == 200
    for path in ("/clients", "/contacts"):
        _, page = await boss.get(path)
        assert f'value="{vip}" selected' in page
        assert "North" in page
    assert (await boss.get("/clients?after=nonsense"))[0] == 200


async def test_a_mail_storm_is_seen_and_let_through(site: Site) -> None:
    boss = await site.person("admin")
    alert = await site.receive(letter("robot@example.org"))
    async with site.db.tenant(site.tenant.tenant_id) as session:
        key = CircuitKey(scope="pair", key=f"robot@example.org {site.tenant.mailbox_id}")
        await loops.open_circuit(session, site.tenant.tenant_id, key, alert["email_id"])
        await session.execute("update emails set outcome = 'discarded'")
    _, page = await boss.get("/circuits")
    assert "robot@example.org → support@postroom.test" in page
    assert "30 an hour are allowed" in page
    circuit = await site.row("select circuit_id from circuits where tenant_id = $1")
    path = f"/circuits/{circuit['circuit_id']}/reset"
    _, page = await boss.post(path, {})
    assert "ended by admin@postroom.test" in page
    assert (await boss.post(path, {}))[0] == 409


async def test_watchers_are_accepted_and_dismissed_on_the_ticket(site: Site) -> None:
    agent = await site.person("agent")
    ticket = await site.receive(letter("alice@example.com", cc="Carol <carol@example.org>, dave@example.org"))
    _, page = await agent.get("/tickets/1")
    assert page.count(">proposed<") == 2
    path = f"/tickets/{ticket['ticket_id']}/watchers"
    await agent.post(path, {"address": "carol@example.org", "state": "watching"})
    _, page = await agent.post(path, {"address": "dave@example.org", "state": "dismissed"})
    assert page.count(">proposed<") == 0
    assert page.count(">watching<") == 1
    assert (await agent.post(path, {"address": "no address", "state": "watching"}))[0] == 409
    viewer = await site.person("viewer")
    assert path not in (await viewer.get("/tickets/1"))[1]


async def test_a_comment_that_does_not_belong_moves_away(site: Site) -> None:
    agent = await site.person("agent")
    await site.receive(letter("alice@example.com", "One", message_id="one@example.com"))
    await site.receive(letter("alice@example.com", "Two"))
    replies = [
        await site.receive(letter("alice@example.com", f"Re: One {n}", in_reply_to="one@example.com")) for n in (1, 2)
    ]
    status, page = await agent.post(f"/comments/{replies[0]['comment_id']}/move", {"ticket": "#2"})
    assert (status, f"comment-{replies[0]['comment_id']}" in page) == (200, True)
    assert "#2" in page[page.index("<h1") - 200 : page.index("<h1")]
    assert (await agent.post(f"/comments/{replies[0]['comment_id']}/move", {"ticket": "99"}))[0] == 409
    status, page = await agent.post(f"/comments/{replies[1]['comment_id']}/split", {})
    assert status == 200
    assert "Split from" in page


async def test_tickets_are_merged_and_separated_by_hand(site: Site) -> None:
    agent = await site.person("agent")
    for number in (1, 2):
        await site.receive(letter("alice@example.com", f"Number {number}", message_id=f"m{number}@example.com"))
    rows = {r["number"]: str(r["ticket_id"]) for r in await _tickets(site)}
    status, page = await agent.post(f"/tickets/{rows[2]}/merge", {"into": "1"})
    assert status == 200
    assert "Merged into this ticket" in page
    assert "was merged into" in (await agent.get("/tickets/2"))[1]
    assert (await agent.post(f"/tickets/{rows[1]}/merge", {"into": "7"}))[0] == 409
    await site.receive(letter("alice@example.com", "Re: Number 2", in_reply_to="m2@example.com"))
    status, page = await agent.post(f"/tickets/{rows[2]}/undo-merge", {})
    assert (status, "1 messages that came since stay" in page) == (200, True)
    assert [r["status"] for r in await _tickets(site)] == ["open", "open"]
    assert (await agent.post(f"/tickets/{rows[2]}/undo-merge", {}))[0] == 409


@pytest.mark.parametrize("path", ["/rules", "/defaults", "/policies", "/senders", "/clients", "/contacts", "/circuits"])
async def test_agents_read_what_admins_set(site: Site, path: str) -> None:
    agent = await site.person("agent")
    status, page = await agent.get(path)
    main = page[page.index("<main") : page.index("</main>")]
    assert status == 200
    assert 'method="post"' not in main or "disabled" in main
    assert "<button" not in main


async def _tickets(site: Site) -> list[Any]:
    async with site.db.tenant(site.tenant.tenant_id) as session:
        return await session.fetch("select * from tickets where tenant_id = $1 order by number", site.tenant.tenant_id)
