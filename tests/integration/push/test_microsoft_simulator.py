"""The Microsoft simulator against what nobody here wrote: msal, and Microsoft's own Graph SDK with its models."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import msal
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from kiota_abstractions.authentication import AnonymousAuthenticationProvider
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.subscription import Subscription

from providers.microsoft import auth
from providers.web import new_session
from tests.integration.push.stand import Stand
from tests.letters import letter
from tests.simulators.microsoft import MicrosoftSimulator
from tests.simulators.microsoft_login import DIRECTORY

USER = "help@example.net"


def certificate() -> str:
    """A self-signed certificate and its key, as one PEM."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "postroom")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return built.public_bytes(Encoding.PEM).decode() + private.decode()


class _Here(requests.Session):
    """msal takes https authorities only: its requests are sent to the simulator instead."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def request(self, method: str, url: str, **more: Any) -> requests.Response:  # type: ignore[override]
        return super().request(method, url.replace("https://login.microsoftonline.com", self._url), **more)


async def test_msal_gets_its_tokens_here_by_secret_by_certificate_and_by_refresh(graph: MicrosoftSimulator) -> None:
    login = graph.login
    login.base_url = "https://login.microsoftonline.com"
    login.certificate = certificate()

    def application(credential: Any) -> msal.ConfidentialClientApplication:
        return msal.ConfidentialClientApplication(
            login.client_id,
            client_credential=credential,
            authority=f"https://login.microsoftonline.com/{DIRECTORY}",
            instance_discovery=False,
            http_client=_Here(graph.url),
        )

    pem = login.certificate
    credentials = [
        login.client_secret,
        {"private_key": pem[pem.index("-----BEGIN PRIVATE") :], "public_certificate": pem},
    ]
    for credential in credentials:
        answer = await asyncio.to_thread(
            lambda c=credential: application(c).acquire_token_for_client([f"{graph.url}/.default"])
        )
        assert login.holder(f"Bearer {answer['access_token']}") == ""
    refreshed = await asyncio.to_thread(
        lambda: application(login.client_secret).acquire_token_by_refresh_token(login.grant(USER), ["Mail.Read"])
    )
    assert login.holder(f"Bearer {refreshed['access_token']}") == USER
    refused = await asyncio.to_thread(lambda: application("wrong").acquire_token_for_client([f"{graph.url}/.default"]))
    assert refused["error_codes"] == [7000215]


async def test_our_own_certificate_assertion_is_taken_as_msals_is(graph: MicrosoftSimulator) -> None:
    graph.login.certificate = pem = certificate()
    secret = {"kind": "app", "client_id": graph.login.client_id, "certificate": pem, "private_key": pem}
    async with new_session() as http:
        source = auth.token_source(http, graph.endpoints(), DIRECTORY, secret, None)  # type: ignore[arg-type]
        assert graph.login.holder(f"Bearer {await source.token()}") == ""


class _Bearer(AnonymousAuthenticationProvider):
    def __init__(self, token: str) -> None:
        self._token = token

    async def authenticate_request(self, request: Any, additional_authentication_context: Any = None) -> None:
        request.headers.try_add("Authorization", f"Bearer {self._token}")


async def test_the_graph_sdk_reads_mail_and_subscribes_here(stand: Stand) -> None:
    graph = stand.graph
    mailbox = graph.mailbox(USER)
    raw = letter("alice@example.com", message_id="sdk@example.com").as_bytes()
    mailbox.deliver(raw)
    async with new_session() as http:
        source = auth.token_source(http, graph.endpoints(), DIRECTORY, graph.secret(), None)  # type: ignore[arg-type]
        token = await source.token()
    adapter = GraphRequestAdapter(_Bearer(token))
    adapter.base_url = f"{graph.url}/v1.0"
    client = GraphServiceClient(request_adapter=adapter)
    inbox = client.users.by_user_id(USER).mail_folders.by_mail_folder_id("inbox")
    immutable: RequestConfiguration[Any] = RequestConfiguration()
    immutable.headers.add("Prefer", 'IdType="ImmutableId"')
    page = await inbox.messages.delta.get(request_configuration=immutable)
    assert page is not None
    assert page.odata_delta_link
    (message,) = page.value or []
    assert message.internet_message_id == "<sdk@example.com>"
    assert message.is_draft is False
    assert message.received_date_time is not None
    assert message.received_date_time.tzinfo is not None
    content = await client.users.by_user_id(USER).messages.by_message_id(message.id or "").content.get()
    assert content == raw
    wanted = Subscription(
        change_type="created",
        notification_url=f"{stand.webhooks_url}/webhooks/microsoft",
        lifecycle_notification_url=f"{stand.webhooks_url}/webhooks/microsoft",
        resource=f"users/{USER}/mailFolders('inbox')/messages",
        expiration_date_time=datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=2),
        client_state="not-a-secret-of-anything",
    )
    made = await client.subscriptions.post(wanted)
    assert made is not None
    assert made.id in graph.subscriptions
    assert made.expiration_date_time is not None
    assert graph.notifier.handshakes == 2
    await client.subscriptions.by_subscription_id(made.id or "").delete()
    assert graph.subscriptions == {}
