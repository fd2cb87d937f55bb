"""A mailbox tried from its source's name to the notification, step by step, with what to do where one fails."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import aiohttp
from pydantic import BaseModel, ValidationError

from activities.sources import Sources
from activities.watches import Watches
from domain.endpoints import Endpoints
from domain.mailbox import MailboxRef
from providers.base import Gone, Provider, ProviderError
from providers.gmail.mailbox import GmailMailbox
from providers.gmail.settings import GmailSettings
from providers.imap.check import Step, check
from providers.imap.settings import ImapSettings
from providers.microsoft.mailbox import MicrosoftMailbox
from providers.microsoft.settings import MicrosoftSettings
from storage import mailboxes, push
from storage.database import Database

# Seconds until a network step has failed, and until a notification that was asked for must have come.
NETWORK = 15.0
NOTIFICATION = 30.0


class _Failed(Exception):
    def __init__(self, detail: str, advice: str) -> None:
        super().__init__(detail)
        self.advice = advice


async def diagnose(db: Database, sources: Sources, tenant_id: UUID, mailbox_id: UUID) -> AsyncIterator[Step]:
    """The findings as they are made; ends with the first failure, since later steps need the earlier ones.

    Raises LookupError for a mailbox that is gone, and SecretError when its secret cannot be opened.
    """
    async with db.tenant(tenant_id) as session:
        mailbox = await mailboxes.get(session, tenant_id, mailbox_id)
    if mailbox is None:
        raise LookupError(f"no mailbox {mailbox_id}")
    if mailbox.provider in ("smtp", "raw"):
        yield Step("mailbox", True, "its messages are handed to postroom: there is no source to test")
        return
    if (fault := _unsound(mailbox)) is not None:
        yield fault
        return
    if mailbox.provider == "imap":
        imap = ImapSettings.model_validate(mailbox.settings)
        async for step in check(imap, sources.credentials(mailbox, imap), allow_private=sources.allow_private_hosts):
            yield step
        return
    for name, attempt in _steps(db, mailbox, sources):
        try:
            yield Step(name, True, await attempt())
        except _Failed as failed:
            yield Step(name, False, str(failed), failed.advice)
            return
        except ProviderError as error:
            yield Step(name, False, str(error), _ADVICE[mailbox.provider])
            return


_SETTINGS: dict[str, type[BaseModel]] = {"imap": ImapSettings, "gmail": GmailSettings, "microsoft": MicrosoftSettings}


def _unsound(mailbox: mailboxes.Mailbox) -> Step | None:
    """What of the settings does not hold; None when all does."""
    try:
        _SETTINGS[mailbox.provider].model_validate(mailbox.settings)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        return Step("settings", False, f"these do not hold: {fields}", "Correct them and try again.")
    if mailbox.sealed_secret is None:
        return Step("settings", False, "there are no credentials", "Enter them and try again.")
    return None


Attempt = Callable[[], Awaitable[str]]
_ADVICE = {
    "gmail": "docs/gmail.md tells which access the mailbox needs.",
    "microsoft": "docs/microsoft365.md tells which access the mailbox needs.",
}


def _steps(db: Database, mailbox: mailboxes.Mailbox, sources: Sources) -> list[tuple[str, Attempt]]:
    hosts = _hosts(mailbox, sources.endpoints)

    async def names() -> str:
        return ", ".join([await _resolve(host, port) for host, port, _ in hosts])

    async def encryption() -> str:
        return ", ".join([await _handshake(*host) for host in hosts])

    async def access() -> str:
        return await _access(await sources.get(mailbox.tenant_id, mailbox.mailbox_id), mailbox)

    async def folders() -> str:
        return await _folders(await sources.get(mailbox.tenant_id, mailbox.mailbox_id), mailbox)

    async def notifications() -> str:
        source = await sources.get(mailbox.tenant_id, mailbox.mailbox_id)
        return await _notifications(db, sources.endpoints, mailbox, source)

    return [
        ("names", names),
        ("TLS", encryption),
        ("access", access),
        ("folders", folders),
        ("notifications", notifications),
    ]


def _hosts(mailbox: mailboxes.Mailbox, endpoints: Endpoints) -> list[tuple[str, int, bool]]:
    """Host, port, and whether TLS begins at once."""
    google = mailbox.provider == "gmail"
    urls = (endpoints.google_oauth, endpoints.google_api) if google else (endpoints.microsoft_login, endpoints.graph)
    parts = [urlsplit(url) for url in urls]
    return [(p.hostname or "", p.port or (443 if p.scheme == "https" else 80), p.scheme == "https") for p in parts]


async def _resolve(host: str, port: int) -> str:
    try:
        found = await asyncio.wait_for(asyncio.get_running_loop().getaddrinfo(host, port), NETWORK)
    except (OSError, TimeoutError):
        raise _Failed(f"{host} has no address", "Look at this machine's name servers, and at its proxy.") from None
    return f"{host} is {found[0][4][0]}"


async def _handshake(host: str, port: int, encrypted: bool) -> str:
    context = ssl.create_default_context() if encrypted else None
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port, ssl=context), NETWORK)
    except ssl.SSLError as error:
        raise _Failed(
            f"{host} has no certificate that this machine trusts ({error.reason})",
            "A proxy may stand between: add its authority to this machine, or let the host through.",
        ) from None
    except (OSError, TimeoutError):
        raise _Failed(f"{host}:{port} does not answer", f"Let this machine reach {host} on port {port}.") from None
    writer.close()
    return f"{host} answers" if encrypted else f"{host} answers, without encryption at first"


async def _access(source: Provider, mailbox: mailboxes.Mailbox) -> str:
    if isinstance(source, GmailMailbox):
        address = await source.profile()
        if address.lower() != mailbox.address:
            raise _Failed(f"the credentials lead to {address}", "Connect the mailbox again as its own user.")
        return f"Gmail knows it as {address}"
    assert isinstance(source, MicrosoftMailbox)
    await source.folder_name(MicrosoftSettings.model_validate(mailbox.settings).folders[0])
    return "Graph gives access"


async def _folders(source: Provider, mailbox: mailboxes.Mailbox) -> str:
    if isinstance(source, GmailMailbox):
        names, wanted = await source.label_names(), mailbox.settings.get("labels", ["INBOX"])
        missing = [label for label in wanted if label not in names]
        if missing:
            known = ", ".join(f"{name} ({label})" for label, name in sorted(names.items()))
            raise _Failed(f"there is no label with the id {missing[0]}", f"There are: {known}")
        return ", ".join(names[label] for label in wanted)
    assert isinstance(source, MicrosoftMailbox)
    found = []
    for folder in MicrosoftSettings.model_validate(mailbox.settings).folders:
        try:
            found.append(await source.folder_name(folder))
        except Gone:
            raise _Failed(f"there is no folder {folder}", "Give a well-known name (inbox) or a folder's id.") from None
    return ", ".join(found)


async def _notifications(db: Database, endpoints: Endpoints, mailbox: mailboxes.Mailbox, source: Provider) -> str:
    assert isinstance(source, (GmailMailbox, MicrosoftMailbox))
    if not source.watchable:
        return "not set up: the mailbox is polled"
    if isinstance(source, GmailMailbox) and mailbox.settings.get("subscription"):
        return await _pulled(db, mailbox, source)
    if not endpoints.webhooks_url:
        raise _Failed("POSTROOM_WEBHOOKS_URL is not set", "Set it to where the internet reaches `postroom webhooks`.")
    await _reachable(endpoints)
    began = datetime.now(UTC)
    reference = MailboxRef(tenant_id=mailbox.tenant_id, mailbox_id=mailbox.mailbox_id, provider=mailbox.provider)
    if isinstance(source, GmailMailbox):
        await source.watch("mailbox", "")
        return f"Gmail's push arrived after {await _arrived(db, mailbox, began, _PUSH_ADVICE):.1f} s"
    if (failure := await Watches(db).keep(reference, source)) is not None:
        raise _Failed(failure, "The webhooks must answer Graph within seconds, with nothing before them.")
    return "Graph reaches the webhooks and the subscriptions stand"


async def _reachable(endpoints: Endpoints) -> None:
    """Our own webhooks, the way the source goes: over the public URL."""
    token = uuid4().hex
    advice = "`postroom webhooks` must be reachable there, with no login, firewall or redirect before it."
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=NETWORK)) as http,
            http.post(endpoints.microsoft_push, params={"validationToken": token}, allow_redirects=False) as response,
        ):
            if response.status != 200 or await response.text() != token:
                raise _Failed(f"{endpoints.webhooks_url} answers {response.status} and is not our webhooks", advice)
    except (aiohttp.ClientError, TimeoutError, OSError):
        raise _Failed(f"{endpoints.webhooks_url} does not answer", advice) from None


_PUSH_ADVICE = "Look at the subscription: its endpoint, its service account (--push-service-account) and its audience."
_PULL_ADVICE = (
    "`postroom webhooks` has to run: it pulls. The subscription must be one of the topic, and the service account "
    "needs roles/pubsub.subscriber on it."
)


async def _pulled(db: Database, mailbox: mailboxes.Mailbox, source: GmailMailbox) -> str:
    began = datetime.now(UTC)
    await source.watch("mailbox", "")
    return f"Gmail's notification was pulled after {await _arrived(db, mailbox, began, _PULL_ADVICE):.1f} s"


async def _arrived(db: Database, mailbox: mailboxes.Mailbox, began: datetime, advice: str) -> float:
    """Seconds until the notification that Gmail sends as soon as a watch is made. Raises _Failed."""
    deadline = asyncio.get_running_loop().time() + NOTIFICATION
    while asyncio.get_running_loop().time() < deadline:
        async with db.tenant(mailbox.tenant_id) as session:
            state = await push.sync_state(session, mailbox.tenant_id, mailbox.mailbox_id)
        if state.hinted_at is not None and state.hinted_at > began - timedelta(seconds=1):
            return (state.hinted_at - began).total_seconds()
        await asyncio.sleep(0.2)
    raise _Failed(state.pull_failure or "Gmail watches, but no notification arrived", advice)
