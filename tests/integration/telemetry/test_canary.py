"""Planted secrets and personal data are looked for in all that leaves: spans, metrics, logs, histories."""

from __future__ import annotations

import asyncio
import re

import aiohttp
from temporalio.client import Client

from tests.house import MASTER_KEYS
from tests.integration.telemetry.conftest import IMAP_ADDRESS, Fleet, until
from tests.integration.telemetry.test_traces import drop
from tests.letters import letter
from workers import admin

SUBJECT, BODY, FILE, NAME = "Quittungxylophon", "Leberkaesrezept", "zahnarztbefund.pdf", "Hildegundis"
LOCAL, DOMAIN = "hildegundis.privat", "geheimdomaene.example"
ADDRESS = f"{LOCAL}@{DOMAIN}"
CONTENT = (SUBJECT, BODY, "zahnarztbefund", NAME, LOCAL, DOMAIN)
# What signs us in somewhere, or others in here. The database's login has no password in tests.
SECRETS = ("imap-password", MASTER_KEYS.partition(":")[2])


async def leaves(fleet: Fleet) -> dict[str, str]:
    """All that can be read outside of Postgres and the object store, by where."""
    found = {"spans and metrics by OTLP": b"\n".join(fleet.otlp.raw).decode("utf-8", "replace")}
    for role in fleet.ports:
        found[f"log of {role}"] = fleet.log(role)
        found[f"metrics of {role}"] = (await fleet.page(role, "/metrics"))[1]
    client = await Client.connect(fleet.temporal.address)
    async for run in client.list_workflows():
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        described = await handle.describe()
        events = (await handle.fetch_history()).events
        whole = b"".join(event.SerializeToString() for event in events) + described.raw_description.SerializeToString()
        found[f"history of {run.workflow_type} {run.id}"] = whole.decode("utf-8", "replace")
    return found


def planted(text: str, words: tuple[str, ...]) -> list[str]:
    return [word for word in words if word.casefold() in text.casefold()]


async def test_nothing_planted_leaves_the_house(fleet: Fleet) -> None:
    token = await admin.create_api_token(fleet.db, fleet.tenant_id, "canary", "admin")
    clients = [await admin.add_client(fleet.db, fleet.tenant_id, f"{NAME} {n}") for n in (1, 2)]
    for client_id in clients:
        await admin.add_contact(fleet.db, fleet.tenant_id, "two." + ADDRESS, NAME, client_id)

    sender = f"{NAME} <{ADDRESS}>"
    parent, bad = "canary-1@ids.example", b"%PDF-1.4 " + BODY.encode()
    await fleet.send(letter(sender, SUBJECT, BODY, message_id=parent, attachments=[(FILE, bad)]))
    await fleet.email(parent)
    await fleet.send(letter(sender, f"Re: {SUBJECT}", BODY, message_id="canary-2@ids.example", in_reply_to=parent))
    await asyncio.to_thread(drop, fleet, letter(sender, SUBJECT, BODY, message_id="canary-3@ids.example"))
    # One that a person is asked about, one with headers that nothing can read, and two that are refused.
    await fleet.send(letter(f"two.{ADDRESS}", SUBJECT, BODY, message_id="canary-4@ids.example"))
    await fleet.send(letter(sender, SUBJECT, BODY, message_id=f"{LOCAL}=canary-5@{DOMAIN}"))
    for message_id in ("canary-2@ids.example", "canary-3@ids.example", f"{LOCAL}=canary-5@{DOMAIN}"):
        await fleet.email(message_id)
    waiting = await fleet.email("canary-4@ids.example", "waiting")
    await ask_around(fleet, token)

    async def exported() -> bool:
        named = {s.attributes.get("postroom.email_id") for s in fleet.otlp.spans}
        return str(waiting["email_id"]) in named and "postroom_open_tasks" in fleet.otlp.metrics

    await until(exported, "spans and metrics of the last mail")

    outside = await leaves(fleet)
    words = (*CONTENT, *SECRETS, token, token.rpartition("_")[2], f"two.{LOCAL}", IMAP_ADDRESS)
    # A run is named by its Message-ID, and the mailbox's own workflow knows no other mail: there it may stand.
    own = re.compile(rf"{re.escape(LOCAL)}=canary-5@{re.escape(DOMAIN)}")
    found = {
        place: hits
        for place, text in outside.items()
        if (hits := planted(own.sub("", text) if place.startswith("history") else text, words))
    }
    assert found == {}

    # The look would have found them: each place shows what it is meant to show.
    assert str(waiting["email_id"]) in outside["spans and metrics by OTLP"]
    assert "postroom_messages_total" in outside["spans and metrics by OTLP"]
    assert str(waiting["mailbox_id"]) in "".join(text for place, text in outside.items() if "history" in place)
    assert "canary-1@ids.example" in "".join(text for place, text in outside.items() if "history" in place)
    assert all("postroom_" in text for place, text in outside.items() if place.startswith("metrics of"))
    assert '"event"' in outside["log of worker"]
    assert planted(f"x {SUBJECT.upper()} y", words) == [SUBJECT]


async def ask_around(fleet: Fleet, token: str) -> None:
    """Requests with things in them that are nobody's business, answered well and refused."""
    web, webhooks = (f"http://127.0.0.1:{fleet.ports[role]}" for role in ("web", "webhooks"))
    good, wrong = {"Authorization": f"Bearer {token}"}, {"Authorization": f"Bearer pr_{NAME}"}
    asked = [
        ("GET", f"{web}/api/v1/tickets?q={SUBJECT}", good, 200),
        ("GET", f"{web}/api/v1/tickets?q={SUBJECT}", wrong, 401),
        ("GET", f"{web}/api/v1/emails?message_id={LOCAL}@{DOMAIN}", good, 200),
        ("GET", f"{web}/{NAME}?token={token}", {}, 404),
        ("POST", f"{webhooks}/webhooks/microsoft?validationToken={NAME}", {}, 200),
        ("POST", f"{webhooks}/webhooks/raw/{NAME}?key={token}", {}, 401),
    ]
    async with aiohttp.ClientSession() as http:
        for method, url, headers, status in asked:
            async with http.request(method, url, headers=headers, data=BODY if method == "POST" else None) as response:
                assert response.status == status, (method, url, await response.text())
