"""The Google simulator against what nobody here wrote: the discovery document and Google's own client libraries."""

from __future__ import annotations

import asyncio
import base64
import importlib.resources
import json
from typing import Any

import google.oauth2.credentials
import pytest
import requests
from google.auth.transport.requests import Request
from google.oauth2 import id_token, service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from providers.gmail.auth import PUBSUB_SCOPE, SCOPE
from tests.simulators.google import PUSH_ACCOUNT, SUBSCRIPTION, TOPIC, GoogleSimulator

ADDRESS = "help@example.org"


def document(api: str) -> Any:
    folder = importlib.resources.files("googleapiclient").joinpath("discovery_cache/documents")
    return json.loads(folder.joinpath(f"{api}.json").read_text("utf-8"))


SCHEMAS = {**document("pubsub.v1")["schemas"], **document("gmail.v1")["schemas"]}


def faults(value: Any, schema: dict[str, Any], path: str = "$") -> list[str]:
    """Where a value does not fit a schema of the discovery documents."""
    if "$ref" in schema:
        return faults(value, SCHEMAS[schema["$ref"]], path)
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    if not isinstance(value, kinds[schema["type"]]):
        return [f"{path}: {type(value).__name__} is no {schema['type']}"]
    if schema["type"] == "array":
        return [fault for i, item in enumerate(value) for fault in faults(item, schema["items"], f"{path}[{i}]")]
    if schema["type"] == "object":
        known = schema.get("properties", {})
        unknown = [f"{path}.{name}: not in the schema" for name in value if name not in known]
        return unknown + [f for n, item in value.items() if n in known for f in faults(item, known[n], f"{path}.{n}")]
    if schema.get("format") in ("uint64", "int64") and schema["type"] == "string" and not value.isdecimal():
        return [f"{path}: {value!r} is no number"]
    return []


def test_the_check_itself_finds_what_does_not_fit() -> None:
    history = {"$ref": "ListHistoryResponse"}
    assert faults({"historyId": 5}, history) == ["$.historyId: int is no string"]
    assert faults({"history": [{"id": "x"}], "more": 1}, history)


def api(simulator: GoogleSimulator) -> Any:
    """The official client, authorised as a service account that acts for the user."""
    key = simulator.oauth.service_account_key()
    credentials = service_account.Credentials.from_service_account_info(key, scopes=[SCOPE], subject=ADDRESS)
    options = {"api_endpoint": simulator.url}
    return build("gmail", "v1", credentials=credentials, client_options=options, cache_discovery=False).users()


async def test_the_official_client_reads_the_simulator_and_every_answer_fits_the_schema(gmail: GoogleSimulator) -> None:
    account = gmail.account(ADDRESS)
    start = account.history_id
    raw = b"Subject: x\r\n\r\n\xff\xfe>>??" * 20
    ids = [account.deliver(raw) for _ in range(3)]
    account.label(ids[0], add={"STARRED"}, remove={"UNREAD"})
    account.delete(ids[2])

    def read() -> dict[str, Any]:
        users = api(gmail)
        found = {
            "Profile": users.getProfile(userId="me").execute(),
            "ListLabelsResponse": users.labels().list(userId="me").execute(),
            "ListMessagesResponse": users.messages().list(userId="me", maxResults=1).execute(),
            "ListHistoryResponse": users.history().list(userId="me", startHistoryId=str(start)).execute(),
            "Message": users.messages().get(userId="me", id=ids[0], format="raw").execute(),
            "WatchResponse": users.watch(userId="me", body={"topicName": TOPIC}).execute(),
        }
        users.stop(userId="me").execute()
        return found

    found = await asyncio.to_thread(read)
    for schema, document in found.items():
        assert faults(document, {"$ref": schema}) == []
    assert base64.urlsafe_b64decode(found["Message"]["raw"]) == raw
    assert len(found["ListHistoryResponse"]["history"]) == 6
    assert found["ListMessagesResponse"]["nextPageToken"]


async def test_the_official_client_pulls_and_acknowledges(gmail: GoogleSimulator) -> None:
    queue = gmail.pubsub.pull_subscription(TOPIC, SUBSCRIPTION)
    gmail.pubsub.publish(TOPIC, b"{}")
    key = gmail.oauth.service_account_key()

    def pull() -> dict[str, Any]:
        credentials = service_account.Credentials.from_service_account_info(key, scopes=[PUBSUB_SCOPE])
        options = {"api_endpoint": gmail.url}
        api = build("pubsub", "v1", credentials=credentials, client_options=options, cache_discovery=False)
        subscriptions = api.projects().subscriptions()
        pulled: dict[str, Any] = subscriptions.pull(subscription=SUBSCRIPTION, body={"maxMessages": 5}).execute()
        ids = [message["ackId"] for message in pulled["receivedMessages"]]
        subscriptions.acknowledge(subscription=SUBSCRIPTION, body={"ackIds": ids}).execute()
        return pulled

    assert faults(await asyncio.to_thread(pull), {"$ref": "PullResponse"}) == []
    assert queue.waiting == 0


async def test_the_official_client_understands_its_errors(gmail: GoogleSimulator) -> None:
    account = gmail.account(ADDRESS)
    account.expire_history()
    with pytest.raises(HttpError) as caught:
        await asyncio.to_thread(lambda: api(gmail).history().list(userId="me", startHistoryId="1").execute())
    assert caught.value.status_code == 404
    assert caught.value.error_details[0]["reason"] == "notFound"


async def test_googles_own_code_refreshes_a_users_grant_and_verifies_a_pushs_token(gmail: GoogleSimulator) -> None:
    refresh_token = gmail.oauth.grant(ADDRESS)

    def refresh() -> google.oauth2.credentials.Credentials:
        credentials = google.oauth2.credentials.Credentials(  # type: ignore[no-untyped-call]
            None,
            refresh_token=refresh_token,
            token_uri=f"{gmail.url}/token",
            client_id=gmail.oauth.client_id,
            client_secret=gmail.oauth.client_secret,
        )
        credentials.refresh(Request())
        return credentials

    credentials = await asyncio.to_thread(refresh)
    assert gmail.oauth.user_of(f"Bearer {credentials.token}") == ADDRESS
    token = gmail.oauth.push_token(aud="https://hooks.example.org/x", email=PUSH_ACCOUNT)
    claims = await asyncio.to_thread(
        lambda: id_token.verify_token(
            token,
            Request(session=requests.Session()),
            audience="https://hooks.example.org/x",
            certs_url=f"{gmail.url}/oauth2/v3/certs",
        )
    )
    assert claims["email"] == PUSH_ACCOUNT
