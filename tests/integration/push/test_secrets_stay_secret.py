"""No token, key, clientState or push body appears in a log, span, metric, status, task, history or error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import aiohttp
from temporalio.api.enums.v1 import EventType

from storage.database import Database
from tests.house import open_house
from tests.integration.push.processes import PostroomProcess
from tests.integration.push.stand import SOON, Stand
from tests.letters import letter
from tests.simulators.google import PUSH_ACCOUNT, SUBSCRIPTION, TOPIC, GoogleSimulator
from tests.simulators.microsoft import MicrosoftSimulator
from tests.simulators.otlp import Receiver, receiver
from tests.temporal_server import TemporalServer

GMAIL, GRAPH, PULLED = "help@example.org", "help@example.net", "pulled@example.org"


async def test_a_run_with_every_kind_of_failure_tells_no_secret(
    db: Database, db_url: str, temporal: TemporalServer, tmp_path: Path, gmail: GoogleSimulator,
    graph: MicrosoftSimulator,
) -> None:  # fmt: skip
    async with AsyncExitStack() as stack:
        otlp = await stack.enter_async_context(receiver())
        house = await stack.enter_async_context(open_house(db, temporal.address, tmp_path / "objects", working=False))
        house.endpoints = replace(gmail.endpoints(), graph=graph.url, microsoft_login=graph.url)
        roles = [
            PostroomProcess(house, db_url, temporal.address, tmp_path / "objects", role=role, otlp=otlp.url)
            for role in ("webhooks", "worker")
        ]
        for process in roles:
            await process.start()
            stack.push_async_callback(process.kill)
            house.endpoints = replace(house.endpoints, webhooks_url=roles[0].url)
        stand = Stand(house, gmail, graph, roles[0].url)
        secrets = await _everything_that_can_fail(stand)
        metrics = await _metrics(roles)
        await stand.house.until(_exported(otlp), "spans of both processes")
        for process in roles:
            await process.kill()
        places = {
            **{str(process.log.name): process.log.read_text("utf-8", "replace") for process in roles},
            "spans": b"".join(otlp.raw).decode("utf-8", "replace"),
            "metrics": metrics,
            "status": str(await house.rows("select status from mailboxes where tenant_id = $1")),
            "sync": str(await house.rows("select * from mailbox_syncs where tenant_id = $1")),
            "tasks": " ".join(task["question"] for task in await house.open_tasks()),
            "histories": await _histories(stand),
        }  # fmt: skip
    assert "needs_reauth" in places["status"]
    assert "sync_mailbox" in places["histories"]
    assert "postroom_google_pushes_total" in places["metrics"]
    told = [(what, where) for what, secret in secrets.items() for where, text in places.items() if secret in text]
    assert told == []


async def _everything_that_can_fail(stand: Stand) -> dict[str, str]:
    """Mail, forged and authentic pushes, pulls, and access that ends; returns what nobody may tell."""
    google, graph = stand.google, stand.graph
    grant = {
        "kind": "user",
        "client_id": google.oauth.client_id,
        "client_secret": google.oauth.client_secret,
        "refresh_token": google.oauth.grant(GMAIL),
    }
    boxes = [
        await stand.gmail(GMAIL, secret=grant, reconcile=SOON),
        await stand.gmail(PULLED, pushed=False, reconcile=SOON, topic=TOPIC, subscription=SUBSCRIPTION),
        await stand.microsoft(GRAPH, reconcile=SOON, canary_minutes=5),
    ]
    await stand.status(boxes[0], "connected: notified")
    await stand.status(boxes[2], "unhealthy: the delivery check could not be sent")
    secrets = {
        "Google client secret": google.oauth.client_secret,
        "Google refresh token": grant["refresh_token"],
        "service account key": google.oauth.service_account_key()["private_key"].splitlines()[3],
        "Microsoft client secret": graph.login.client_secret,
        "clientState": next(iter(graph.subscriptions.values())).client_state,
        "push body": "s3cr3t-push-body",
        "push token": google.oauth.push_token(aud="x", email=PUSH_ACCOUNT).rpartition(".")[2],
        "subject": "s3cr3t subject",
        "text of an error": "someone@example.com",
    }
    google.account(GMAIL).deliver(letter("alice@example.com", secrets["subject"]).as_bytes())
    graph.mailbox(GRAPH).deliver(letter("bob@example.com", secrets["subject"]).as_bytes())
    await stand.house.settled(2)
    token = google.oauth.push_token(aud="x", email=PUSH_ACCOUNT).rpartition(".")[0] + "." + secrets["push token"]
    authentic = google.oauth.push_token(aud=f"{stand.webhooks_url}/webhooks/google/{boxes[0]}", email=PUSH_ACCOUNT)
    secrets |= {"authentic push token": authentic.rpartition(".")[2]}
    item = {"subscriptionId": "x", "clientState": secrets["clientState"]}
    async with aiohttp.ClientSession() as http:
        for bearer in (token, authentic):
            await http.post(
                f"{stand.webhooks_url}/webhooks/google/{boxes[0]}",
                data=secrets["push body"],
                headers={"Authorization": f"Bearer {bearer}"},
            )
        await http.post(f"{stand.webhooks_url}/webhooks/microsoft", json={"value": [item]})
        await http.post(f"{stand.webhooks_url}/webhooks/microsoft", data=secrets["push body"])
    secrets |= {f"access token {n}": token for n, token in enumerate([*google.oauth.tokens, *graph.login.tokens])}
    google.oauth.revoke()
    graph.login.revoke()
    for box in boxes:
        await stand.status(box, "needs_reauth")
    return secrets


def _exported(otlp: Receiver) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return {"postroom-webhooks", "postroom-worker"} <= {span.service for span in otlp.spans}

    return check


async def _metrics(roles: list[PostroomProcess]) -> str:
    async with aiohttp.ClientSession() as http:
        return "".join([await (await http.get(f"{process.url}/metrics")).text() for process in roles])


async def _histories(stand: Stand) -> str:
    rows = await stand.house.rows("select mailbox_id from mailboxes where tenant_id = $1 and provider <> 'smtp'")
    workflows = [f"mailbox/{row['mailbox_id']}" for row in rows]
    workflows += [email["workflow_id"] for email in await stand.house.emails()]
    found = []
    for workflow_id in workflows:
        history = await stand.house.client.get_workflow_handle(workflow_id).fetch_history()
        assert history.events[0].event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
        # The text form of a protobuf shows payloads as they are, where JSON would hide them in base64.
        found += [str(event) for event in history.events]
    return "\n".join(found)
