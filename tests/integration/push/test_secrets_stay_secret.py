"""No token, key, clientState or push body appears in a log, a status, a task, a history or an error."""

from __future__ import annotations

import logging
from pathlib import Path

import aiohttp
import pytest
from temporalio.api.enums.v1 import EventType

from tests.integration.push.stand import SOON, Stand
from tests.integration.push.webhooks_process import WebhooksProcess
from tests.letters import letter
from tests.simulators.google import PUSH_ACCOUNT
from tests.temporal_server import TemporalServer

GMAIL, GRAPH = "help@example.org", "help@example.net"


async def test_a_run_with_every_kind_of_failure_tells_no_secret(
    stand: Stand, db_url: str, temporal: TemporalServer, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    google, graph = stand.google, stand.graph
    grant = {
        "kind": "user",
        "client_id": google.oauth.client_id,
        "client_secret": google.oauth.client_secret,
        "refresh_token": google.oauth.grant(GMAIL),
    }
    gmail_id = await stand.gmail(GMAIL, secret=grant, reconcile=SOON)
    graph_id = await stand.microsoft(GRAPH, reconcile=SOON)
    await stand.status(gmail_id, "connected: notified")
    await stand.status(graph_id, "connected: notified")
    secrets = {
        "Google client secret": google.oauth.client_secret,
        "Google refresh token": grant["refresh_token"],
        "Microsoft client secret": graph.login.client_secret,
        "clientState": next(iter(graph.subscriptions.values())).client_state,
        "push body": "s3cr3t-push-body",
        "push token": google.oauth.push_token(aud="x", email=PUSH_ACCOUNT).rpartition(".")[2],
        "subject": "s3cr3t subject",
        "text of an error": "someone@example.com",
    }
    secrets |= {f"access token {n}": token for n, token in enumerate([*google.oauth.tokens, *graph.login.tokens])}
    google.account(GMAIL).deliver(letter("alice@example.com", secrets["subject"]).as_bytes())
    graph.mailbox(GRAPH).deliver(letter("bob@example.com", secrets["subject"]).as_bytes())
    emails = await stand.house.settled(2)
    process = WebhooksProcess(stand.house, db_url, temporal.address, tmp_path / "objects")
    await process.start()
    async with aiohttp.ClientSession() as http:
        token = google.oauth.push_token(aud="x", email=PUSH_ACCOUNT).rpartition(".")[0] + "." + secrets["push token"]
        for url in (stand.webhooks_url, process.url):
            await http.post(
                f"{url}/webhooks/google/{gmail_id}",
                data=secrets["push body"],
                headers={"Authorization": f"Bearer {token}"},
            )
            await http.post(
                f"{url}/webhooks/microsoft",
                json={"value": [{"subscriptionId": "x", "clientState": secrets["clientState"]}]},
            )
            await http.post(f"{url}/webhooks/microsoft", data=secrets["push body"])
    await process.kill()
    google.oauth.revoke()
    graph.login.revoke()
    await stand.status(gmail_id, "needs_reauth")
    await stand.status(graph_id, "needs_reauth")

    captured = capfd.readouterr()
    places = {
        "log": caplog.text,
        "output": captured.out + captured.err,
        "process log": process.log.read_text(),
        "status": " ".join([(await stand.row(m))["status"] for m in (gmail_id, graph_id)]),
        "tasks": " ".join(task["question"] for task in await stand.house.open_tasks()),
        "histories": "".join([await _history(stand, workflow) for workflow in
                              (f"mailbox/{gmail_id}", f"mailbox/{graph_id}", *(e["workflow_id"] for e in emails))]),
    }  # fmt: skip
    assert "needs_reauth" in places["status"]
    assert "sync_mailbox" in places["histories"]
    told = [(what, where) for what, secret in secrets.items() for where, text in places.items() if secret in text]
    assert told == []


async def _history(stand: Stand, workflow_id: str) -> str:
    history = await stand.house.client.get_workflow_handle(workflow_id).fetch_history()
    assert history.events[0].event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
    # The text form of a protobuf shows payloads as they are, where JSON would hide them in base64.
    return "\n".join(str(event) for event in history.events)
