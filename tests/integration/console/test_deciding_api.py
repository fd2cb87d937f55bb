"""The operations about deciding: outbound headers, un-merge, dry runs, rules, policies, circuits, what was learned."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime
from email.policy import SMTP
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from domain.decision import CircuitKey
from storage import loops, replays, watchers
from tests.integration.console.site import Site
from tests.letters import letter
from workers import admin

# EmailMessage would encode what does not fit into a line.
UNFOLDED = SMTP.clone(max_line_length=998)
SKIP_FIRE: dict[str, Any] = {
    "rules": [
        {
            "id": "fire",
            "name": "No fires",
            "when": {"field": "subject", "is": "contains", "value": "fire"},
            "then": {"skip": True},
        }
    ]
}


async def call(http: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with http.request(method, path, json=body) as response:
        return response.status, await response.json()


async def test_outbound_headers_make_the_answer_thread(site: Site) -> None:
    ticket = await site.receive(letter("alice@example.com", "Offer", message_id="offer@example.com"))
    http = await site.api("admin")
    path = f"tickets/{ticket['ticket_id']}/outbound"
    status, sent = await call(http, "POST", path, {"to": ["Buyer@example.org"]})
    assert status == 200
    headers = sent["headers"]
    assert headers["Message-ID"] == f"<{sent['message_id']}>"
    assert headers["In-Reply-To"] == headers["References"] == "<offer@example.com>"
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["X-Auto-Response-Suppress"]
    assert len(headers["Reply-To"].partition("@")[0]) <= 64
    answer = await site.receive(
        letter("buyer@example.org", "Re: Offer", in_reply_to=sent["message_id"]).as_bytes(policy=UNFOLDED)
    )
    assert (answer["outcome"], answer["ticket_id"]) == ("comment", ticket["ticket_id"])
    _, second = await call(http, "POST", path, {"to": ["buyer@example.org"]})
    assert second["headers"]["References"].split()[0] == "<offer@example.com>"
    assert sent["message_id"] in second["headers"]["References"]


async def test_outbound_takes_addresses_only(site: Site) -> None:
    ticket = await site.receive(letter("alice@example.com"))
    http = await site.api("admin")
    for bad in ([], ["no address"], ["a@example.org\r\nBcc: b@example.org"]):
        status, _ = await call(http, "POST", f"tickets/{ticket['ticket_id']}/outbound", {"to": bad})
        assert status == 422
    assert (await call(http, "POST", f"tickets/{uuid4()}/outbound", {"to": ["a@example.org"]}))[0] == 404


async def test_a_comment_moves_to_a_ticket_of_its_own_with_its_attachments(site: Site) -> None:
    ticket = await site.receive(letter("alice@example.com", "One", message_id="one@example.com"))
    reply = await site.receive(
        letter("alice@example.com", "Two", in_reply_to="one@example.com", attachments=[("log.bin", b"12345")])
    )
    http = await site.api("admin")
    status, split = await call(http, "POST", f"comments/{reply['comment_id']}/split")
    assert (status, split["number"]) == (200, 2)
    _, old = await call(http, "GET", f"tickets/{ticket['ticket_id']}")
    _, new = await call(http, "GET", f"tickets/{split['ticket_id']}")
    assert (old["comment_count"], new["comment_count"], new["subject"]) == (1, 1, "Two")
    assert new["comments"][0]["attachments"][0]["filename"] == "log.bin"
    async with site.db.tenant(site.tenant.tenant_id) as session:
        audited = await session.fetchrow("select * from audit where action = 'split_comment'")
    assert audited["actor"].startswith("api:")
    assert (await call(http, "POST", f"comments/{reply['comment_id']}/split"))[0] == 409, (
        "nothing is left to split from"
    )
    assert (await call(http, "POST", f"comments/{uuid4()}/split"))[0] == 404


async def test_explaining_a_mail_changes_nothing(site: Site) -> None:
    await site.receive(letter("alice@example.com", "One", message_id="one@example.com"))
    http = await site.api("read")
    raw = letter("mallory@example.net", "Re: One", in_reply_to="one@example.com").as_bytes()
    body = {"mailbox": "support@postroom.test", "raw": base64.b64encode(raw).decode()}
    status, explained = await call(http, "POST", "explain", body)
    assert (status, explained["action"]) == (200, "ask")
    assert any("is no part of #1" in line["result"] for line in explained["evidence"])
    assert [option["id"] for option in explained["options"]][1:] == ["new_ticket", "discard"]
    async with site.db.tenant(site.tenant.tenant_id) as session:
        assert await session.fetchval("select count(*) from emails") == 1
        assert await session.fetchval("select count(*) from tasks") == 0
    assert (await call(http, "POST", "explain", {**body, "mailbox": "nobody@postroom.test"}))[0] == 404
    assert (await call(http, "POST", "explain", {**body, "raw": "%%%"}))[0] == 422


async def test_rules_are_versioned_and_nobody_overwrites_anybody(site: Site) -> None:
    http = await site.api("admin")
    status, empty = await call(http, "GET", "rules")
    assert (status, empty["version"], empty["rule_set"]["rules"]) == (200, 0, [])
    status, saved = await call(http, "PUT", "rules", {"based_on": 0, "rule_set": SKIP_FIRE})
    assert (status, saved["version"]) == (200, 1)
    assert (await site.receive(letter("alice@example.com", "Fire!")))["reason"] == "rule"
    assert (await call(http, "PUT", "rules", {"based_on": 0, "rule_set": {}}))[0] == 409
    assert (await call(http, "PUT", "rules", {"based_on": 1, "rule_set": {}}))[1]["version"] == 2
    assert (await site.receive(letter("alice@example.com", "Fire again")))["outcome"] == "ticket"


async def test_rules_that_do_not_hold_are_refused(site: Site) -> None:
    http = await site.api("admin")
    condition = SKIP_FIRE["rules"][0]["when"]
    for when in (
        {"field": "subject", "is": "matches", "value": "(unclosed"},
        {"field": "nothing", "is": "exists"},
        {"all": []},
        {"any": [condition] * 51},
    ):
        rule = {**SKIP_FIRE["rules"][0], "when": when}
        status, problem = await call(http, "PUT", "rules", {"based_on": 0, "rule_set": {"rules": [rule]}})
        assert status == 422, when
        assert len(problem["detail"]) < 5000


async def test_policies_are_read_and_set(site: Site) -> None:
    http = await site.api("admin")
    path = f"mailboxes/{site.tenant.mailbox_id}/policy"
    assert (await call(http, "GET", path))[1]["unknown_sender"] == "create_contact"
    assert (await call(http, "PUT", path, {"unknown_sender": "reject"}))[0] == 200
    assert (await site.receive(letter("new@example.org")))["reason"] == "unknown_sender"
    assert (await call(http, "PUT", path, {"unknown_sender": "maybe"}))[0] == 422
    assert (await call(http, "PUT", path, {"unknown": 1}))[0] == 422
    assert (await call(http, "PUT", "policy", {"copies": "linked"}))[1]["copies"] == "linked"
    assert (await call(http, "GET", "policy"))[1]["copies"] == "linked"
    assert (await call(http, "PUT", f"mailboxes/{uuid4()}/policy", {}))[0] == 404


async def test_a_circuit_is_seen_and_reset(site: Site) -> None:
    alert = await site.receive(letter("robot@example.org"))
    async with site.db.tenant(site.tenant.tenant_id) as session:
        key = CircuitKey(scope="tenant", key="")
        assert await loops.open_circuit(session, site.tenant.tenant_id, key, alert["email_id"])
        await session.execute("update emails set outcome = 'discarded'")
    http = await site.api("admin")
    (circuit,) = (await call(http, "GET", "circuits"))[1]["items"]
    assert (circuit["scope"], circuit["state"]) == ("tenant", "open")
    _, page = await call(http, "POST", f"circuits/{circuit['id']}/reset")
    assert page["items"][0]["state"] == "closed"
    assert page["items"][0]["closed_by"].startswith("api:")
    assert (await call(http, "POST", f"circuits/{circuit['id']}/reset"))[0] == 409


async def test_what_was_learned_is_listed_and_revoked(site: Site) -> None:
    client_id = await admin.add_client(site.db, site.tenant.tenant_id, "North")
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute(
            "insert into sender_associations values ($1, 'domain', 'example.org', $2, 'agent')",
            site.tenant.tenant_id,
            client_id,
        )
    http = await site.api("admin")
    (learned,) = (await call(http, "GET", "associations"))[1]["items"]
    assert (learned["value"], learned["client_name"], learned["learned_by"]) == ("example.org", "North", "agent")
    body = {"kind": "domain", "value": "Example.org"}
    assert (await call(http, "POST", "associations/revoke", body))[1]["items"] == []
    assert (await call(http, "POST", "associations/revoke", body))[0] == 404


async def test_a_proposed_watcher_watches_once_somebody_accepts(site: Site) -> None:
    first = letter("alice@example.com", cc="Carol <carol@example.org>, dave@example.org", message_id="w@example.com")
    ticket = await site.receive(first)
    tenant_id, ticket_id = site.tenant.tenant_id, ticket["ticket_id"]
    async with site.db.tenant(tenant_id) as session:
        await watchers.decide(session, tenant_id, ticket_id, "Carol@example.org", "watching", actor="agent")
        await watchers.decide(session, tenant_id, ticket_id, "dave@example.org", "dismissed", actor="agent")
    await site.receive(letter("alice@example.com", cc="dave@example.org", in_reply_to="w@example.com"))
    async with site.db.tenant(tenant_id) as session:
        found = await watchers.of_ticket(session, tenant_id, ticket_id)
        assert [(w["address"], w["state"]) for w in found] == [
            ("carol@example.org", "watching"),
            ("dave@example.org", "dismissed"),
        ]
        with pytest.raises(LookupError):
            await watchers.decide(session, tenant_id, uuid4(), "dave@example.org", "watching", actor="agent")


async def test_a_watcher_is_proposed_accepted_and_dismissed_over_the_api(site: Site) -> None:
    ticket = await site.receive(letter("alice@example.com", cc="Carol <carol@example.org>"))
    http = await site.api("admin")
    path = f"tickets/{ticket['ticket_id']}/watchers"
    (proposed,) = (await call(http, "GET", path))[1]["items"]
    assert (proposed["address"], proposed["name"], proposed["state"]) == ("carol@example.org", "Carol", "proposed")
    for state in ("watching", "dismissed", "proposed"):
        _, page = await call(http, "PUT", path, {"address": "Carol@Example.org", "state": state})
        assert [(w["address"], w["state"]) for w in page["items"]] == [("carol@example.org", state)]
    assert (await call(http, "PUT", path, {"address": "no address", "state": "watching"}))[0] == 422
    assert (await call(http, "PUT", f"tickets/{uuid4()}/watchers", {"address": "a@b.example", "state": "watching"}))[
        0
    ] == 404


async def test_a_comment_moves_to_another_ticket(site: Site) -> None:
    one = await site.receive(letter("alice@example.com", "One", message_id="one@example.com"))
    two = await site.receive(letter("alice@example.com", "Two"))
    reply = await site.receive(letter("alice@example.com", "Re: One", in_reply_to="one@example.com"))
    http = await site.api("admin")
    path = f"comments/{reply['comment_id']}/move"
    for unfit, why in ((1, "already"), (99, "no ticket #99")):
        status, problem = await call(http, "POST", path, {"ticket": unfit})
        assert status == 409
        assert why in problem["detail"]
    assert (await call(http, "POST", path, {"ticket": 2}))[1] == {"ticket_id": str(two["ticket_id"]), "number": 2}
    _, old = await call(http, "GET", f"tickets/{one['ticket_id']}")
    _, new = await call(http, "GET", "tickets/2")
    assert (old["comment_count"], new["comment_count"]) == (1, 2)
    assert (await call(http, "POST", f"comments/{one['comment_id']}/move", {"ticket": 2}))[0] == 409, "its only mail"


async def test_tickets_are_merged_and_separated_again(site: Site) -> None:
    for number, subject in enumerate(("One", "Two", "Three"), 1):
        await site.receive(letter("alice@example.com", subject, message_id=f"m{number}@example.com"))
    http = await site.api("admin")
    ids = [(await call(http, "GET", f"tickets/{number}"))[1]["id"] for number in (1, 2, 3)]
    assert (await call(http, "POST", f"tickets/{ids[0]}/merge", {"into": 1}))[0] == 409, "into itself"
    assert (await call(http, "POST", f"tickets/{ids[0]}/merge", {"into": 9}))[0] == 409, "no such ticket"
    assert (await call(http, "POST", f"tickets/{ids[1]}/merge", {"into": 1}))[1]["number"] == 1
    assert (await call(http, "POST", f"tickets/{ids[1]}/merge", {"into": 3}))[0] == 409, "merged already"
    assert (await call(http, "POST", f"tickets/{ids[0]}/merge", {"into": 3}))[0] == 200
    assert (await call(http, "GET", "tickets/3"))[1]["comment_count"] == 3
    status, problem = await call(http, "POST", f"tickets/{ids[1]}/undo-merge")
    assert status == 409
    assert "undo that first" in problem["detail"]
    assert (await call(http, "POST", f"tickets/{ids[0]}/undo-merge"))[1] == {"number": 1, "comments": 2, "stayed": 0}
    later = await site.receive(letter("alice@example.com", "Re: Two", in_reply_to="m2@example.com"))
    assert str(later["ticket_id"]) == ids[0], "the second ticket is still merged into the first"
    assert (await call(http, "POST", f"tickets/{ids[1]}/undo-merge"))[1] == {"number": 2, "comments": 1, "stayed": 1}
    assert [(await call(http, "GET", f"tickets/{n}"))[1]["comment_count"] for n in (1, 2, 3)] == [2, 1, 1]
    assert (await call(http, "POST", f"tickets/{ids[1]}/undo-merge"))[0] == 409


async def test_rules_are_tried_out_before_they_are_saved(site: Site) -> None:
    http = await site.api("read")
    raw = base64.b64encode(letter("alice@example.com", "Fire!").as_bytes()).decode()
    body = {"mailbox": "support@postroom.test", "raw": raw}
    assert (await call(http, "POST", "explain", body))[1]["action"] == "create"
    _, tried = await call(http, "POST", "explain", {**body, "rule_set": SKIP_FIRE})
    assert (tried["action"], tried["reason"]) == ("exclude", "rule")
    assert (await call(http, "GET", "rules"))[1]["version"] == 0


async def test_rules_count_the_mails_they_decide(site: Site) -> None:
    http = await site.api("admin")
    await call(http, "PUT", "rules", {"based_on": 0, "rule_set": SKIP_FIRE})
    for subject in ("Fire!", "More fire", "Water"):
        await site.receive(letter("alice@example.com", subject))
    (hits,) = (await call(http, "GET", "rules/hits"))[1]["items"]
    assert (hits["rule_id"], hits["total"], hits["recent"]) == ("fire", 2, 2)


async def test_every_version_of_the_rules_can_be_read(site: Site) -> None:
    http = await site.api("admin")
    await call(http, "PUT", "rules", {"based_on": 0, "rule_set": SKIP_FIRE})
    await call(http, "PUT", "rules", {"based_on": 1, "rule_set": {}})
    items = (await call(http, "GET", "rule-versions"))[1]["items"]
    assert [(item["version"], item["rules"]) for item in items] == [(2, 0), (1, 1)]
    assert items[0]["created_by"] == "api:tests"
    _, first = await call(http, "GET", "rule-versions/1")
    assert first["rule_set"]["rules"][0]["name"] == "No fires"
    for unknown in ("3", "0", "x", "9" * 30):
        assert (await call(http, "GET", f"rule-versions/{unknown}"))[0] == 404


async def test_a_replay_shows_which_past_mail_would_land_elsewhere(site: Site) -> None:
    for subject in ("Fire!", "Water"):
        await site.receive(letter("alice@example.com", subject, message_id=f"{subject[:4]}@example.com"))
    http = await site.api("admin")
    await call(http, "PUT", "rules", {"based_on": 0, "rule_set": SKIP_FIRE})
    status, replay = await call(http, "POST", "rule-replays", {"since": "2020-01-01T00:00:00Z"})
    assert (status, replay["total"]) == (200, 2)
    deadline = asyncio.get_running_loop().time() + 30
    while replay["state"] == "running":
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
        _, replay = await call(http, "GET", f"rule-replays/{replay['id']}")
    assert (replay["state"], replay["checked"], replay["different"]) == ("done", 2, 1)
    assert [d["message_key"] for d in replay["differences"]] == ["Fire@example.com"]
    assert replay["differences"][0]["would_be"] == "exclude (rule)"
    assert (await call(http, "POST", "rule-replays", {"since": "yesterday"}))[0] == 422


async def test_one_replay_at_a_time_and_one_that_died_is_said_to_be_interrupted(site: Site) -> None:
    tenant_id, http = site.tenant.tenant_id, await site.api("admin")
    async with site.db.tenant(tenant_id) as session:
        replay_id = await replays.begin(session, tenant_id, datetime.now(UTC), 0, 10, actor="ann")
    body = {"since": "2020-01-01T00:00:00Z"}
    assert (await call(http, "POST", "rule-replays", body))[0] == 409
    async with site.db.tenant(tenant_id) as session:
        await session.execute("update rule_replays set beat_at = now() - interval '1 hour'")
    assert (await call(http, "GET", f"rule-replays/{replay_id}"))[1]["state"] == "interrupted"
    assert (await call(http, "POST", "rule-replays", body))[0] == 200


async def test_inbound_defaults_are_added_changed_and_used(site: Site) -> None:
    http, mailbox = await site.api("admin"), site.tenant.mailbox_id
    status, sales = await call(http, "POST", "defaults", {"name": "Sales", "queue": "Sales", "priority": "high"})
    assert (status, sales["active"], sales["mailboxes"]) == (200, True, [])
    assert (await call(http, "POST", "defaults", {"name": "Sales", "queue": "x"}))[0] == 409
    assert (await call(http, "POST", "defaults", {"name": " ", "queue": "x"}))[0] == 422
    assert (await call(http, "PUT", f"mailboxes/{mailbox}/defaults", {"defaults_id": sales["id"]}))[0] == 200
    ticket = await site.receive(letter("alice@example.com", "To sales"))
    assert (await call(http, "GET", f"tickets/{ticket['ticket_id']}"))[1]["queue"] == "Sales"
    changed = {"name": "Sales", "queue": "Shop", "active": False}
    _, changed = await call(http, "PUT", f"defaults/{sales['id']}", changed)
    assert (changed["queue"], changed["active"], changed["mailboxes"]) == ("Shop", False, ["support@postroom.test"])
    assert (await call(http, "PUT", f"mailboxes/{mailbox}/defaults", {"defaults_id": sales["id"]}))[0] == 409, (
        "they are inactive"
    )
    waits = await site.receive(letter("alice@example.com", "Nowhere to go"))
    assert waits["outcome"] is None
    task = await site.row("select kind from tasks where tenant_id = $1")
    assert task["kind"] == "missing_defaults"


async def test_clients_contacts_and_domains_have_destinations(site: Site) -> None:
    tenant_id, http = site.tenant.tenant_id, await site.api("admin")
    client_id = await admin.add_client(site.db, tenant_id, "North", ["north.example"])
    contact_id = await admin.add_contact(site.db, tenant_id, "ann@north.example", "Ann", client_id)
    _, vip = await call(http, "POST", "defaults", {"name": "VIP", "queue": "VIP"})
    body = {"defaults_id": vip["id"]}
    assert (await call(http, "PUT", f"clients/{client_id}/destination", body))[0] == 200
    assert (await call(http, "PUT", f"contacts/{contact_id}/destination", body))[0] == 200
    assert (await call(http, "PUT", "domains/destination", {"domain": "North.example", **body}))[0] == 200
    (client,) = (await call(http, "GET", "clients"))[1]["items"]
    assert (client["name"], client["destination"], client["contacts"]) == ("North", "VIP", 1)
    assert client["domains"] == [{"domain": "north.example", "defaults_id": vip["id"], "destination": "VIP"}]
    (contact,) = (await call(http, "GET", "contacts"))[1]["items"]
    assert (contact["address"], contact["client_name"], contact["destination"]) == ("ann@north.example", "North", "VIP")
    (used,) = [d for d in (await call(http, "GET", "defaults"))[1]["items"] if d["name"] == "VIP"]
    assert (used["clients"], used["contacts"], used["domains"]) == (1, 1, 1)
    ticket = await site.receive(letter("ann@north.example"))
    assert (await call(http, "GET", f"tickets/{ticket['ticket_id']}"))[1]["queue"] == "VIP"
    assert (await call(http, "PUT", f"clients/{client_id}/destination", {"defaults_id": str(uuid4())}))[0] == 409
    assert (await call(http, "PUT", "domains/destination", {"domain": "nowhere.example", **body}))[0] == 404


async def test_clients_are_listed_page_by_page(site: Site) -> None:
    for name in ("North", "east", "South"):
        await admin.add_client(site.db, site.tenant.tenant_id, name)
    http = await site.api("read")
    names, cursor = [], ""
    while True:
        _, page = await call(http, "GET", f"clients?limit=2{cursor}")
        names += [client["name"] for client in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert names == ["east", "North", "South"]


@pytest.mark.parametrize(
    "policy",
    [
        {"loops": {"ticket": 50, "ticket_total": 40}},
        {"loops": {"mailbox": 6000}},
        {"loops": {"pair": 2000}},
        {"queues": {" ": {}}},
        {"deadlines": {"choose_ticket": {"remind": "P2D", "escalate": "P1D", "default": "P3D"}}},
    ],
    ids=[
        "ticket_total below ticket",
        "mailbox above tenant",
        "pair above mailbox",
        "no name",
        "deadlines out of order",
    ],
)
async def test_a_policy_that_could_not_take_effect_is_refused_when_it_is_set(site: Site, policy: Any) -> None:
    http = await site.api("admin")
    status, problem = await call(http, "PUT", "policy", policy)
    assert status == 422, problem
    assert (await call(http, "GET", "policy"))[1]["loops"]["ticket_total"] == 2000


async def test_authserv_ids_are_words_in_lower_case(site: Site) -> None:
    http = await site.api("admin")
    path = f"mailboxes/{site.tenant.mailbox_id}/policy"
    _, policy = await call(http, "PUT", path, {"trusted_authserv_ids": ["MX.Example.com", "mx.example.com", "-"]})
    assert policy["trusted_authserv_ids"] == ["mx.example.com", "-"]
    assert (await call(http, "PUT", path, {"trusted_authserv_ids": ["two words"]}))[0] == 422


async def test_a_client_has_other_names_that_no_other_client_has(site: Site) -> None:
    tenant_id, http = site.tenant.tenant_id, await site.api("admin")
    north, south = [await admin.add_client(site.db, tenant_id, name) for name in ("North", "South")]
    path = f"clients/{north}/aliases"
    assert (await call(http, "PUT", path, {"aliases": ["The  North", "N", "n"]}))[1] == {"aliases": ["n", "the north"]}
    status, problem = await call(http, "PUT", f"clients/{south}/aliases", {"aliases": ["N"]})
    assert (status, problem["detail"]) == (409, "“n” is an alias of North already.")
    assert (await call(http, "PUT", path, {"aliases": ["North Inc"]}))[1] == {"aliases": ["north inc"]}
    assert (await call(http, "PUT", f"clients/{south}/aliases", {"aliases": ["N"]}))[0] == 200
    items = (await call(http, "GET", "clients"))[1]["items"]
    assert [(client["name"], client["aliases"]) for client in items] == [("North", ["north inc"]), ("South", ["n"])]
