"""A user's consent by way of the console: where they agree, and what is made of the code that comes back.

The request's state and verifier stay sealed in the job that made it; they are of no use without its mailbox.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from activities.sources import Sources
from domain.mailbox_jobs import MailboxJob
from providers import web
from providers.base import AuthFailed
from providers.gmail import auth as gmail_auth
from providers.imap import oauth as imap_oauth
from providers.imap.settings import ImapSettings, OAuthClient
from providers.microsoft import auth as microsoft_auth
from providers.oauth import Consent, with_token
from storage import mailbox_jobs, mailboxes, push
from storage.database import Database
from storage.mailboxes import Mailbox


class Consents:
    def __init__(self, db: Database, sources: Sources, public_url: str) -> None:
        self._db = db
        self._sources = sources
        self._redirect_uri = f"{public_url.rstrip('/')}/oauth/callback"

    async def ask(self, job: MailboxJob) -> dict[str, Any]:
        """The page on which the mailbox's user agrees, as the job's result. Raises AuthFailed."""
        mailbox, secret = await self._mailbox(job)
        endpoints = self._sources.endpoints
        if mailbox.provider != "imap" and not secret.get("client_id"):
            raise AuthFailed("There is no OAuth client yet: enter it first.")
        if mailbox.provider == "imap":
            imap, client = _imap(mailbox)
            asked = imap_oauth.consent(client, self._redirect_uri, imap.username)
        elif mailbox.provider == "gmail":
            asked = gmail_auth.consent(endpoints, secret["client_id"], self._redirect_uri, mailbox.address)
        else:
            asked = microsoft_auth.consent(
                endpoints, mailbox.settings["directory"], secret["client_id"], self._redirect_uri, mailbox.address
            )
        kept = {"state": asked.state, "verifier": asked.verifier}
        async with self._db.tenant(job.tenant_id) as session:
            await mailbox_jobs.keep_sealed(session, job.tenant_id, job.job_id, self._sealed(job.tenant_id, job, kept))
        return {"url": asked.url, "state_sha256": hashlib.sha256(asked.state.encode()).hexdigest()}

    async def redeem(self, job: MailboxJob) -> dict[str, Any]:
        """Exchanges the code for the mailbox's own token, and keeps it. Raises AuthFailed."""
        mailbox, secret = await self._mailbox(job)
        answer = await self._opened(job.tenant_id, job.job_id)
        asking = await self._opened(job.tenant_id, UUID(answer["asked_by_job"]))
        consent = Consent("", asking["state"], asking["verifier"], self._redirect_uri)
        async with web.new_session() as http:
            if mailbox.provider == "imap":
                # Whose token it is, no server of RFC 6749 has to tell: the login of the live test does.
                client, client_secret = _imap(mailbox)[1], str(secret.get("client_secret", ""))
                allow_private = self._sources.allow_private_hosts
                token = await imap_oauth.redeem(
                    client, client_secret, consent, answer["code"], allow_private=allow_private
                )
            elif mailbox.provider == "gmail":
                token = await gmail_auth.redeem(
                    http, self._sources.endpoints, secret["client_id"], secret["client_secret"], consent, answer["code"]
                )
                await gmail_auth.check_owner(http, self._sources.endpoints, token.value, mailbox.address)
            else:
                token = await microsoft_auth.redeem(
                    http, self._sources.endpoints, mailbox.settings["directory"], secret, consent, answer["code"]
                )
                user = mailbox.settings.get("user") or mailbox.address
                await microsoft_auth.check_owner(http, self._sources.endpoints, token, user)
        whole = with_token({**secret, "kind": "user"}, token)
        sealed = self._sources.keyring.seal(
            json.dumps(whole).encode(), tenant_id=job.tenant_id, table="mailboxes", row=str(job.mailbox_id)
        )
        async with self._db.tenant(job.tenant_id) as session:
            await push.store_secret(session, job.tenant_id, job.mailbox_id, sealed)
            await mailboxes.set_state(session, job.tenant_id, job.mailbox_id, "active", only_from="needs_reauth")
            await mailbox_jobs.keep_sealed(session, job.tenant_id, UUID(answer["asked_by_job"]), None)
        return {"agreed": True}

    async def _mailbox(self, job: MailboxJob) -> tuple[Mailbox, dict[str, Any]]:
        async with self._db.tenant(job.tenant_id) as session:
            mailbox = await mailboxes.get(session, job.tenant_id, job.mailbox_id)
        if mailbox is None or mailbox.provider not in ("imap", "gmail", "microsoft"):
            raise AuthFailed("This mailbox asks nobody for consent.")
        return mailbox, mailbox.secret(self._sources.keyring)

    async def _opened(self, tenant_id: UUID, job_id: UUID) -> dict[str, Any]:
        async with self._db.tenant(tenant_id) as session:
            row = await mailbox_jobs.get(session, tenant_id, job_id)
        if row is None or row["sealed"] is None:
            raise AuthFailed("This consent was used already, or is too old: ask for it again.")
        plain: dict[str, Any] = json.loads(
            self._sources.keyring.open(row["sealed"], tenant_id=tenant_id, table="mailbox_jobs", row=str(job_id))
        )
        return plain

    def _sealed(self, tenant_id: UUID, job: MailboxJob, plain: dict[str, Any]) -> str:
        return self._sources.keyring.seal(
            json.dumps(plain).encode(), tenant_id=tenant_id, table="mailbox_jobs", row=str(job.job_id)
        )


def _imap(mailbox: Mailbox) -> tuple[ImapSettings, OAuthClient]:
    try:
        settings = ImapSettings.model_validate(mailbox.settings)
    except ValidationError:
        raise AuthFailed("The mailbox's settings do not hold: enter them again.") from None
    if settings.oauth is None:
        raise AuthFailed("This mailbox asks nobody for consent.")
    return settings, settings.oauth
