"""The open connections to sources: one provider object per mailbox, kept while it is used and its settings stay."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, TypeGuard
from uuid import UUID

import aiohttp

from activities.archive import CountingArchive, MailboxArchive
from activities.gate import GRAPH_SLOTS, MailboxGate
from activities.vault import FormerVault, MailboxVault
from domain.endpoints import Endpoints
from providers import web
from providers.base import AuthFailed, Permanent, Provider, PushProvider, Sender
from providers.gmail import auth as gmail_auth
from providers.gmail.client import GmailClient
from providers.gmail.mailbox import GmailMailbox
from providers.gmail.quota import CONCURRENT
from providers.gmail.send import GmailSender
from providers.gmail.settings import GmailSettings
from providers.imap.mailbox import ImapMailbox
from providers.imap.oauth import credentials as imap_credentials
from providers.imap.settings import Credentials as ImapCredentials
from providers.imap.settings import ImapSettings
from providers.microsoft import auth as microsoft_auth
from providers.microsoft.client import GraphClient
from providers.microsoft.mailbox import MicrosoftMailbox
from providers.microsoft.send import GraphSender
from providers.microsoft.settings import MicrosoftSettings
from providers.oauth import TokenSource, Vault
from providers.submission import SmtpSender, SubmissionSettings
from storage import mailboxes, push
from storage.database import Database
from storage.objects import Objects
from storage.secrets import KeyRing, SecretError

REFRESHES_AT_ONCE = 4
# Provider objects of one process; beyond these the one that was used least recently is let go.
KEPT_OPEN = 1000


class Sources:
    """`get` hands out the provider of a mailbox; `close` ends every connection."""

    def __init__(
        self,
        db: Database,
        keyring: KeyRing,
        objects: Objects,
        *,
        endpoints: Endpoints,
        max_message_bytes: int,
        allow_private_hosts: bool,
    ) -> None:
        self._db = db
        self.keyring = keyring
        self.objects = objects
        self.endpoints = endpoints
        self._max_message_bytes = max_message_bytes
        self.allow_private_hosts = allow_private_hosts
        self._open: dict[UUID, tuple[int, Provider]] = {}
        self._lock = asyncio.Lock()
        self._refreshes = asyncio.Semaphore(REFRESHES_AT_ONCE)
        self._http: aiohttp.ClientSession | None = None

    async def get(self, tenant_id: UUID, mailbox_id: UUID) -> Provider:
        """Raises Permanent for a mailbox that is gone, or whose messages arrive with their content.

        Raises AuthFailed when its credentials cannot be read.
        """
        async with self._db.tenant(tenant_id) as session:
            mailbox = await mailboxes.get(session, tenant_id, mailbox_id)
            if mailbox is None or mailbox.provider not in ("imap", "gmail", "microsoft"):
                raise Permanent("this mailbox has no source to fetch from")
            connected_at = (await push.sync_state(session, tenant_id, mailbox_id)).connected_at
        async with self._lock:
            wanted = _version(mailbox, self._opened(mailbox))
            version, provider = self._open.pop(mailbox_id, (0, None))
            if provider is None or version != wanted:
                if provider is not None:
                    await provider.close()
                provider = self._connect(mailbox, connected_at)
            self._open[mailbox_id] = (wanted, provider)
            while len(self._open) > KEPT_OPEN:
                _, unused = self._open.pop(next(iter(self._open)))
                await unused.close()
            return provider

    @asynccontextmanager
    async def listing(
        self, tenant_id: UUID, mailbox_id: UUID, since: date, *, look_only: bool
    ) -> AsyncIterator[tuple[Provider, CountingArchive]]:
        """The mailbox's source as one that begins anew would see it, from a day on, with connections of its own.

        A source that reads ahead (Gmail) passes over what the ledger knows, and counts it; with `look_only` it reads
        nothing at all. Raises what `get` raises.
        """
        async with self._db.tenant(tenant_id) as session:
            mailbox = await mailboxes.get(session, tenant_id, mailbox_id)
        if mailbox is None or mailbox.provider not in ("imap", "gmail", "microsoft"):
            raise Permanent("this mailbox has no source to list")
        archive = CountingArchive(
            self._db,
            self.objects,
            tenant_id,
            mailbox_id,
            max_message_bytes=self._max_message_bytes,
            look_only=look_only,
        )
        begun = replace(mailbox, settings={**mailbox.settings, "since": since.isoformat()})
        day = datetime(since.year, since.month, since.day, tzinfo=UTC)
        provider = self._gmail(begun, day, archive) if mailbox.provider == "gmail" else self._connect(begun, day)
        try:
            yield provider, archive
        finally:
            await provider.close()

    def former(self, mailbox: mailboxes.Mailbox) -> Provider:
        """The source of a mailbox that was removed, by what it was connected with; to be closed after use.

        Raises AuthFailed, or ValidationError for settings that do not hold.
        """
        return self._connect(mailbox, datetime.now(UTC))

    def sender(self, mailbox: mailboxes.Mailbox) -> Sender:
        """For the mailbox's delivery canary. Raises AuthFailed, or Permanent where nothing can be sent."""
        secret = self._opened(mailbox)
        if mailbox.provider == "gmail":
            gmail = gmail_auth.token_source(
                self._session, self.endpoints, mailbox.address, secret, self._vault(mailbox), gmail_auth.SEND_SCOPE
            )
            return GmailSender(self._gmail_client(mailbox, GmailSettings.model_validate(mailbox.settings), gmail))
        if mailbox.provider == "microsoft":
            settings = MicrosoftSettings.model_validate(mailbox.settings)
            return GraphSender(self._graph(mailbox, settings), settings.user)
        if mailbox.provider == "imap" and "submission" in mailbox.settings:
            return SmtpSender(
                SubmissionSettings.model_validate(mailbox.settings["submission"]),
                mailbox.address,
                ImapSettings.model_validate(mailbox.settings).username,
                str(secret.get("password", "")),
                allow_private=self.allow_private_hosts,
            )
        raise Permanent("no way to send is configured for this mailbox")

    async def close(self) -> None:
        for _, provider in self._open.values():
            await provider.close()
        self._open.clear()
        if self._http is not None:
            await self._http.close()

    def _connect(self, mailbox: mailboxes.Mailbox, connected_at: datetime) -> Provider:
        if mailbox.provider == "gmail":
            return self._gmail(mailbox, connected_at)
        if mailbox.provider == "microsoft":
            return self._microsoft(mailbox, connected_at)
        return self._imap(mailbox)

    def _opened(self, mailbox: mailboxes.Mailbox) -> dict[str, Any]:
        try:
            return mailbox.secret(self.keyring)
        except SecretError:
            raise AuthFailed("the mailbox's credentials cannot be read") from None

    def _imap(self, mailbox: mailboxes.Mailbox) -> ImapMailbox:
        settings = ImapSettings.model_validate(mailbox.settings)
        return ImapMailbox(settings, self.credentials(mailbox, settings), allow_private=self.allow_private_hosts)

    def credentials(self, mailbox: mailboxes.Mailbox, settings: ImapSettings) -> ImapCredentials:
        """What an IMAP mailbox logs in with. Raises AuthFailed when its secret cannot be read."""
        secret, vault = self._opened(mailbox), self._vault(mailbox)
        return imap_credentials(settings, secret, vault, allow_private=self.allow_private_hosts)

    def _gmail(
        self, mailbox: mailboxes.Mailbox, connected_at: datetime, archive: MailboxArchive | None = None
    ) -> GmailMailbox:
        settings = GmailSettings.model_validate(mailbox.settings)
        tokens = gmail_auth.token_source(
            self._session, self.endpoints, mailbox.address, self._opened(mailbox), self._vault(mailbox)
        )
        archive = archive or MailboxArchive(
            self._db,
            self.objects,
            mailbox.tenant_id,
            mailbox.mailbox_id,
            max_message_bytes=self._max_message_bytes,
        )
        client = self._gmail_client(mailbox, settings, tokens)
        return GmailMailbox(client, settings, archive, since=_since(settings.since, connected_at))

    def _gmail_client(self, mailbox: mailboxes.Mailbox, settings: GmailSettings, tokens: TokenSource) -> GmailClient:
        gate = MailboxGate(
            self._db,
            mailbox.tenant_id,
            mailbox.mailbox_id,
            slots=CONCURRENT,
            units_per_minute=settings.units_per_minute,
        )
        return GmailClient(
            self._session,
            self.endpoints.google_api,
            mailbox.address,
            tokens,
            gate,
            units_per_message=settings.units_per_message,
        )

    def _microsoft(self, mailbox: mailboxes.Mailbox, connected_at: datetime) -> MicrosoftMailbox:
        settings = MicrosoftSettings.model_validate(mailbox.settings)
        return MicrosoftMailbox(
            self._graph(mailbox, settings),
            settings,
            since=_since(settings.since, connected_at),
            notification_url=self.endpoints.microsoft_push if self.endpoints.webhooks_url else "",
        )

    def _graph(self, mailbox: mailboxes.Mailbox, settings: MicrosoftSettings) -> GraphClient:
        tokens = microsoft_auth.token_source(
            self._session, self.endpoints, settings.directory, self._opened(mailbox), self._vault(mailbox)
        )
        gate = MailboxGate(self._db, mailbox.tenant_id, mailbox.mailbox_id, slots=GRAPH_SLOTS)
        return GraphClient(self._session, self.endpoints.graph, tokens, gate)

    def _vault(self, mailbox: mailboxes.Mailbox) -> Vault:
        if mailbox.state == "removed":
            return FormerVault(self._opened(mailbox))
        return MailboxVault(self._db, self.keyring, mailbox.tenant_id, mailbox.mailbox_id, few=self._refreshes)

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = web.new_session()
        return self._http


def notifies(provider: Provider) -> TypeGuard[PushProvider]:
    """Whether this source can be asked to notify."""
    return isinstance(provider, (GmailMailbox, MicrosoftMailbox))


def _since(day: date | None, connected_at: datetime) -> datetime:
    # A resync may ask for a day after connecting; what was connected before is to be read all the same.
    return min(connected_at, datetime(day.year, day.month, day.day, tzinfo=UTC)) if day else connected_at


def _version(mailbox: mailboxes.Mailbox, secret: Mapping[str, Any]) -> int:
    """Changes when the provider object has to be made anew: not for a token that it refreshed itself."""
    rotating = ("access_token", "expires_at", "refresh_token")
    credentials = {name: value for name, value in secret.items() if name not in rotating}
    return hash((mailbox.address, json.dumps([mailbox.settings, credentials], sort_keys=True)))
