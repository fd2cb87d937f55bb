"""The operations about deciding: outbound headers, un-merge, dry runs, rules, policies, circuits, what was learned."""

from __future__ import annotations

import base64
from email.policy import SMTP
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from domain.decision import CircuitKey
from storage import loops, watchers
from tests.integration.console.site import Site
from tests.letters import letter

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
    http = await site.api("write")
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
    http = await site.api("write")
    for bad in ([], ["no address"], ["a@example.org\r\nBcc: b@example.org"]):
        status, _ = await call(http, "POST", f"tickets/{ticket['ticket_id']}/outbound", {"to": bad})
        assert status == 422
    assert (await call(http, "POST", f"tickets/{uuid4()}/outbound", {"to": ["a@example.org"]}))[0] == 404


async def test_a_comment_moves_to_a_ticket_of_its_own_with_its_attachments(site: Site) -> None:
    ticket = await site.receive(letter("alice@example.com", "One", message_id="one@example.com"))
    reply = await site.receive(
        letter("alice@example.com", "Two", in_reply_to="one@example.com", attachments=[("log.bin", b"12345")])
    )
    http = await site.api("write")
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
    http = await site.api("write")
    status, empty = await call(http, "GET", "rules")
    assert (status, empty["version"], empty["rule_set"]["rules"]) == (200, 0, [])
    status, saved = await call(http, "PUT", "rules", {"based_on": 0, "rule_set": SKIP_FIRE})
    assert (status, saved["version"]) == (200, 1)
    assert (await site.receive(letter("alice@example.com", "Fire!")))["reason"] == "rule"
    assert (await call(http, "PUT", "rules", {"based_on": 0, "rule_set": {}}))[0] == 409
    assert (await call(http, "PUT", "rules", {"based_on": 1, "rule_set": {}}))[1]["version"] == 2
    assert (await site.receive(letter("alice@example.com", "Fire again")))["outcome"] == "ticket"


async def test_rules_that_do_not_hold_are_refused(site: Site) -> None:
    http = await site.api("write")
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
    http = await site.api("write")
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
    http = await site.api("write")
    (circuit,) = (await call(http, "GET", "circuits"))[1]["items"]
    assert (circuit["scope"], circuit["state"]) == ("tenant", "open")
    _, page = await call(http, "POST", f"circuits/{circuit['id']}/reset")
    assert page["items"][0]["state"] == "closed"
    assert page["items"][0]["closed_by"].startswith("api:")
    assert (await call(http, "POST", f"circuits/{circuit['id']}/reset"))[0] == 409


async def test_what_was_learned_is_listed_and_revoked(site: Site) -> None:
    from workers import admin

    client_id = await admin.add_client(site.db, site.tenant.tenant_id, "North")
    async with site.db.tenant(site.tenant.tenant_id) as session:
        await session.execute(
            "insert into sender_associations values ($1, 'domain', 'example.org', $2, 'agent')",
            site.tenant.tenant_id,
            client_id,
        )
    http = await site.api("write")
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
    http = await site.api("write")
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
    http = await site.api("write")
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
    http = await site.api("write")
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
